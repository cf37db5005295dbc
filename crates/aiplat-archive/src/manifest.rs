//! What an archive says of itself: its first and its last entry.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::ArchiveName;
use crate::stamp::Stamp;

/// The version of the format that this code writes, and the only one it reads.
pub const FORMAT: u32 = 1;
/// The path of the first entry.
pub(crate) const HEADER: &str = "header.json";
/// The path of the last entry.
pub(crate) const MANIFEST: &str = "manifest.json";

/// The first entry: whose archive it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the format.
    pub format: u32,
    /// The stack's name.
    pub stack: String,
    /// The stack's random id.
    pub stack_id: String,
    /// When the archive was begun.
    pub created: Stamp,
    /// What the caller adds: it is there before any content, so a restore can decide by it.
    pub metadata: Value,
}

impl Header {
    /// For an archive of this name.
    pub fn new(name: &ArchiveName, stack_id: &str, metadata: Value) -> Self {
        Self {
            format: FORMAT,
            stack: name.stack().to_owned(),
            stack_id: stack_id.to_owned(),
            created: name.at(),
            metadata,
        }
    }
}

/// The last entry: all that is in the archive, and what could not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the format.
    pub format: u32,
    /// Every entry between the header and this one, in order.
    pub entries: Vec<Record>,
    /// What was met and not taken.
    pub left_out: Vec<LeftOut>,
    /// What the caller adds, such as counts of rows and the time a service stood still.
    pub metadata: Value,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its path, of plain names and `/`.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file; 0 for others.
    pub size: u64,
    /// Permission bits; of a directory also set-group-id and sticky.
    pub mode: u32,
    /// Whose it is, see [`Attributes::owner`].
    pub owner: String,
    /// When its content was last changed.
    pub mtime: Mtime,
    /// SHA-256 of a file's content, in small hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Where a link leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link.
    Link,
}

/// Something that no archive keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// Where it would have been.
    pub path: String,
    /// Why it is not, such as `a socket`.
    pub why: String,
}

/// Mode, owner and time of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attributes {
    /// Permission bits, see [`Record::mode`].
    pub mode: u32,
    /// A role such as `stack` or `openclaw`, or numbers such as `1000:1000`: 1 to 31 letters, digits and `_.:-`. Who that
    /// is on a host is decided when the archive is unpacked.
    pub owner: String,
    /// When its content was last changed.
    pub mtime: Mtime,
}

impl Attributes {
    /// With the time 0.
    pub fn new(mode: u32, owner: &str) -> Self {
        Self {
            mode,
            owner: owner.to_owned(),
            mtime: Mtime::default(),
        }
    }

    /// With another time.
    #[must_use]
    pub fn at(mut self, mtime: Mtime) -> Self {
        self.mtime = mtime;
        self
    }
}

/// Whether a text can be an entry's owner.
pub(crate) fn is_owner(text: &str) -> bool {
    (1..=31).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_.:-".contains(&b))
}

/// A file's time: seconds since 1970, which may be negative, and nanoseconds from there on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mtime {
    /// Whole seconds.
    pub seconds: i64,
    /// 0 to 999 999 999.
    pub nanoseconds: u32,
}

impl From<Stamp> for Mtime {
    fn from(at: Stamp) -> Self {
        Self {
            seconds: i64::try_from(at.unix()).unwrap_or(i64::MAX),
            nanoseconds: 0,
        }
    }
}

impl From<SystemTime> for Mtime {
    fn from(at: SystemTime) -> Self {
        let whole = |d: Duration| i64::try_from(d.as_secs()).unwrap_or(i64::MAX);
        match at.duration_since(UNIX_EPOCH) {
            Ok(since) => Self {
                seconds: whole(since),
                nanoseconds: since.subsec_nanos(),
            },
            Err(before) => {
                let before = before.duration();
                let part = before.subsec_nanos();
                Self {
                    seconds: -whole(before) - i64::from(part > 0),
                    nanoseconds: if part > 0 { 1_000_000_000 - part } else { 0 },
                }
            }
        }
    }
}
