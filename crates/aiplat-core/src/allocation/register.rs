//! The host-wide register of what each stack has reserved: a cache under a lock, rebuilt from labels and manifests.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::names::{StackId, StackName};
use crate::spec::IpProtocol;

/// All reservations on a host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// One entry a stack.
    pub stacks: Vec<Reservation>,
}

/// What one stack holds on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// The stack's name: its network's name.
    pub stack: StackName,
    /// Its identity.
    pub stack_id: StackId,
    /// Its directory, canonical.
    pub base_dir: PathBuf,
    /// Its subnet.
    pub subnet: Ipv4Net,
    /// Its users: the stack's own and openclaw's.
    pub uids: BTreeSet<u32>,
    /// Their groups.
    pub gids: BTreeSet<u32>,
    /// Its host ports.
    pub ports: BTreeSet<ReservedPort>,
    /// Its graphics processors.
    #[serde(default)]
    pub gpus: BTreeSet<u32>,
    /// The prefix of its containers' names.
    pub container_prefix: String,
    /// Its domain.
    pub domain: String,
}

/// A port at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReservedPort {
    /// Host address; unspecified means all.
    pub address: Ipv4Addr,
    /// Port.
    pub port: u16,
    /// Transport.
    pub protocol: IpProtocol,
}

impl Register {
    /// The entry of the stack with this identity.
    pub fn get(&self, id: &StackId) -> Option<&Reservation> {
        self.stacks.iter().find(|r| r.stack_id == *id)
    }

    /// Puts an entry in, in place of an older one of the same stack.
    pub fn put(&mut self, reservation: Reservation) {
        self.remove(&reservation.stack_id);
        self.stacks.push(reservation);
        self.stacks
            .sort_by(|a, b| (&a.stack, &a.stack_id).cmp(&(&b.stack, &b.stack_id)));
    }

    /// Takes a stack's entry out.
    pub fn remove(&mut self, id: &StackId) {
        self.stacks.retain(|r| r.stack_id != *id);
    }
}
