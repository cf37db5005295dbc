//! What a path is.

use std::io::{BufRead as _, BufReader};
use std::path::Path;

use aiplat_core::observed::PathState;
use aiplat_core::text::hex;
use rustix::fs::{AtFlags, FileType, Mode};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::directory::is_empty;
use super::read::open_regular;
use super::resolve::{self, Place};
use super::{mode_of, owner_of, temporary};
use crate::host::HostError;

pub(crate) fn path_state(path: &Path) -> Result<PathState, HostError> {
    if path.parent().is_none() && path.is_absolute() {
        return directory(path);
    }
    let place = match Place::of(path) {
        Err(HostError::SymlinkRefused { .. }) => return Ok(PathState::Link),
        // a parent is missing, or a file
        Err(HostError::NoParent { .. } | HostError::NotADirectory { .. }) => {
            return Ok(PathState::Absent);
        }
        other => other?,
    };
    let wrap = |e: Errno| HostError::io("read", path, e);
    let stat = match rustix::fs::statat(&place.dir, &place.name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(PathState::Absent),
        other => other.map_err(wrap)?,
    };
    Ok(match FileType::from_raw_mode(stat.st_mode) {
        FileType::Symlink => PathState::Link,
        FileType::Directory => {
            let dir =
                resolve::open_at(&place.dir, &place.name, temporary::DIRECTORY, Mode::empty())
                    .map_err(wrap)?;
            PathState::Directory {
                owner: owner_of(&stat),
                mode: mode_of(&stat),
                empty: is_empty(&dir).map_err(wrap)?,
            }
        }
        FileType::RegularFile => match open_regular(&place)? {
            None => PathState::Absent,
            Some(file) => PathState::File {
                owner: owner_of(&stat),
                mode: mode_of(&stat),
                sha256: sha256(file).map_err(|e| HostError::io("read", path, e))?,
            },
        },
        _ => PathState::Other,
    })
}

fn directory(path: &Path) -> Result<PathState, HostError> {
    let wrap = |e: Errno| HostError::io("read", path, e);
    let dir = resolve::open(path, temporary::DIRECTORY).map_err(wrap)?;
    let stat = rustix::fs::fstat(&dir).map_err(wrap)?;
    Ok(PathState::Directory {
        owner: owner_of(&stat),
        mode: mode_of(&stat),
        empty: is_empty(&dir).map_err(wrap)?,
    })
}

fn sha256(file: std::fs::File) -> std::io::Result<String> {
    let mut reader = BufReader::with_capacity(64 * 1024, file);
    let mut hash = Sha256::new();
    loop {
        let chunk = reader.fill_buf()?;
        if chunk.is_empty() {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(chunk);
        let length = chunk.len();
        reader.consume(length);
    }
}
