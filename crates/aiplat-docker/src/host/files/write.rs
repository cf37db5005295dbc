//! Writing a file whole or not at all, and removing one.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use aiplat_core::spec::{FileSpec, Owner};
use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::read::read_at;
use super::resolve::{self, Place};
use super::{ids, mode_of, owner_of, temporary};
use crate::host::{HostError, Outcome};

pub(crate) fn write_file(spec: &FileSpec) -> Result<Outcome, HostError> {
    write_bytes(
        &spec.path,
        spec.content.expose().as_bytes(),
        spec.owner,
        spec.mode,
    )
}

pub(crate) fn write_bytes(
    path: &Path,
    content: &[u8],
    owner: Owner,
    mode: u32,
) -> Result<Outcome, HostError> {
    let place = Place::of(path)?;
    let wrap = |e: Errno| HostError::io("write", path, e);
    let outcome = match rustix::fs::statat(&place.dir, &place.name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => Outcome::Created,
        Err(other) => return Err(wrap(other)),
        Ok(stat) => match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => {
                let same = owner_of(&stat) == owner
                    && stat.st_nlink == 1
                    && mode_of(&stat) == mode
                    && u64::try_from(stat.st_size) == Ok(content.len() as u64)
                    && read_at(&place, content.len())?.as_deref() == Some(content);
                if same {
                    return Ok(Outcome::Unchanged);
                }
                Outcome::Changed
            }
            FileType::Symlink => {
                return Err(HostError::SymlinkRefused {
                    path: path.to_owned(),
                });
            }
            _ => {
                return Err(HostError::NotAFile {
                    path: path.to_owned(),
                });
            }
        },
    };
    temporary::clear(&place.dir, &place.name).map_err(wrap)?;
    let name = temporary::name_for(&place.name);
    let written = fill(&place, &name, content, owner, mode).and_then(|()| {
        rustix::fs::renameat(&place.dir, &name, &place.dir, &place.name)
            .map_err(std::io::Error::from)
    });
    if let Err(error) = written {
        // the failure that is reported is the first one
        let _ = rustix::fs::unlinkat(&place.dir, &name, AtFlags::empty());
        return Err(HostError::io("write", path, error));
    }
    temporary::sync_dir(&place.dir).map_err(wrap)?;
    Ok(outcome)
}

fn fill(
    place: &Place,
    name: &OsStr,
    content: &[u8],
    owner: Owner,
    mode: u32,
) -> std::io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
    // readable by root alone until it is whole
    let fd = resolve::open_at(&place.dir, name, flags, Mode::RUSR)?;
    let mut file = File::from(fd);
    file.write_all(content)?;
    let (uid, gid) = ids(owner);
    rustix::fs::fchown(&file, uid, gid)?;
    rustix::fs::fchmod(&file, Mode::from_raw_mode(mode))?;
    file.sync_all()
}

pub(crate) fn remove_file(path: &Path) -> Result<(), HostError> {
    let place = match Place::of(path) {
        Err(HostError::NoParent { .. }) => return Ok(()),
        other => other?,
    };
    match rustix::fs::unlinkat(&place.dir, &place.name, AtFlags::empty()) {
        Ok(()) => temporary::sync_dir(&place.dir).map_err(|e| HostError::io("sync", path, e)),
        Err(Errno::NOENT) => Ok(()),
        Err(Errno::ISDIR) => Err(HostError::NotAFile {
            path: path.to_owned(),
        }),
        Err(other) => Err(HostError::io("remove", path, other)),
    }
}
