//! Addresses of the newer internet protocol, as the kernel lists them.

use std::fs;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

/// What the kernel calls an address's reach.
const GLOBAL: u32 = 0x00;
const LINK: u32 = 0x20;

/// Flags of an address that is being tried out, and of one that another was found to have.
const TENTATIVE: u32 = 0x40;
const DUPLICATE: u32 = 0x08;

/// How long an address is waited for: the kernel tries one out for one to two seconds.
const SETTLING: Duration = Duration::from_secs(4);

/// One line of the kernel's list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::proof) struct Entry {
    pub(in crate::proof) address: Ipv6Addr,
    /// Number of the interface, in its own network namespace.
    interface: u32,
    reach: u32,
    /// The kernel still asks whether another has it, and answers nobody by it until then.
    tentative: bool,
}

impl Entry {
    /// Whether it means the same from everywhere; loopback is neither this nor of one link.
    pub(in crate::proof) fn global(self) -> bool {
        self.reach == GLOBAL
    }
}

/// The addresses in the network of a process; nothing where its kernel or its network has none.
pub(in crate::proof) fn of(proc: &Path, pid: &str) -> Vec<Entry> {
    let text = fs::read_to_string(proc.join(pid).join("net/if_inet6")).unwrap_or_default();
    text.lines().filter_map(entry).collect()
}

/// Waits until the addresses of the host and of these processes are in use, in vain after some seconds: by one that is
/// still tried out nothing gets through, and a way that is open would be taken for closed.
pub(super) async fn settled(proc: &Path, pids: impl Iterator<Item = u32> + Clone) {
    let trying = || {
        let all = pids.clone().map(|pid| pid.to_string());
        let all = std::iter::once("self".to_owned()).chain(all);
        all.flat_map(|pid| of(proc, &pid)).any(|e| e.tentative)
    };
    let end = Instant::now() + SETTLING;
    while trying() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split_whitespace();
    let address = u128::from_str_radix(words.next()?, 16).ok()?;
    let interface = u32::from_str_radix(words.next()?, 16).ok()?;
    let reach = u32::from_str_radix(words.nth(1)?, 16).ok()?;
    let flags = u32::from_str_radix(words.next()?, 16).ok()?;
    Some(Entry {
        address: address.into(),
        interface,
        reach,
        tentative: flags & TENTATIVE != 0 && flags & DUPLICATE == 0,
    })
}

/// The host's addresses at a port, as a container's process has to write them: those of one link name the container's
/// interface, and are tried through each that it has.
pub(super) fn host_at(proc: &Path, pid: u32, port: u16) -> Vec<SocketAddr> {
    let inside = of(proc, &pid.to_string());
    let links: Vec<u32> = inside
        .iter()
        .filter(|e| e.reach == LINK)
        .map(|e| e.interface)
        .collect();
    let mut found = Vec::new();
    for entry in of(proc, "self") {
        if entry.global() {
            found.push(SocketAddrV6::new(entry.address, port, 0, 0).into());
        } else if entry.reach == LINK {
            let through = links.iter();
            found.extend(
                through.map(|i| SocketAddr::from(SocketAddrV6::new(entry.address, port, 0, *i))),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_reach() {
        let line = "fe8000000000000000fc00fffe000001 04 40 20 80     eth0";
        let found = entry(line).unwrap();
        assert_eq!(
            found.address,
            "fe80::fc:ff:fe00:1".parse::<Ipv6Addr>().unwrap()
        );
        assert_eq!(
            (found.interface, found.reach, found.global()),
            (4, LINK, false)
        );
        assert!(!found.tentative);
        let line = "fd00a1a9000000000000000000000001 3656 40 00 c0 br-1";
        assert!(entry(line).unwrap().tentative);
        let line = "fd00a1a9000000000000000000000001 3656 40 00 c8 br-1";
        assert!(!entry(line).unwrap().tentative, "it stays a duplicate");
        let line = "00000000000000000000000000000001 01 80 10 80       lo";
        assert!(!entry(line).unwrap().global());
        assert!(
            entry("fd00000000000000000000000000000a 1c 40 00 80 eth0")
                .unwrap()
                .global()
        );
        assert_eq!(entry("x"), None);
    }
}
