//! What stands before an entry's content, checked.

use super::pax::Extended;
use crate::error::ArchiveError;
use crate::manifest::{Kind, Mtime, Record, is_owner};
use crate::path::{EntryPath, PathError};

/// An entry that may be in an archive, as far as that shows without the others.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) path: EntryPath,
    pub(super) kind: Kind,
    pub(super) size: u64,
    mode: u32,
    owner: String,
    mtime: Mtime,
    target: Option<String>,
}

impl Head {
    /// Reads a header whose check sum fits, with the records before it.
    pub(super) fn new(header: &tar::Header, extended: Extended) -> Result<Self, ArchiveError> {
        let bytes = extended
            .path
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        let refuse = |why: &str| ArchiveError::entry(&shown, why);
        let number =
            |e: std::io::Error| ArchiveError::damaged(format!("a header cannot be read: {e}"));
        let kind = kind_of(header.entry_type()).map_err(refuse)?;
        // folders may be written with a `/` behind them
        let plain = match kind {
            Kind::Directory => bytes.strip_suffix(b"/").unwrap_or(&bytes),
            _ => &bytes,
        };
        let wrong = |what, source| ArchiveError::Path {
            path: shown.clone(),
            what,
            source,
        };
        let path = EntryPath::from_bytes(plain).map_err(|e| wrong("path", e))?;
        let mode = header.mode().map_err(number)?;
        let allowed = if kind == Kind::Directory {
            0o3777
        } else {
            0o777
        };
        if mode & !allowed != 0 {
            return Err(refuse("has special permission bits"));
        }
        let owner = header.username().ok().flatten().unwrap_or_default();
        if !is_owner(owner) {
            return Err(refuse("has an owner that is no role"));
        }
        let size = header.entry_size().map_err(number)?;
        if kind != Kind::File && size != 0 {
            return Err(refuse("has content and is no file"));
        }
        let target = match kind {
            Kind::Link => {
                Some(target_of(header, extended.linkpath).map_err(|e| wrong("target", e))?)
            }
            _ if extended.linkpath.is_some() => return Err(refuse("has a target and is no link")),
            _ => None,
        };
        if let Some(target) = &target {
            path.may_link_to(target).map_err(|e| wrong("target", e))?;
        }
        let mtime = match extended.mtime {
            Some(mtime) => mtime,
            None => Mtime {
                seconds: i64::try_from(header.mtime().map_err(number)?).unwrap_or(0),
                nanoseconds: 0,
            },
        };
        Ok(Self {
            kind,
            size,
            mode,
            owner: owner.to_owned(),
            mtime,
            target,
            path,
        })
    }

    /// As the manifest has it, without a hash.
    pub(super) fn record(&self) -> Record {
        Record {
            path: self.path.to_string(),
            kind: self.kind,
            size: self.size,
            mode: self.mode,
            owner: self.owner.clone(),
            mtime: self.mtime,
            sha256: None,
            target: self.target.clone(),
        }
    }
}

fn target_of(header: &tar::Header, extended: Option<Vec<u8>>) -> Result<String, PathError> {
    let bytes = match extended {
        Some(bytes) => bytes,
        None => header
            .link_name_bytes()
            .ok_or(PathError::Empty)?
            .into_owned(),
    };
    String::from_utf8(bytes).map_err(|_| PathError::NotText)
}

fn kind_of(entry: tar::EntryType) -> Result<Kind, &'static str> {
    match entry {
        tar::EntryType::Regular => Ok(Kind::File),
        tar::EntryType::Directory => Ok(Kind::Directory),
        tar::EntryType::Symlink => Ok(Kind::Link),
        tar::EntryType::Link => Err("is a hard link"),
        tar::EntryType::Char | tar::EntryType::Block => Err("is a device"),
        tar::EntryType::Fifo => Err("is a pipe"),
        tar::EntryType::GNUSparse => Err("is a sparse file"),
        _ => Err("is neither a file nor a folder nor a link"),
    }
}
