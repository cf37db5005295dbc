//! Sockets. Everything stays inside the machine.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{self, UnixDatagram, UnixListener, UnixStream};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket, socketpair};

use super::Op;
use crate::answer::{Failure, Outcome, through};

/// Nothing here should ever have to wait.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));

pub(super) const OPS: &[(&str, usize, Op)] = &[
    ("socket", 2, make),
    ("tcp", 1, tcp),
    ("udp", 1, udp),
    ("unix-pair", 1, |a| {
        socketpair(AddressFamily::UNIX, kind(a[0])?, SocketFlags::empty(), None)?;
        Ok(())
    }),
    ("unix-serve", 1, unix_serve),
    ("unix-datagram", 1, unix_datagram),
    ("unix-connect", 1, |a| {
        Ok(UnixStream::connect(a[0]).map(drop)?)
    }),
    ("abstract-connect", 1, |a| {
        let address = net::SocketAddr::from_abstract_name(a[0])?;
        Ok(UnixStream::connect_addr(&address).map(drop)?)
    }),
];

fn kind(word: &str) -> Result<SocketType, Failure> {
    Ok(match word {
        "stream" => SocketType::STREAM,
        "dgram" => SocketType::DGRAM,
        "raw" => SocketType::RAW,
        "seqpacket" => SocketType::SEQPACKET,
        _ => return Err(Failure::odd("socket-type")),
    })
}

fn family(word: &str) -> Result<AddressFamily, Failure> {
    Ok(match word {
        "inet" => AddressFamily::INET,
        "inet6" => AddressFamily::INET6,
        "unix" => AddressFamily::UNIX,
        "netlink" => AddressFamily::NETLINK,
        "packet" => AddressFamily::PACKET,
        // families without a name in the library, by the number in linux/socket.h
        "alg" => AddressFamily::from_raw(38),
        "vsock" => AddressFamily::from_raw(40),
        "bluetooth" => AddressFamily::from_raw(31),
        "can" => AddressFamily::from_raw(29),
        "xdp" => AddressFamily::from_raw(44),
        _ => return Err(Failure::odd("socket-family")),
    })
}

/// A socket. That the kernel has no such family is an answer from behind the permission check.
fn make(arguments: &[&str]) -> Outcome {
    let (family, kind) = (family(arguments[0])?, kind(arguments[1])?);
    // ICMP: a raw internet socket has to name its protocol
    let protocol = (kind == SocketType::RAW && arguments[0].starts_with("inet"))
        .then_some(rustix::net::ipproto::ICMP);
    through(
        socket(family, kind, protocol),
        &[
            Errno::AFNOSUPPORT,
            Errno::SOCKTNOSUPPORT,
            Errno::PROTONOSUPPORT,
        ],
    )
}

/// Listens, connects, sends a byte and reads it back, on one loopback address.
fn tcp(arguments: &[&str]) -> Outcome {
    let listener = TcpListener::bind(address(arguments[0])?)?;
    let mut client = TcpStream::connect(listener.local_addr()?)?;
    let (mut server, _) = listener.accept()?;
    server.set_read_timeout(PATIENCE)?;
    client.write_all(b"x")?;
    let mut byte = [0];
    Ok(server.read_exact(&mut byte)?)
}

fn udp(arguments: &[&str]) -> Outcome {
    let (one, other) = (
        UdpSocket::bind(address(arguments[0])?)?,
        UdpSocket::bind(address(arguments[0])?)?,
    );
    other.set_read_timeout(PATIENCE)?;
    one.send_to(b"x", other.local_addr()?)?;
    let mut byte = [0];
    Ok(other.recv(&mut byte).map(drop)?)
}

fn address(ip: &str) -> Result<SocketAddr, Failure> {
    Ok(SocketAddr::new(
        ip.parse().map_err(|_| Failure::odd("address"))?,
        0,
    ))
}

fn unix_serve(arguments: &[&str]) -> Outcome {
    let listener = UnixListener::bind(arguments[0])?;
    let client = UnixStream::connect(arguments[0]).and_then(|_| listener.accept());
    fs::remove_file(arguments[0])?;
    Ok(client.map(drop)?)
}

fn unix_datagram(arguments: &[&str]) -> Outcome {
    let socket = UnixDatagram::bind(arguments[0])?;
    let sent = UnixDatagram::unbound().and_then(|other| other.send_to(b"x", arguments[0]));
    fs::remove_file(arguments[0])?;
    drop(socket);
    Ok(sent.map(drop)?)
}
