//! One container, complete.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::host::Owner;
use crate::names::{ContainerName, ServiceName};
use crate::text::{Text, hex};

/// A container as the engine is asked to make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ContainerSpec {
    /// The service it runs.
    pub service: ServiceName,
    /// Its name on the engine.
    pub name: ContainerName,
    /// Image reference, tag or digest included.
    pub image: String,
    /// Replaces the image's entry point when given.
    pub entrypoint: Option<Vec<Text>>,
    /// Arguments; `None` keeps the image's own.
    pub command: Option<Vec<Text>>,
    /// Environment; order is the key's.
    pub env: BTreeMap<String, Text>,
    /// UID and GID of the first process.
    pub user: Owner,
    /// Further groups of the process.
    pub groups: Vec<u32>,
    /// Working directory, when not the image's.
    pub workdir: Option<String>,
    /// Where it is attached.
    pub network: NetworkMode,
    /// Host ports; empty when it shares another container's network namespace.
    pub ports: Vec<PublishedPort>,
    /// Bind mounts from the stack's own directories.
    pub binds: Vec<Bind>,
    /// In-memory file systems.
    pub tmpfs: Vec<Tmpfs>,
    /// Whether the root file system is read-only.
    pub read_only: bool,
    /// Capabilities added after all are dropped, without the `CAP_` prefix.
    pub capabilities: Vec<String>,
    /// `AppArmor` profile; `None` where the kernel has none or `APPARMOR=off`.
    pub apparmor: Option<String>,
    /// Whether the engine's `init` runs as PID 1.
    pub init: bool,
    /// `/dev/shm` in bytes, when not the engine's 64 MiB.
    pub shm_bytes: Option<u64>,
    /// Memory, processor and process limits.
    pub limits: Limits,
    /// Graphics processors it sees, by the numbers of the NVIDIA driver.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gpus: Vec<u32>,
    /// The stack's parent cgroup, when it has limits of its own.
    pub cgroup_parent: Option<String>,
    /// The engine's own slow health check.
    pub engine_health: EngineHealth,
    /// Signal that asks it to stop, when not the image's.
    pub stop_signal: Option<String>,
    /// Seconds between that signal and SIGKILL.
    pub stop_seconds: u32,
    /// Labels, without the specification's own hash.
    pub labels: BTreeMap<String, String>,
    /// Keyed fingerprint of the configuration files it reads only at start; changes the hash when they change.
    pub config_fingerprint: Option<String>,
}

impl ContainerSpec {
    /// The specification's hash, worn as a label: 16 hexadecimal digits of SHA-256 over its JSON, in which
    /// secrets stand as keyed fingerprints.
    ///
    /// # Panics
    /// Never: a specification has only string keys.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("a specification has only string keys");
        hex(&Sha256::digest(json)[..8])
    }
}

/// Where a container is attached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkMode {
    /// The stack's own network, under these aliases.
    Stack {
        /// The network's name on the engine.
        network: String,
        /// Names it answers to there.
        aliases: Vec<String>,
    },
    /// The network namespace of another container of the stack.
    Container {
        /// The service that owns the namespace.
        service: ServiceName,
        /// That service's container.
        name: ContainerName,
    },
    /// No network: for checks of files.
    None,
}

/// A transport protocol.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum IpProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A container's port on the host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PublishedPort {
    /// Host address it binds to.
    pub address: Ipv4Addr,
    /// Host port.
    pub host: u16,
    /// Port inside the container.
    pub container: u16,
    /// Transport.
    pub protocol: IpProtocol,
}

/// A directory or file of the stack inside the container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, serde::Deserialize)]
pub struct Bind {
    /// Path on the host; must exist.
    pub source: PathBuf,
    /// Path in the container.
    pub target: String,
    /// Mounted read-only.
    pub read_only: bool,
}

/// An in-memory file system inside the container, always `nosuid,nodev`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Tmpfs {
    /// Path in the container.
    pub target: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Whether programs may be run from it.
    pub exec: bool,
    /// Octal mode, such as 0o1777.
    pub mode: u32,
    /// Its owner.
    pub owner: Owner,
}

/// Limits of one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Limits {
    /// Memory in bytes; swap is not added to it.
    pub memory_bytes: Option<u64>,
    /// Thousandths of a processor.
    pub milli_cpus: Option<u64>,
    /// Processes and threads.
    pub pids: u32,
}

/// The engine's own health check: slow, for the engine's own view (a probe costs it some 40 ms of processor).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EngineHealth {
    /// The engine's form: `CMD` or `CMD-SHELL` first; empty disables the image's own check.
    pub test: Vec<String>,
    /// Seconds between two probes.
    pub interval_seconds: u32,
    /// Seconds in which failures do not count.
    pub start_seconds: u32,
}

/// A container that runs to its end once, such as a configuration check; removed afterwards whatever happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunOnce {
    /// The container; its restart policy is none.
    pub container: ContainerSpec,
    /// Files that were written for it alone: they go with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub staged: Vec<PathBuf>,
    /// What it is for, in words for the event log.
    pub purpose: String,
    /// Seconds after which it is removed and counts as failed.
    pub deadline_seconds: u32,
}
