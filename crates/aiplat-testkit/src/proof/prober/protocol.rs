//! What the two sides say to each other: one line of JSON at a time.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where to stand, and as whom. The first line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// A process of the container, as the host numbers it; `None` stays in the host's namespaces.
    pub pid: Option<u32>,
    /// Must stand in that process's list of cgroups, so that a number that was given to another process meanwhile is
    /// noticed; empty where it is not known.
    pub container: String,
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
    /// Listen on a TCP and a UDP port of the kernel's choice and answer everybody with `token`.
    pub listen: bool,
    /// What the listeners answer.
    pub token: String,
}

/// The answer to the first line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// The listener's TCP port, where one was asked for.
    pub tcp: u16,
    /// The listener's UDP port.
    pub udp: u16,
    /// Why it could not get there; empty when it did.
    pub failed: String,
}

/// How a path is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// Opened for reading, and one byte read; a directory is listed; a socket is connected to.
    Read,
    /// Opened for writing, nothing written.
    Write,
    /// A file of ours is made in this directory, and removed.
    Create,
}

/// One thing to try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attempt {
    /// A TCP connection; what the other side says at once is kept.
    Connect {
        /// Where.
        to: SocketAddr,
        /// Milliseconds.
        within: u64,
    },
    /// A datagram, and whether anything comes back.
    Datagram {
        /// Where.
        to: SocketAddr,
        /// Milliseconds.
        within: u64,
    },
    /// A TCP connection on which text is sent, and the answer's beginning.
    Exchange {
        /// Where.
        to: SocketAddr,
        /// What is sent.
        send: String,
        /// Milliseconds.
        within: u64,
    },
    /// A name, asked of the name servers that `/etc/resolv.conf` names there.
    Resolve {
        /// The name.
        name: String,
        /// Milliseconds.
        within: u64,
    },
    /// A path.
    Path {
        /// Absolute path there.
        path: PathBuf,
        /// How.
        how: How,
    },
    /// A link is made at `at`, the target is read through it, and the link is removed.
    Plant {
        /// Where the link is made.
        at: PathBuf,
        /// What it leads to.
        to: PathBuf,
        /// A hard link instead of a symbolic one.
        hard: bool,
    },
}

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Got {
    /// It worked.
    Through,
    /// Something answered that nothing is there.
    Refused,
    /// Nothing answered in time.
    Silent,
    /// The kernel said no: permission, read-only, no route.
    Denied,
    /// There is nothing of that name.
    Absent,
    /// Anything else.
    Odd,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// What became of it.
    pub got: Got,
    /// What was heard, or the error's words.
    pub text: String,
    /// Addresses, for a name.
    pub addresses: Vec<IpAddr>,
    /// Microseconds.
    pub micros: u64,
}

impl Seen {
    pub(super) fn new(got: Got, text: impl Into<String>) -> Self {
        Self {
            got,
            text: text.into(),
            addresses: Vec::new(),
            micros: 0,
        }
    }

    pub(super) fn error(error: &std::io::Error) -> Self {
        use std::io::ErrorKind as Kind;
        let got = match error.kind() {
            Kind::ConnectionRefused => Got::Refused,
            Kind::TimedOut | Kind::WouldBlock => Got::Silent,
            Kind::NotFound | Kind::NotADirectory => Got::Absent,
            Kind::PermissionDenied
            | Kind::ReadOnlyFilesystem
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::CrossesDevices => Got::Denied,
            _ => Got::Odd,
        };
        Self::new(got, error.to_string())
    }

    /// Whether it worked.
    pub fn through(&self) -> bool {
        self.got == Got::Through
    }
}
