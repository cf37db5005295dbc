//! What the host's network already uses: listening sockets, routes, addresses.

use std::collections::BTreeSet;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use aiplat_core::observed::Listener;
use aiplat_core::spec::IpProtocol;
use ipnet::Ipv4Net;
use procfs::net::{RouteEntries, TcpNetEntries, TcpState, UdpNetEntries, UdpState};
use procfs::{FromBufRead, FromBufReadSI};

use super::HostError;

/// A route this wide is a default route in disguise: tunnels put two of them in its place.
const DISGUISED_DEFAULT: u8 = 1;

/// TCP sockets that listen and UDP sockets that are bound and talk to nobody in particular, of this network namespace.
pub(crate) fn listeners(proc: &Path) -> Result<BTreeSet<Listener>, HostError> {
    let mut found = BTreeSet::new();
    for name in ["tcp", "tcp6"] {
        let parse = |text: &[u8]| TcpNetEntries::from_buf_read(text, procfs::current_system_info());
        let Some(entries) = table(proc, name, parse)? else {
            continue;
        };
        for entry in entries
            .0
            .into_iter()
            .filter(|e| e.state == TcpState::Listen)
        {
            found.insert(listener(entry.local_address, IpProtocol::Tcp));
        }
    }
    for name in ["udp", "udp6"] {
        let parse = |text: &[u8]| UdpNetEntries::from_buf_read(text, procfs::current_system_info());
        let Some(entries) = table(proc, name, parse)? else {
            continue;
        };
        for entry in entries.0.into_iter().filter(|e| e.state == UdpState::Close) {
            found.insert(listener(entry.local_address, IpProtocol::Udp));
        }
    }
    Ok(found)
}

fn listener(local: std::net::SocketAddr, protocol: IpProtocol) -> Listener {
    // an IPv4 socket of a program that speaks both
    Listener {
        address: local.ip().to_canonical(),
        port: local.port(),
        protocol,
    }
}

/// Destinations of the main routing table. Other tables, as policy routing has them, are not in `/proc`: a subnet that
/// only such a table routes is not seen here.
pub(crate) fn routes(proc: &Path) -> Result<BTreeSet<Ipv4Net>, HostError> {
    let Some(entries) = table(proc, "route", |text| RouteEntries::from_buf_read(text))? else {
        return Ok(BTreeSet::new());
    };
    let nets = entries
        .0
        .into_iter()
        .filter_map(|entry| Ipv4Net::with_netmask(entry.destination, entry.mask).ok());
    Ok(nets
        .filter(|net| net.prefix_len() > DISGUISED_DEFAULT)
        .map(|net| net.trunc())
        .collect())
}

/// The host's own IPv4 addresses with the networks they are in.
pub(crate) fn addresses() -> Result<BTreeSet<Ipv4Net>, HostError> {
    let interfaces = nix::ifaddrs::getifaddrs()
        .map_err(|e| HostError::io("read", "getifaddrs".as_ref(), io::Error::from(e)))?;
    let ip = |storage: Option<nix::sys::socket::SockaddrStorage>| -> Option<Ipv4Addr> {
        storage.and_then(|s| s.as_sockaddr_in().map(nix::sys::socket::SockaddrIn::ip))
    };
    Ok(interfaces
        .filter_map(|i| Ipv4Net::with_netmask(ip(i.address)?, ip(i.netmask)?).ok())
        .collect())
}

/// Reads one table of this process's network namespace; nothing where the kernel has none, as without IPv6.
fn table<T>(
    proc: &Path,
    name: &str,
    parse: impl FnOnce(&[u8]) -> procfs::ProcResult<T>,
) -> Result<Option<T>, HostError> {
    let path = proc.join("self/net").join(name);
    let text = match std::fs::read(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|e| HostError::io("read", &path, e))?,
    };
    parse(&text).map(Some).map_err(|_| HostError::Malformed {
        path,
        expected: "a table of the kernel's network",
    })
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};

    use super::*;

    #[test]
    fn what_listens_is_seen_and_what_does_not_is_not() {
        let tcp = TcpListener::bind("127.7.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.7.0.2:0").unwrap();
        let client = std::net::TcpStream::connect(tcp.local_addr().unwrap()).unwrap();
        let found = listeners(Path::new("/proc")).unwrap();
        let has =
            |address: std::net::SocketAddr, protocol| found.contains(&listener(address, protocol));
        assert!(has(tcp.local_addr().unwrap(), IpProtocol::Tcp));
        assert!(has(udp.local_addr().unwrap(), IpProtocol::Udp));
        assert!(!has(client.local_addr().unwrap(), IpProtocol::Tcp));
    }

    #[test]
    fn routes_but_no_default() {
        let proc = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(proc.path().join("self/net")).unwrap();
        let header =
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
        let rows = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                    tun0\t00000080\t0101A8C0\t0003\t0\t0\t0\t00000080\t0\t0\t0\n\
                    eth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
                    *\t0000000A\t00000000\t0200\t0\t0\t0\t000000FF\t0\t0\t0\n";
        std::fs::write(
            proc.path().join("self/net/route"),
            format!("{header}{rows}"),
        )
        .unwrap();
        let found: Vec<_> = routes(proc.path())
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, ["10.0.0.0/8", "192.168.1.0/24"]);
        assert!(routes(Path::new("/nowhere")).unwrap().is_empty());
        routes(Path::new("/proc")).unwrap();
    }

    #[test]
    fn the_loopback_address_is_the_host_s() {
        let loopback: Ipv4Net = "127.0.0.1/8".parse().unwrap();
        assert!(addresses().unwrap().contains(&loopback));
    }
}
