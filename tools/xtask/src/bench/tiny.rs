//! The sixteen tiny services, the same for all three.

use serde::{Deserialize, Serialize};

use super::place::Place;
use crate::Result;

/// The program that answers: static, two megabytes.
pub(crate) const IMAGE: &str = "localhost/aiplat/standin:1";
/// Its port.
pub(crate) const PORT: u16 = 8080;
/// The question that proves health: a GET of this path, 200, and [`BODY`] in the answer.
pub(crate) const PATH: &str = "/healthz";
pub(crate) const BODY: &str = "ok";
/// Limits and the tmpfs of each.
pub(crate) const MEMORY: u64 = 64 << 20;
pub(crate) const PIDS: u32 = 64;
pub(crate) const TMPFS: u64 = 16 << 20;
/// The engine's own slow check, where it is not what is waited for, seconds.
pub(crate) const SLOW_CHECK: u64 = 30;
/// Whom the services run as.
pub(crate) const UID: u32 = 61_234;

/// Each layer needs all of the one before it to be healthy.
const LAYERS: [(&str, usize); 4] = [("store", 3), ("core", 4), ("app", 8), ("gateway", 1)];

/// Those with a port on the host's loopback address.
const PUBLISHED: [&str; 4] = [
    "bench-app-1",
    "bench-app-2",
    "bench-app-3",
    "bench-gateway-1",
];

/// One of them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Tiny {
    /// Its name.
    pub(crate) name: String,
    /// What must be healthy before it starts.
    pub(crate) needs: Vec<String>,
    /// Its port on 127.0.0.1.
    pub(crate) host_port: Option<u16>,
}

impl Tiny {
    /// The manifest key of its port.
    pub(crate) fn port_key(&self) -> String {
        format!("{}_PORT", self.name.to_uppercase().replace('-', "_"))
    }
}

/// What a run of the bench brings up, as its children read it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stack {
    /// Name of the network, and prefix of the containers.
    pub(crate) name: String,
    /// Value of the label by which the next run finds what this one left.
    pub(crate) label: String,
    /// Files that every container has as `/etc/passwd` and `/etc/group`.
    pub(crate) passwd: String,
    pub(crate) group: String,
    /// In an order in which each comes after what it needs.
    pub(crate) services: Vec<Tiny>,
}

/// The services with ports that are free now.
pub(crate) fn services() -> Result<Vec<Tiny>> {
    let mut all: Vec<Tiny> = Vec::new();
    let mut below: Vec<String> = Vec::new();
    // held until all are found, so that no port is found twice
    let mut held = Vec::new();
    for (layer, count) in LAYERS {
        let mut names = Vec::new();
        for number in 1..=count {
            let name = format!("bench-{layer}-{number}");
            let mut host_port = None;
            if PUBLISHED.contains(&name.as_str()) {
                let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
                host_port = Some(listener.local_addr()?.port());
                held.push(listener);
            }
            names.push(name.clone());
            all.push(Tiny {
                name,
                needs: below.clone(),
                host_port,
            });
        }
        below = names;
    }
    Ok(all)
}

/// A stack of them under this name.
pub(crate) fn stack(name: String, place: &Place, services: Vec<Tiny>) -> Stack {
    Stack {
        name,
        label: place.label(),
        passwd: place.file("passwd"),
        group: place.file("group"),
        services,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_sixteen_in_four_layers_with_four_ports() {
        let all = services().unwrap();
        assert_eq!(all.len(), 16);
        let needs: Vec<usize> = all.iter().map(|t| t.needs.len()).collect();
        assert_eq!(needs, [0, 0, 0, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 8]);
        let ports: std::collections::BTreeSet<_> = all.iter().filter_map(|t| t.host_port).collect();
        assert_eq!(ports.len(), PUBLISHED.len());
    }
}
