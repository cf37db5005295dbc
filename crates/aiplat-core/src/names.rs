//! Names, parsed once: holding one is the proof that it is valid everywhere it is used.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A name that does not fit its grammar. Carries no value, since a name may come from a secret's place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct InvalidName {
    /// What was expected, in words.
    pub expected: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidName { expected: $expected })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

/// `first` holds for the first character, `rest` for all others, and the length is within `max` bytes.
fn shaped(text: &str, max: usize, first: fn(char) -> bool, rest: fn(char) -> bool) -> bool {
    let mut chars = text.chars();
    text.len() <= max && chars.next().is_some_and(first) && chars.all(rest)
}

fn lower_alnum(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

name! {
    /// A stack's name: the value of `DOCKER_NETWORK`, the engine's network name and the stack's identity for people.
    ///
    /// At most 30 characters, so that every name derived from it fits the limits of the engine and of `AppArmor`.
    StackName,
    "a stack name: 1 to 30 of a-z, 0-9, `_`, `-`, starting with a letter or digit",
    |t| shaped(t, 30, lower_alnum, |c| lower_alnum(c) || c == '_' || c == '-')
}

name! {
    /// A catalogue service's name; also its alias on the stack's network, so a valid DNS label.
    ServiceName,
    "a service name: 1 to 24 of a-z, 0-9, `-`, starting with a letter and not ending in `-`",
    |t| shaped(t, 24, |c| c.is_ascii_lowercase(), |c| lower_alnum(c) || c == '-') && !t.ends_with('-')
}

name! {
    /// A stack's random identity: 12 lower-case hexadecimal digits, kept in `config/stack-id`.
    StackId,
    "a stack id: 12 lower-case hexadecimal digits",
    |t| t.len() == 12 && t.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
}

name! {
    /// The name of a secret and of its file under `config/secrets/`.
    SecretName,
    "a secret name: 1 to 63 of a-z, 0-9, `_`, starting with a letter",
    |t| shaped(t, 63, |c| c.is_ascii_lowercase(), |c| lower_alnum(c) || c == '_')
}

name! {
    /// A container's name on the engine (the engine's own grammar, `[a-zA-Z0-9][a-zA-Z0-9_.-]+`).
    ContainerName,
    "a container name: 2 to 128 of a-z, A-Z, 0-9, `_`, `.`, `-`, starting with a letter or digit",
    |t| t.len() >= 2 && shaped(t, 128, |c| c.is_ascii_alphanumeric(), |c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

impl ServiceName {
    /// The name as templates spell it: `-` is no part of an identifier there.
    pub fn identifier(&self) -> String {
        self.0.replace('-', "_")
    }
}

impl StackId {
    /// The stack's bridge interface: `aip-` and the first 8 digits, within the kernel's 15 characters.
    /// The common prefix lets one firewall rule cover all stacks.
    pub fn bridge(&self) -> String {
        format!("aip-{}", &self.0[..8])
    }

    /// The stack's parent cgroup, as an engine with this cgroup driver is given it: a slice for `systemd`, a path for
    /// `cgroupfs`.
    pub fn cgroup_parent(&self, driver: &str) -> String {
        match driver {
            "systemd" => format!("aiplat-{self}.slice"),
            _ => format!("/aiplat-{self}"),
        }
    }

    /// An identity from six random bytes drawn by the caller.
    pub fn from_bytes(bytes: [u8; 6]) -> Self {
        Self(bytes.iter().map(|b| format!("{b:02x}")).collect())
    }
}

impl ContainerName {
    /// The name that a replaced container carries until its successor has proved itself.
    pub fn superseded(&self) -> String {
        format!("{}.superseded", self.0)
    }
}
