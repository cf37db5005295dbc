//! Appending a line that outlasts a power cut, for the journal.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::path::Path;

use aiplat_core::spec::FileSpec;
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::resolve::{self, Place};
use super::{ids, temporary};
use crate::host::HostError;

pub(crate) fn append_line(spec: &FileSpec) -> Result<(), HostError> {
    let place = Place::of(&spec.path)?;
    let wrap = |e: std::io::Error| HostError::io("append to", &spec.path, e);
    let (fd, stat) = open(&place, OFlags::APPEND | OFlags::CREATE)?;
    // a new one is empty: then it gets its owner, and its name is made to last
    let fresh = stat.st_size == 0;
    if fresh {
        let (uid, gid) = ids(spec.owner);
        rustix::fs::fchown(&fd, uid, gid).map_err(|e| wrap(e.into()))?;
        rustix::fs::fchmod(&fd, Mode::from_raw_mode(spec.mode)).map_err(|e| wrap(e.into()))?;
    }
    let mut file = File::from(fd);
    // one call, so that a reader sees the whole line or none of it
    let line = format!("{}\n", spec.content.expose());
    if let Err(error) = file.write_all(line.as_bytes()) {
        // half a line, as a full disk leaves one, would spoil the next
        let _ = file.set_len(u64::try_from(stat.st_size).unwrap_or(0));
        return Err(wrap(error));
    }
    file.sync_data().map_err(wrap)?;
    if fresh {
        temporary::sync_dir(&place.dir).map_err(|e| wrap(e.into()))?;
    }
    Ok(())
}

/// Cuts a file down to its first bytes.
pub(crate) fn truncate(path: &Path, length: u64) -> Result<(), HostError> {
    let wrap = |e: Errno| HostError::io("cut", path, e);
    let (fd, _) = open(&Place::of(path)?, OFlags::empty())?;
    rustix::fs::ftruncate(&fd, length).map_err(wrap)?;
    rustix::fs::fdatasync(&fd).map_err(wrap)
}

/// Opens a regular file of one name for writing.
fn open(place: &Place, flags: OFlags) -> Result<(OwnedFd, Stat), HostError> {
    let wrap = |e: Errno| HostError::io("append to", &place.path, e);
    let flags = flags | OFlags::WRONLY | OFlags::NONBLOCK;
    let mode = if flags.contains(OFlags::CREATE) {
        Mode::RUSR | Mode::WUSR
    } else {
        Mode::empty()
    };
    let fd = resolve::open_at(&place.dir, &place.name, flags, mode).map_err(wrap)?;
    let stat = rustix::fs::fstat(&fd).map_err(wrap)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(HostError::NotAFile {
            path: place.path.clone(),
        });
    }
    if stat.st_nlink > 1 {
        return Err(HostError::HardLink {
            path: place.path.clone(),
        });
    }
    Ok((fd, stat))
}
