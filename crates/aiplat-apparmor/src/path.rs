//! Paths as a container's processes see them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::source::is_engine_path;

/// A path inside a container that a service may be given to write: absolute,
/// `^(/[A-Za-z0-9._-]+)+$`, no `.` or `..` component, and not a place that belongs to the kernel,
/// to the image's programs or to the engine.
///
/// `AppArmor` sees container paths, never the host directory that is mounted there. The alphabet
/// has no character that means something to the parser, so a value of this type cannot change the
/// meaning of the text it is put in; [`crate::quote`] is the second line.
///
/// ```
/// use aiplat_apparmor::ContainerPath;
///
/// assert!("/var/lib/postgresql/data".parse::<ContainerPath>().is_ok());
/// assert!("/data/*".parse::<ContainerPath>().is_err());
/// assert!("/proc/sys".parse::<ContainerPath>().is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContainerPath(String);

/// Why a string is no [`ContainerPath`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathError {
    /// It does not start with `/`.
    #[error("expected an absolute path in the container")]
    NotAbsolute,
    /// It is `/` itself.
    #[error("expected a path below `/`: the root of the image stays as it was shipped")]
    Root,
    /// An empty component: `//`, or a `/` at the end.
    #[error("expected a path without `//` and without a `/` at its end")]
    EmptyComponent,
    /// A `.` or `..` component.
    #[error("expected a path without `.` and `..` components")]
    DotComponent,
    /// A character outside the alphabet.
    #[error(
        "expected only `A-Z`, `a-z`, `0-9`, `.`, `_`, `-` and `/` in a container path, got {found:?}"
    )]
    Character {
        /// The first character that is not allowed.
        found: char,
    },
    /// Longer than the kernel's `PATH_MAX` of 4096 bytes.
    #[error("expected a path shorter than 4096 bytes, got {len}")]
    TooLong {
        /// Bytes that were given.
        len: usize,
    },
    /// The kernel's, the image's programs' or their configuration's.
    #[error("expected a path outside `{tree}`, which no service may write")]
    Reserved {
        /// The tree that is reserved.
        tree: &'static str,
    },
    /// An engine's socket or the directory it lives in.
    #[error("expected a path that is no container engine's socket")]
    EngineSocket,
}

/// Trees no service may be given to write.
const RESERVED: [&str; 11] = [
    "/proc", "/sys", "/dev", "/etc", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32",
];
/// The exceptions within [`RESERVED`].
const SHARED_MEMORY: [&str; 2] = ["/dev/shm", "/dev/mqueue"];

/// True where `path` is `tree` or below it.
pub(crate) fn within(path: &str, tree: &str) -> bool {
    path.strip_prefix(tree)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl ContainerPath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True where this path lies strictly below `other`.
    pub fn is_below(&self, other: &Self) -> bool {
        self != other && within(&self.0, &other.0)
    }
}

impl FromStr for ContainerPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let rest = text.strip_prefix('/').ok_or(PathError::NotAbsolute)?;
        if rest.is_empty() {
            return Err(PathError::Root);
        }
        if text.len() >= 4096 {
            return Err(PathError::TooLong { len: text.len() });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        if let Some(found) = text.chars().find(|c| !allowed(*c)) {
            return Err(PathError::Character { found });
        }
        for component in rest.split('/') {
            match component {
                "" => return Err(PathError::EmptyComponent),
                "." | ".." => return Err(PathError::DotComponent),
                _ => {}
            }
        }
        if is_engine_path(text) {
            return Err(PathError::EngineSocket);
        }
        if !SHARED_MEMORY.iter().any(|tree| within(text, tree))
            && let Some(tree) = RESERVED.into_iter().find(|tree| within(text, tree))
        {
            return Err(PathError::Reserved { tree });
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ContainerPath {
    type Error = PathError;

    fn try_from(text: String) -> Result<Self, PathError> {
        text.parse()
    }
}

impl From<ContainerPath> for String {
    fn from(path: ContainerPath) -> Self {
        path.0
    }
}

impl AsRef<str> for ContainerPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_may_be_given() {
        for good in [
            "/data",
            "/home/node/.n8n",
            "/dev/shm",
            "/dev/mqueue/x",
            "/library",
            "/etcetera",
            "/var/lib/postgresql/data",
            "/run",
            "/tmp/a..b",
            "/app/backend/data",
        ] {
            assert!(good.parse::<ContainerPath>().is_ok(), "{good} was refused");
        }
    }

    #[test]
    fn what_it_may_not() {
        for bad in [
            "",
            "data",
            "/",
            "/a/",
            "//a",
            "/a//b",
            "/a/./b",
            "/a/../b",
            "/..",
            "/proc",
            "/proc/1",
            "/sys/fs",
            "/dev",
            "/dev/sda",
            "/dev/shmx",
            "/etc",
            "/etc/ssl",
            "/usr/bin",
            "/lib64",
            "/run/docker.sock",
            "/var/run/docker.sock",
            "/run/containerd",
            "/run/podman/podman.sock",
            "/a b",
            "/a\"",
            "/a*",
            "/a{b,c}",
            "/a\n}",
            "/a,",
            "/é",
            "/@{X}",
            "/a\\",
            "/a\0",
        ] {
            assert!(bad.parse::<ContainerPath>().is_err(), "{bad:?} was taken");
        }
    }
}
