//! What an exception allows.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One departure from the default hardening.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Allowance {
    /// `capability:X`: a capability kept after all are dropped.
    Capability(String),
    /// `root`: runs as root inside the container.
    Root,
    /// `writable-root`: the root file system is writable.
    WritableRoot,
    /// `exec:<target>`: programs may be run from a writable mount.
    Exec(String),
    /// `group:<gid>`: a further group.
    Group(u32),
}

/// An allowance that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `capability:NAME`, `root`, `writable-root`, `exec:/path` or `group:GID`")]
pub struct InvalidAllowance;

/// Capabilities that no service may have, whatever its reason: each opens the host or every other stack.
pub const FORBIDDEN: [&str; 9] = [
    "SYS_ADMIN",
    "SYS_MODULE",
    "SYS_PTRACE",
    "SYS_RAWIO",
    "SYS_BOOT",
    "MAC_ADMIN",
    "MAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "BPF",
];

impl FromStr for Allowance {
    type Err = InvalidAllowance;

    fn from_str(text: &str) -> Result<Self, InvalidAllowance> {
        match text.split_once(':') {
            None if text == "root" => Ok(Self::Root),
            None if text == "writable-root" => Ok(Self::WritableRoot),
            Some(("capability", name))
                if !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_') =>
            {
                Ok(Self::Capability(name.to_owned()))
            }
            Some(("exec", path)) if path.starts_with('/') => Ok(Self::Exec(path.to_owned())),
            Some(("group", gid)) => gid.parse().map(Self::Group).map_err(|_| InvalidAllowance),
            _ => Err(InvalidAllowance),
        }
    }
}

impl TryFrom<String> for Allowance {
    type Error = InvalidAllowance;

    fn try_from(text: String) -> Result<Self, InvalidAllowance> {
        text.parse()
    }
}

impl From<Allowance> for String {
    fn from(allowance: Allowance) -> Self {
        allowance.to_string()
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capability(name) => write!(f, "capability:{name}"),
            Self::Root => f.write_str("root"),
            Self::WritableRoot => f.write_str("writable-root"),
            Self::Exec(path) => write!(f, "exec:{path}"),
            Self::Group(gid) => write!(f, "group:{gid}"),
        }
    }
}
