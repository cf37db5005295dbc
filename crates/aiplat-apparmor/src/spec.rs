//! What a service needs of its profile, and how that becomes rules.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Capability, ContainerPath, Profile, ProfileName, body};

/// The kinds of profile, as a catalogue file's `[apparmor] profile` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Kind {
    /// Read and run the image, write the declared mounts and scratch.
    #[default]
    Default,
    /// Strict: reads limited to the image's program directories, writes to its own mounts, `/tmp`
    /// and `/dev/shm`. For a read-only root.
    OpenClaw,
    /// [`Kind::OpenClaw`] for the sidecar.
    Tailscale {
        /// A kernel tunnel instead of userspace networking; needs `NET_ADMIN`, `NET_RAW` and
        /// `/dev/net/tun`.
        tun: bool,
    },
}

/// The word names no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected `default`, `openclaw`, `tailscale` or `tailscale-tun`")]
pub struct KindError;

/// A place in the container that the service may write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Writable {
    /// Where, in the container.
    pub path: ContainerPath,
    /// The stated opt-out of "never run what can be written", for images that unpack programs or
    /// libraries into their data.
    #[serde(default)]
    pub exec: bool,
}

impl Writable {
    /// Writable, and nothing in it is ever run.
    pub fn data(path: ContainerPath) -> Self {
        Self { path, exec: false }
    }
}

/// Everything a profile is made of. Plain data: every combination gives a profile that compiles.
///
/// ```
/// use aiplat_apparmor::{Kind, ProfileName, ProfileSpec, Writable};
///
/// let mut spec = ProfileSpec::new(ProfileName::for_service("ai", "redis")?, Kind::Default);
/// spec.writable.push(Writable::data("/data".parse()?));
/// let text = spec.profile().to_string();
/// assert!(text.contains("\"/data{,/,/**}\" rwkl,\n  deny \"/data/**\" mx,"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileSpec {
    /// The profile's name.
    pub name: ProfileName,
    /// Which of the three it is.
    pub kind: Kind,
    /// The container paths of the service's writable mounts and tmpfs, beside the scratch
    /// directories each kind has. An entry for a scratch directory decides whether that one may
    /// be run from.
    #[serde(default)]
    pub writable: Vec<Writable>,
    /// Container paths that a strict profile may read beside the image's directories (read-only
    /// mounts outside `/etc` and `/run/secrets`). The default kind reads everything it is shown.
    #[serde(default)]
    pub readable: Vec<ContainerPath>,
    /// The list the engine adds, and no other.
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    /// Denies `/etc/passwd`. Off unless asked for: `initdb`, `node` and `python` stop working.
    #[serde(default)]
    pub deny_passwd: bool,
    /// Opens the device nodes of GPUs.
    #[serde(default)]
    pub gpu: bool,
    /// The root file system is writable, for an image that builds itself at start as its container's root: all of the
    /// image may be written and run, its user and shadow files too. The guards over `/proc` and `/sys` stay.
    #[serde(default)]
    pub writable_root: bool,
}

impl ProfileSpec {
    /// A spec with nothing but its name and kind.
    pub fn new(name: ProfileName, kind: Kind) -> Self {
        Self {
            name,
            kind,
            writable: Vec::new(),
            readable: Vec::new(),
            capabilities: Vec::new(),
            deny_passwd: false,
            gpu: false,
            writable_root: false,
        }
    }

    /// The typed rules. Pure: the same spec gives the same profile, whatever the order and the
    /// repetitions in its lists.
    pub fn profile(&self) -> Profile {
        Profile::new(self.name.clone(), body::rules(self))
    }
}

impl Kind {
    /// The word a catalogue file uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::OpenClaw => "openclaw",
            Self::Tailscale { tun: false } => "tailscale",
            Self::Tailscale { tun: true } => "tailscale-tun",
        }
    }

    /// Every kind, for tests that iterate.
    pub const ALL: [Self; 4] = [
        Self::Default,
        Self::OpenClaw,
        Self::Tailscale { tun: false },
        Self::Tailscale { tun: true },
    ];
}

impl FromStr for Kind {
    type Err = KindError;

    fn from_str(text: &str) -> Result<Self, KindError> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(KindError)
    }
}

impl TryFrom<String> for Kind {
    type Error = KindError;

    fn try_from(text: String) -> Result<Self, KindError> {
        text.parse()
    }
}

impl From<Kind> for String {
    fn from(kind: Kind) -> Self {
        kind.as_str().to_owned()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
