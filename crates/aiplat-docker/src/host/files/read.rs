//! Reading a regular file that is no larger than expected.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::resolve::{self, Place};
use super::{temporary, tree};
use crate::host::HostError;

pub(crate) fn read_file(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
    match Place::of(path) {
        Err(HostError::NoParent { .. }) => Ok(None),
        other => read_at(&other?, limit),
    }
}

/// The last bytes of a file, at most `limit`.
pub(crate) fn read_end(path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
    let place = match Place::of(path) {
        Err(HostError::NoParent { .. }) => return Ok(None),
        other => other?,
    };
    let Some(mut file) = open_own(&place)? else {
        return Ok(None);
    };
    let wrap = |e: std::io::Error| HostError::io("read", path, e);
    let end = file.seek(SeekFrom::End(0)).map_err(wrap)?;
    let start = end.saturating_sub(limit as u64);
    file.seek(SeekFrom::Start(start)).map_err(wrap)?;
    let mut content = Vec::new();
    // what is appended meanwhile is not of the end that was measured
    file.take(end - start)
        .read_to_end(&mut content)
        .map_err(wrap)?;
    Ok(Some(content))
}

/// The names in a directory; none when it is absent.
pub(crate) fn names_in(path: &Path) -> Result<Vec<OsString>, HostError> {
    resolve::normal(path)?;
    let wrap = |e: Errno| HostError::io("read", path, e);
    let dir = match resolve::open(path, temporary::DIRECTORY) {
        Err(Errno::NOENT) => return Ok(Vec::new()),
        other => other.map_err(wrap)?,
    };
    Ok(tree::entries(&dir)
        .map_err(wrap)?
        .into_iter()
        .map(|(name, _)| name)
        .collect())
}

pub(super) fn read_at(place: &Place, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
    let Some(file) = open_own(place)? else {
        return Ok(None);
    };
    let mut content = Vec::new();
    // one byte more than allowed tells a file that is too large
    let most = (limit as u64).saturating_add(1);
    file.take(most)
        .read_to_end(&mut content)
        .map_err(|e| HostError::io("read", &place.path, e))?;
    if content.len() > limit {
        return Err(HostError::TooLarge {
            path: place.path.clone(),
            limit,
        });
    }
    Ok(Some(content))
}

/// Opens a regular file that has no second name.
fn open_own(place: &Place) -> Result<Option<File>, HostError> {
    let Some(file) = open_regular(place)? else {
        return Ok(None);
    };
    let stat = rustix::fs::fstat(&file).map_err(|e| HostError::io("read", &place.path, e))?;
    if stat.st_nlink > 1 {
        return Err(HostError::HardLink {
            path: place.path.clone(),
        });
    }
    Ok(Some(file))
}

/// Opens a regular file for reading; nothing where nothing is. Never waits for the other end of a pipe.
pub(super) fn open_regular(place: &Place) -> Result<Option<File>, HostError> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK;
    let wrap = |e: Errno| HostError::io("read", &place.path, e);
    let fd = match resolve::open_at(&place.dir, &place.name, flags, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        // a socket
        Err(Errno::NXIO) => {
            return Err(HostError::NotAFile {
                path: place.path.clone(),
            });
        }
        other => other.map_err(wrap)?,
    };
    let stat = rustix::fs::fstat(&fd).map_err(wrap)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(HostError::NotAFile {
            path: place.path.clone(),
        });
    }
    Ok(Some(File::from(fd)))
}
