//! What there is on a machine.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use aiplat_core::observed::{
    CgroupFacts, ContainerState, EngineFacts, ImageFacts, Listener, QuotaFacts,
};
use aiplat_core::spec::{ContainerSpec, NetworkMode, NetworkSpec, Owner};
use aiplat_docker::engine::EngineEvent;

use super::answers::{Lesson, Server};
use super::disk;
use super::doors::{Door, Roles};

/// One container.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) spec: ContainerSpec,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) once: bool,
    pub(super) state: ContainerState,
    pub(super) exit_code: i64,
    pub(super) address: Option<Ipv4Addr>,
    /// Id of the container whose network namespace it shares.
    pub(super) shares: Option<String>,
    pub(super) pid: u32,
    pub(super) starts: u32,
    /// Dropped with the run: nobody answers for a container that does not run.
    pub(super) servers: Vec<Server>,
    /// What it lets in while it runs.
    pub(super) door: Door,
}

/// A node of a tailnet whose every key works once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TailnetNode {
    /// The keys that it was signed in with by a command, in order.
    pub keys: Vec<String>,
}

/// An attached command.
#[derive(Debug, Clone, Default)]
pub(super) struct Exec {
    pub(super) argv: Vec<String>,
    pub(super) input: Arc<Mutex<Vec<u8>>>,
    pub(super) exit_code: i64,
}

/// Something at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Directory {
        /// Owner.
        owner: Owner,
        /// Mode.
        mode: u32,
    },
    /// A regular file.
    File {
        /// Owner.
        owner: Owner,
        /// Mode.
        mode: u32,
        /// Content.
        content: Vec<u8>,
    },
    /// A symbolic link.
    Link,
}

/// Everything.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    pub(super) facts: EngineFacts,
    pub(super) containers: BTreeMap<String, Container>,
    pub(super) networks: BTreeMap<String, NetworkSpec>,
    pub(super) images: BTreeMap<String, ImageFacts>,
    /// Images that a registry has; every one when `None`.
    pub(super) registry: Option<BTreeSet<String>>,
    /// Images whose containers never become ready.
    pub(super) sick: BTreeSet<String>,
    /// Images in which a check finds its configuration wrong.
    pub(super) refused: BTreeSet<String>,
    /// Images whose containers end at once, with an exit code.
    pub(super) ends: BTreeMap<String, i64>,
    /// What containers wrote, by image.
    pub(super) logs: BTreeMap<String, Vec<String>>,
    /// What programs write, by image and first word of the command.
    pub(super) says: BTreeMap<(String, String), Vec<u8>>,
    /// Attached commands and how they ended.
    pub(super) execs: BTreeMap<String, Exec>,
    /// What happened, oldest first.
    pub(super) events: Vec<EngineEvent>,
    /// How services answer.
    pub(super) lessons: BTreeMap<String, Lesson>,
    /// Roles of database servers, by the container's name: they outlive it, as its data does.
    pub(super) roles: BTreeMap<String, Roles>,
    /// Nodes of a tailnet, by the container's name: their state outlives it, as its data does.
    pub(super) nodes: BTreeMap<String, TailnetNode>,
    /// Programs write into their data when they start.
    pub(super) writing: bool,
    pub(super) next: u32,
    pub(super) tree: BTreeMap<PathBuf, Node>,
    /// What is at and below this is not in the tree, but on this machine's own disk.
    pub(super) disk: Option<PathBuf>,
    pub(super) listeners: BTreeSet<Listener>,
    pub(super) guarded: BTreeSet<String>,
    pub(super) loaded: BTreeMap<String, String>,
    pub(super) cgroups: BTreeMap<String, CgroupFacts>,
    pub(super) quotas: BTreeMap<PathBuf, QuotaFacts>,
    pub(super) released: Vec<String>,
}

impl State {
    fn is_on_disk(&self, path: &Path) -> bool {
        self.disk
            .as_ref()
            .is_some_and(|disk| path.starts_with(disk))
    }

    /// What is at a path.
    pub(super) fn node(&self, path: &Path) -> Option<Node> {
        if self.is_on_disk(path) {
            disk::node(path)
        } else {
            self.tree.get(path).cloned()
        }
    }

    /// Everything at and below a path.
    pub(super) fn below(&self, path: &Path) -> BTreeMap<PathBuf, Node> {
        if self.is_on_disk(path) {
            return disk::below(path);
        }
        let all = self.tree.iter().filter(|(p, _)| p.starts_with(path));
        all.map(|(p, node)| (p.clone(), node.clone())).collect()
    }

    pub(super) fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// The container of this id or name.
    pub(super) fn find(&self, id: &str) -> Option<String> {
        let by_id = self.containers.contains_key(id).then(|| id.to_owned());
        by_id.or_else(|| {
            let named = self.containers.iter().find(|(_, c)| c.name == id);
            named.map(|(id, _)| id.clone())
        })
    }

    pub(super) fn running(&self) -> impl Iterator<Item = (&String, &Container)> {
        self.containers
            .iter()
            .filter(|(_, c)| c.state == ContainerState::Running)
    }
}

impl Container {
    /// The network it is attached to by its own.
    pub(super) fn network(&self) -> Option<&str> {
        match &self.spec.network {
            NetworkMode::Stack { network, .. } => Some(network),
            NetworkMode::Container { .. } | NetworkMode::None => None,
        }
    }
}
