//! Which interface of the host has which address.
//!
//! An address goes with the bridge of somebody's network, and comes back with the next network that takes its place. What is
//! sent to it in between goes to the next router, and whoever answers then is not the host.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::if_nametoindex;

/// The host's addresses at one moment, each with the number of its interface: a bridge that is made anew has another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostAddresses(BTreeMap<IpAddr, u32>);

impl HostAddresses {
    /// None where the kernel does not say.
    pub(super) fn now() -> Option<Self> {
        let all = getifaddrs().ok()?;
        let of = |found: nix::ifaddrs::InterfaceAddress| {
            let address = found.address?;
            let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
            let v6 = || address.as_sockaddr_in6().map(|a| IpAddr::V6(a.ip()));
            let index = if_nametoindex(found.interface_name.as_str()).ok()?;
            Some((v4.or_else(v6)?, index))
        };
        Some(Self(all.filter_map(of).collect()))
    }

    /// Those of them that the same interfaces have now; all where the kernel does not say.
    pub(super) fn still(&self) -> Self {
        Self::now().map_or_else(|| self.clone(), |now| self.and(&now))
    }

    fn and(&self, other: &Self) -> Self {
        let both = self.0.iter().filter(|(ip, at)| other.0.get(ip) == Some(at));
        Self(both.map(|(ip, at)| (*ip, *at)).collect())
    }

    /// Whether a destination is among them. One of a link has other numbers inside a container, and is nobody's behind a
    /// router.
    pub(super) fn has(&self, to: &SocketAddr) -> bool {
        matches!(to, SocketAddr::V6(v6) if v6.scope_id() != 0) || self.0.contains_key(&to.ip())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_came_back_with_another_bridge_is_not_the_same() {
        let at = |all: &[(&str, u32)]| {
            let all = all.iter().map(|(ip, index)| (ip.parse().unwrap(), *index));
            HostAddresses(all.collect())
        };
        let before = at(&[("10.0.0.1", 2), ("10.9.0.1", 7), ("10.8.0.1", 8)]);
        let after = at(&[("10.0.0.1", 2), ("10.9.0.1", 9), ("10.7.0.1", 8)]);
        let still = before.and(&after);
        assert_eq!(still, at(&[("10.0.0.1", 2)]));
        assert!(still.has(&"10.0.0.1:80".parse().unwrap()));
        assert!(!still.has(&"10.9.0.1:80".parse().unwrap()));
        assert!(still.has(&"[fe80::1%3]:80".parse().unwrap()));
    }

    #[test]
    fn the_host_has_its_loopback() {
        let still = HostAddresses::now().unwrap().still();
        assert!(still.has(&"127.0.0.1:1".parse().unwrap()));
        assert!(!still.has(&"192.0.2.1:1".parse().unwrap()));
    }
}
