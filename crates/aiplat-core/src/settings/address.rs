//! Addresses of the host and of the stack.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::Expected;

text! {
    /// `LOCALHOST`: the name or IPv4 address that probes from the host use.
    LocalName,
    LocalName,
    |text| {
        let name = text.to_ascii_lowercase();
        if name.parse::<Ipv4Addr>().is_ok() { Some(name) } else { super::dns::domain(&name, 253) }
    }
}

/// `STACK_SUBNET`: a private IPv4 network (RFC 1918) of size /16 to /28, given by its own address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Ipv4Net", into = "Ipv4Net")]
pub struct StackSubnet(Ipv4Net);

impl StackSubnet {
    /// The network.
    pub fn net(self) -> Ipv4Net {
        self.0
    }
}

impl TryFrom<Ipv4Net> for StackSubnet {
    type Error = Expected;

    fn try_from(net: Ipv4Net) -> Result<Self, Expected> {
        let sized = (16..=28).contains(&net.prefix_len());
        // no allowed network is larger than the private range it starts in
        let valid = sized && net.addr().is_private() && net.trunc() == net;
        if valid {
            Ok(Self(net))
        } else {
            Err(Expected::Subnet)
        }
    }
}

impl From<StackSubnet> for Ipv4Net {
    fn from(subnet: StackSubnet) -> Self {
        subnet.0
    }
}

impl FromStr for StackSubnet {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        text.parse::<Ipv4Net>()
            .map_err(|_| Expected::Subnet)?
            .try_into()
    }
}

impl fmt::Display for StackSubnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
