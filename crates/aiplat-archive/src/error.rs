//! What can go wrong with an archive. No variant carries content, a key or a passphrase.

use std::io;
use std::path::{Path, PathBuf};

use crate::path::PathError;
use crate::seal::KeyError;
use crate::target::TargetError;

/// An archive that could not be made, read or unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// Where it is kept could not be written or read.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// It could not be opened with the key given.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// It ends too early. With encryption, a change in its last 64 KiB looks the same.
    #[error("expected a whole archive, it ends after {read} bytes or its last part was changed")]
    Truncated {
        /// How many bytes there were.
        read: u64,
    },
    /// Something in it was changed, or it never was an archive.
    #[error("expected an archive as it was written, {what}")]
    Damaged {
        /// What does not fit.
        what: String,
    },
    /// A newer program wrote it.
    #[error(
        "expected an archive of format {}, found format {found}",
        crate::manifest::FORMAT
    )]
    Format {
        /// The format of the archive.
        found: u32,
    },
    /// An entry must not be in an archive.
    #[error("refused `{}`, it {why}", .path.escape_debug())]
    Entry {
        /// Its path, as far as it is text.
        path: String,
        /// What is wrong with it, such as `is a hard link`.
        why: String,
    },
    /// An entry's path must not be in an archive.
    #[error("refused `{}`, its {what} {source}", .path.escape_debug())]
    Path {
        /// The path, as far as it is text.
        path: String,
        /// `path` or `target`.
        what: &'static str,
        /// What is wrong with it.
        source: PathError,
    },
    /// It holds more than it may.
    #[error("expected at most {limit} {what}, the archive has more")]
    TooMuch {
        /// What there is too much of, such as `entries`.
        what: &'static str,
        /// How much there may be.
        limit: u64,
    },
    /// There is no room to unpack the next file.
    #[error("expected {needed} bytes of free space for `{}`, found {free}", .path.escape_debug())]
    NoRoom {
        /// The file's path in the archive.
        path: String,
        /// The file's size and what must stay free.
        needed: u64,
        /// What is free.
        free: u64,
    },
    /// An owner is nobody on this host.
    #[error("expected an owner that is known here for `{}`, found `{owner}`", .path.escape_debug())]
    UnknownOwner {
        /// The file's path in the archive.
        path: String,
        /// The owner's role.
        owner: String,
    },
    /// A file changed its size while it was read.
    #[error("expected `{}` to stay as long as it was, {found} of {expected} bytes could be read", .path.escape_debug())]
    Changed {
        /// The file's path in the archive.
        path: String,
        /// Its size at first.
        expected: u64,
        /// What was read.
        found: u64,
    },
    /// The directory to unpack into has something in it.
    #[error("expected `{}` to be an empty directory", .path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// A file of this host could not be read or written.
    #[error("could not {what} `{}`", .path.display())]
    File {
        /// What was tried, such as `read`.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl ArchiveError {
    pub(crate) fn file(
        what: &'static str,
        path: impl AsRef<Path>,
        source: impl Into<io::Error>,
    ) -> Self {
        Self::File {
            what,
            path: path.as_ref().to_owned(),
            source: source.into(),
        }
    }

    pub(crate) fn entry(path: &(impl ToString + ?Sized), why: impl Into<String>) -> Self {
        Self::Entry {
            path: path.to_string(),
            why: why.into(),
        }
    }

    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }
}
