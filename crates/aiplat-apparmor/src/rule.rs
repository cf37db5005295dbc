//! One rule, typed, and its text.

use std::fmt;

use crate::{Capability, Pattern, ProfileName};

/// One rule of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Stable within a profile and across versions of the text: tests name rules by it.
    pub id: String,
    /// The heading it stands under.
    pub section: Section,
    /// What it says.
    pub body: Body,
}

/// The headings of a profile, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Section {
    /// What may be read and run.
    Image,
    /// The root directory, and shared memory in huge pages.
    Root,
    /// What may be written.
    Writable,
    /// Devices and per-process knobs.
    Devices,
    /// Denials that hold whatever the rest allows.
    Guards,
    /// Capabilities.
    Capabilities,
    /// Socket families.
    Network,
    /// Signals and tracing.
    Processes,
}

/// What a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// Files.
    File {
        /// How it is meant.
        verdict: Verdict,
        /// Only files of the process's own user.
        owner: bool,
        /// Which files.
        pattern: Pattern,
        /// What may (or may not) be done with them.
        perms: Perms,
    },
    /// Sockets of one family, and optionally one type.
    Network {
        /// How it is meant.
        verdict: Verdict,
        /// `inet`, `unix`, …
        family: Family,
        /// `stream`, `dgram`, …; every type where nothing is given.
        kind: Option<SocketKind>,
    },
    /// One capability. Allows, never grants: the container must hold it too.
    Capability {
        /// How it is meant.
        verdict: Verdict,
        /// Which.
        capability: Capability,
    },
    /// Signals.
    Signal {
        /// Also to the peer, not only from it.
        send: bool,
        /// Who.
        peer: Peer,
    },
    /// Tracing and reading of `/proc/PID` in both directions.
    Ptrace {
        /// Who.
        peer: Peer,
    },
}

/// Allow, or one of two ways to deny. A denial beats any allowance, in any order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Allow.
    Allow,
    /// Deny without a word in the kernel's log: for what is expected to be tried.
    DenyQuietly,
    /// Deny and log.
    Deny,
}

/// The permissions that file rules here are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Perms {
    /// Read.
    R,
    /// Read and write.
    Rw,
    /// Read, write and lock.
    Rwk,
    /// Read, write, lock and hard link.
    Rwkl,
    /// Map as code, read, run under the same profile.
    Mrix,
    /// Map as code and run: only in denials.
    Mx,
    /// Write, lock and link: only in denials.
    Wkl,
    /// All but read: only in denials.
    Wklmx,
    /// Everything: only in denials.
    Rwklmx,
}

/// Socket families the profiles speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Family {
    /// IPv4.
    Inet,
    /// IPv6.
    Inet6,
    /// Local sockets.
    Unix,
    /// The kernel's own (name resolution lists interfaces with it).
    Netlink,
    /// Raw link layer.
    Packet,
}

/// Socket types the profiles speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketKind {
    /// TCP and its like.
    Stream,
    /// UDP and its like.
    Dgram,
    /// Connected messages.
    Seqpacket,
    /// Raw.
    Raw,
}

/// The other side of a signal or trace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Processes of one profile.
    Profile(ProfileName),
    /// Processes without a profile: the runtime on most hosts.
    Unconfined,
    /// The runtimes where the distribution confines them by path.
    RuntimePaths,
    /// The runtimes where the distribution names their profiles (`runc` on Debian 13 and Ubuntu):
    /// without it, stopping a container takes the whole grace period.
    RuntimeNames,
}

impl Section {
    /// The comment above the section's first rule.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Image => "read what the image ships, run nothing else",
            Self::Root => "the root directory; MAP_HUGETLB memory carries the name \"/\" too",
            Self::Writable => {
                "writable: the declared mounts and scratch; what is written is never run"
            }
            Self::Devices => "devices and own per-process knobs",
            Self::Guards => "guard rails that no mount list may open",
            Self::Capabilities => "capabilities: allowed here and added by the engine, or neither",
            Self::Network => "network",
            Self::Processes => {
                "signals and tracing: inside the profile; stop and kill come from the runtime"
            }
        }
    }
}

impl Perms {
    const fn text(self) -> &'static str {
        match self {
            Self::R => "r",
            Self::Rw => "rw",
            Self::Rwk => "rwk",
            Self::Rwkl => "rwkl",
            Self::Mrix => "mrix",
            Self::Mx => "mx",
            Self::Wkl => "wkl",
            Self::Wklmx => "wklmx",
            Self::Rwklmx => "rwklmx",
        }
    }
}

impl Verdict {
    const fn text(self) -> &'static str {
        match self {
            Self::Allow => "",
            Self::DenyQuietly => "deny ",
            Self::Deny => "audit deny ",
        }
    }
}

impl Family {
    const fn text(self) -> &'static str {
        match self {
            Self::Inet => "inet",
            Self::Inet6 => "inet6",
            Self::Unix => "unix",
            Self::Netlink => "netlink",
            Self::Packet => "packet",
        }
    }
}

impl SocketKind {
    const fn text(self) -> &'static str {
        match self {
            Self::Stream => "stream",
            Self::Dgram => "dgram",
            Self::Seqpacket => "seqpacket",
            Self::Raw => "raw",
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Profile(name) => name.fmt(f),
            Self::Unconfined => f.write_str("unconfined"),
            Self::RuntimePaths => {
                f.write_str("/{usr/,}{s,}bin/{runc,crun,dockerd,containerd,podman}")
            }
            Self::RuntimeNames => f.write_str("{runc,crun,docker,dockerd,containerd,podman}"),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body.fmt(f)
    }
}

impl fmt::Display for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                verdict,
                owner,
                pattern,
                perms,
            } => {
                let owner = if *owner { "owner " } else { "" };
                write!(f, "{}{owner}{pattern} {},", verdict.text(), perms.text())
            }
            Self::Network {
                verdict,
                family,
                kind,
            } => {
                write!(f, "{}network {}", verdict.text(), family.text())?;
                if let Some(kind) = kind {
                    write!(f, " {}", kind.text())?;
                }
                f.write_str(",")
            }
            Self::Capability {
                verdict,
                capability,
            } => {
                write!(
                    f,
                    "{}capability {},",
                    verdict.text(),
                    capability.name().to_ascii_lowercase()
                )
            }
            Self::Signal { send, peer } => {
                let access = if *send { "send,receive" } else { "receive" };
                write!(f, "signal ({access}) peer={peer},")
            }
            Self::Ptrace { peer } => {
                write!(f, "ptrace (trace,read,tracedby,readby) peer={peer},")
            }
        }
    }
}
