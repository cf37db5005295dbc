//! What is there: the engine and the host as they were seen, handed to the planner as data.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::AddAssign;
use std::path::PathBuf;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::names::StackId;
use crate::spec::{Bind, IpProtocol, Owner, label};

/// Everything the planner may know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The engine.
    pub engine: EngineFacts,
    /// All containers on the engine, running or not, of all stacks and of nobody.
    pub containers: Vec<ObservedContainer>,
    /// All networks on the engine.
    pub networks: Vec<ObservedNetwork>,
    /// Image references that the engine has (tags and digests), each with whether it is labelled a stand-in.
    pub images: BTreeMap<String, ImageFacts>,
    /// The host.
    pub host: HostFacts,
    /// The state of each path that was asked about.
    pub paths: BTreeMap<PathBuf, PathState>,
    /// The first line of each file that a program keeps its version in, where there is one.
    #[serde(default)]
    pub versions: BTreeMap<PathBuf, String>,
    /// Containers by id that run, and that a run which was cut short had begun to stop so recently that the engine may
    /// still be at it: it finishes a stop whose caller is gone.
    #[serde(default)]
    pub stopping: BTreeSet<String>,
}

/// The engine's own account of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineFacts {
    /// Product version, such as `20.10.24`.
    pub version: String,
    /// API version in use, such as `1.41`.
    pub api_version: String,
    /// `docker` or `podman`.
    pub product: String,
    /// Whether it applies `AppArmor` profiles.
    pub apparmor: bool,
    /// Whether it runs without root.
    pub rootless: bool,
    /// Whether this host can reach containers by their addresses.
    pub reachable: bool,
    /// `cgroupfs`, `systemd` or `none`.
    pub cgroup_driver: String,
    /// 1 or 2.
    pub cgroup_version: u8,
    /// Where it keeps its data.
    pub root_dir: PathBuf,
    /// Processors.
    pub cpus: u32,
    /// Memory in bytes.
    pub memory_bytes: u64,
}

/// What is known of an image without pulling it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Engine id.
    pub id: String,
    /// Labelled as an imitation.
    pub stand_in: bool,
    /// Paths that it declares to be volumes; `None` where the image was only listed and not looked at.
    #[serde(default)]
    pub volumes: Option<BTreeSet<String>>,
    /// Its environment, where it was looked at.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// A container's state, as the engine names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContainerState {
    /// Made, never started.
    Created,
    /// Running.
    Running,
    /// Frozen.
    Paused,
    /// Between two starts.
    Restarting,
    /// On its way out.
    Removing,
    /// Ended.
    Exited,
    /// The engine could not stop or remove it.
    Dead,
}

/// One container on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedContainer {
    /// Engine id.
    pub id: String,
    /// Name, without slash.
    pub name: String,
    /// Image reference as it was given.
    pub image: String,
    /// State.
    pub state: ContainerState,
    /// The engine's words for it, such as `Up 3 minutes (healthy)`.
    pub status: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Networks it is attached to, with its address where it has one.
    pub networks: BTreeMap<String, Option<Ipv4Addr>>,
    /// Host ports it holds.
    pub ports: Vec<ObservedPort>,
    /// Directories and files of the host that it sees; `None` where the engine's list does not tell.
    #[serde(default)]
    pub mounts: Option<BTreeSet<Bind>>,
    /// Its limits as the kernel has them; `None` where it does not run, or they were not found.
    #[serde(default)]
    pub limits: Option<CgroupFacts>,
    /// Settings that the engine has otherwise than the specification it was made from, in words and without values;
    /// `None` where they were not compared, since that costs a call a container.
    #[serde(default)]
    pub differs: Option<Vec<String>>,
    /// When it was made, seconds since 1970.
    pub created: i64,
}

/// A port that a container holds on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObservedPort {
    /// Host address; unspecified means all.
    pub address: IpAddr,
    /// Host port.
    pub host: u16,
    /// Container port.
    pub container: u16,
    /// Transport.
    pub protocol: IpProtocol,
}

/// One network on the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedNetwork {
    /// Engine id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Driver, such as `bridge`.
    pub driver: String,
    /// Subnets.
    pub subnets: Vec<Ipv4Net>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// What the host says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Sockets that something listens on, TCP and UDP.
    pub listeners: BTreeSet<Listener>,
    /// Destinations that the host has routes for, the default route excepted.
    pub routes: BTreeSet<Ipv4Net>,
    /// The host's own addresses with their networks.
    pub addresses: BTreeSet<Ipv4Net>,
    /// `AppArmor`.
    pub apparmor: AppArmorFacts,
    /// Whether the firewall's tool is there and which bridges have their rules.
    pub firewall: FirewallFacts,
    /// The parent cgroup's limits as the kernel has them, when it exists.
    pub cgroup: Option<CgroupFacts>,
    /// What the stack's containers use of what it has limits for; nothing where it was not asked.
    #[serde(default)]
    pub cgroup_use: CgroupUse,
    /// The limit of disk space, where the stack has one or had one.
    #[serde(default)]
    pub quota: Option<QuotaFacts>,
    /// Where `BASE_DIR` lies.
    pub volume: VolumeFacts,
    /// Graphics processors that the host's NVIDIA driver has, numbered from 0.
    #[serde(default)]
    pub gpus: u32,
    /// Largest number of open files the engine's containers may ask for.
    pub max_open_files: u64,
}

/// One listening socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Listener {
    /// Address; unspecified means all.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
    /// Transport.
    pub protocol: IpProtocol,
}

/// What the kernel and the host have of `AppArmor`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppArmorFacts {
    /// The kernel enforces it.
    pub enabled: bool,
    /// The parser is installed.
    pub parser: bool,
    /// Profiles the kernel has loaded, with their mode.
    pub loaded: BTreeMap<String, String>,
    /// Files of ours among those that the host loads when it boots, whether or not the kernel has them now.
    #[serde(default)]
    pub files: BTreeSet<String>,
}

/// The host's firewall, as far as it concerns stacks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallFacts {
    /// The tool is installed and answers.
    pub available: bool,
    /// Bridges whose rules are in place, in effect before any rule that accepts.
    pub guarded: BTreeSet<String>,
    /// Bridges that a rule of ours names, whether or not all of their rules are in place.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub named: BTreeSet<String>,
    /// The next boot of the host would not put them back, and could.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unkept: bool,
}

/// A cgroup's limits as read from the kernel; `None` is unlimited.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupFacts {
    /// Memory in bytes.
    pub memory_bytes: Option<u64>,
    /// Thousandths of a processor.
    pub milli_cpus: Option<u64>,
    /// Processes and threads.
    pub pids: Option<u32>,
}

/// What processes of cgroups use at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CgroupUse {
    /// Memory in bytes, without what the kernel keeps of files and gives back when it must.
    pub memory_bytes: u64,
    /// Processes and threads.
    pub pids: u64,
}

impl AddAssign for CgroupUse {
    fn add_assign(&mut self, other: Self) {
        self.memory_bytes += other.memory_bytes;
        self.pids += other.pids;
    }
}

/// What the file system of a stack's directory holds it to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuotaFacts {
    /// Why no limit can be held here.
    pub refusal: Option<QuotaRefusal>,
    /// The project of `BASE_DIR`, where it is one of a stack's and handed on to what is made in it.
    pub project: Option<u32>,
    /// The limit in bytes, as the kernel has it.
    pub limit_bytes: Option<u64>,
    /// Bytes that the stack's project has in use.
    pub used_bytes: u64,
    /// `BASE_DIR` and the directories in it, two levels deep, belong to the stack's project, and so will what is made in
    /// them.
    pub marked: bool,
}

/// Why a limit of disk space cannot be held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum QuotaRefusal {
    /// The file system has no such quotas, or none that this program can set.
    #[error("expected ext4 or xfs below `{}`, found {file_system}", .at.display())]
    FileSystem {
        /// Where the file system is mounted.
        at: PathBuf,
        /// Its type.
        file_system: String,
    },
    /// They are off.
    #[error(
        "expected the {file_system} file system at `{}` to be mounted with the option `prjquota`", .at.display()
    )]
    Option {
        /// Where the file system is mounted.
        at: PathBuf,
        /// Its type.
        file_system: String,
        /// What is mounted there.
        device: PathBuf,
    },
    /// A program that sets them is missing.
    #[error("expected the program `{program}`")]
    Program {
        /// Its name.
        program: String,
        /// The Debian package that has it.
        package: String,
    },
    /// This kind of host is not asked for quotas.
    #[error("expected a host that can hold a directory to a limit")]
    Host,
}

impl QuotaRefusal {
    /// What the operator can do.
    pub fn hint(&self) -> String {
        let without = "or take `STACK_DISK` out";
        match self {
            Self::FileSystem { .. } => {
                format!("give the stack a volume of its own (`aiplat setup --device`), {without}")
            }
            Self::Option {
                at,
                file_system,
                device,
            } => {
                let (at, device) = (at.display(), device.display());
                let features = if file_system == "ext4" {
                    format!(
                        "`tune2fs -O project,quota -Q prjquota {device}` while it is not mounted, then "
                    )
                } else {
                    String::new()
                };
                format!(
                    "{features}`prjquota` among the options of `{at}` in `/etc/fstab`, unmounted and mounted again (a \
                     remount is not enough); {without}"
                )
            }
            Self::Program { package, .. } => format!("install the package `{package}`, {without}"),
            Self::Host => without.trim_start_matches("or ").to_owned(),
        }
    }
}

/// Where `BASE_DIR` lies.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeFacts {
    /// It exists and is a directory.
    pub exists: bool,
    /// It is the root of a mount of its own.
    pub mount_point: bool,
    /// Bytes free for others than root.
    pub free_bytes: u64,
    /// File system type, such as `ext4`.
    pub file_system: String,
}

/// What a path is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathState {
    /// Nothing there.
    Absent,
    /// A directory.
    Directory {
        /// Owner.
        owner: Owner,
        /// Octal mode.
        mode: u32,
        /// Nothing in it.
        empty: bool,
    },
    /// A regular file.
    File {
        /// Owner.
        owner: Owner,
        /// Octal mode.
        mode: u32,
        /// SHA-256 of its content, hexadecimal.
        sha256: String,
    },
    /// A symbolic link: never followed.
    Link,
    /// A socket, device or pipe.
    Other,
}

impl ObservedContainer {
    /// Whether the container says it belongs to the stack with this identity.
    pub fn belongs_to(&self, stack: &StackId) -> bool {
        self.labels
            .get(label::STACK_ID)
            .is_some_and(|id| id == stack.as_str())
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).map(String::as_str)
    }
}

impl Observed {
    /// The state of a path; one that was not asked about counts as absent.
    pub fn path(&self, path: &std::path::Path) -> &PathState {
        self.paths.get(path).unwrap_or(&PathState::Absent)
    }
}

/// An image reference without what engines add or leave out: the default registry and its library folder.
pub(crate) fn familiar(reference: &str) -> &str {
    let short = reference.strip_prefix("docker.io/").unwrap_or(reference);
    short.strip_prefix("library/").unwrap_or(short)
}

impl Observed {
    /// What is known of an image that the engine has.
    pub fn image(&self, reference: &str) -> Option<&ImageFacts> {
        let wanted = familiar(reference);
        self.images
            .iter()
            .find(|(name, _)| familiar(name) == wanted)
            .map(|(_, facts)| facts)
    }

    /// Replaces what is known of an image that the engine has.
    pub fn look_at_image(&mut self, reference: &str, facts: ImageFacts) {
        let wanted = familiar(reference);
        let known = self
            .images
            .iter_mut()
            .find(|(name, _)| familiar(name) == wanted);
        match known {
            Some((_, known)) => *known = facts,
            None => {
                self.images.insert(reference.to_owned(), facts);
            }
        }
    }

    /// Whether the engine has an image.
    pub fn has_image(&self, reference: &str) -> bool {
        self.image(reference).is_some()
    }
}
