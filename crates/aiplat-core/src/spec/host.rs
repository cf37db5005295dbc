//! What is wanted on the host: directories, files, the network, the firewall, the cgroup, the profiles.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::text::Text;

/// A numeric owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// A directory of the stack. Ownership is set when it is made; later a difference is reported, never mended by force below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DirectorySpec {
    /// Absolute path.
    pub path: PathBuf,
    /// Owner.
    pub owner: Owner,
    /// Octal mode; no wider than 0o750.
    pub mode: u32,
}

/// A file that the tool writes, replaced atomically.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSpec {
    /// Absolute path.
    pub path: PathBuf,
    /// Whole content.
    pub content: Text,
    /// Owner.
    pub owner: Owner,
    /// Octal mode.
    pub mode: u32,
}

/// The stack's own bridge network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NetworkSpec {
    /// Name on the engine.
    pub name: String,
    /// Subnet; IPv4.
    pub subnet: Ipv4Net,
    /// The host's address on it.
    pub gateway: Ipv4Addr,
    /// Bridge interface on the host.
    pub bridge: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// Rules that close the host's own listeners and other stacks to a stack's bridge: replies to what the host itself opened
/// pass, all else that enters by the bridge for the host is dropped, and so is what goes to another stack's bridge or comes
/// from one. The engine's name server is inside the containers and unaffected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FirewallSpec {
    /// The stack's bridge interface.
    pub bridge: String,
    /// The chain that holds the rules of all stacks.
    pub chain: String,
}

/// The chain of ours in the host's filter table.
pub const FIREWALL_CHAIN: &str = "AIPLAT-INPUT";

/// The parent cgroup of a stack that has limits of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CgroupSpec {
    /// Name as the engine is given it: `/aiplat-<id>` for the cgroupfs driver, `aiplat-<id>.slice` for systemd's.
    pub parent: String,
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Thousandths of a processor.
    pub milli_cpus: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u32>,
}

/// The limit of disk space of a stack's directory, which the file system holds by a project quota.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuotaSpec {
    /// The stack's `BASE_DIR`, canonical.
    pub base_dir: PathBuf,
    /// The project that everything in it belongs to; see [`project`].
    pub project: u32,
    /// Bytes; nothing takes a limit away that was there. The kernel keeps whole kibibytes.
    pub bytes: Option<u64>,
}

const FIRST_PROJECT: u32 = 0x6169_0000;

/// The project of a stack by its user. No two stacks of a host share a user (the register sees to it), so no two share a
/// project; and the numbers begin where no table of projects that people write does.
pub fn project(uid: u32) -> u32 {
    FIRST_PROJECT | (uid & 0xffff)
}

/// Whether a project is one that a stack may have.
pub fn is_project(number: u32) -> bool {
    number & 0xffff_0000 == FIRST_PROJECT
}

/// One `AppArmor` profile: its source and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProfileFile {
    /// Name of the profile and of both files.
    pub name: String,
    /// The profile's text.
    pub text: String,
    /// The stack's own copy, under `APPARMOR_PROFILE_DIR`.
    pub source: PathBuf,
    /// The copy that the host's boot loads.
    pub system: PathBuf,
}
