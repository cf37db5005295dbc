//! Making a directory that has its owner and mode from the moment it has its name.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use aiplat_core::spec::DirectorySpec;
use rustix::fs::{AtFlags, Dir, Mode, RenameFlags};
use rustix::io::Errno;

use super::resolve::{self, Place};
use super::{ids, mode_of, owner_of, temporary};
use crate::host::{HostError, Outcome};

pub(crate) fn make_directory(spec: &DirectorySpec) -> Result<Outcome, HostError> {
    let place = Place::of(&spec.path)?;
    // twice at most: the second time when another process made it between the look and the rename
    for _ in 0..2 {
        match resolve::open_at(&place.dir, &place.name, temporary::DIRECTORY, Mode::empty()) {
            Ok(found) => return adopt(spec, &found),
            Err(Errno::NOENT) => {}
            Err(other) => return Err(HostError::io("open", &spec.path, other)),
        }
        match create(spec, &place) {
            Ok(()) => return Ok(Outcome::Created),
            Err(Errno::EXIST) => {}
            Err(other) => return Err(HostError::io("make", &spec.path, other)),
        }
    }
    Err(HostError::NotADirectory {
        path: spec.path.clone(),
    })
}

fn create(spec: &DirectorySpec, place: &Place) -> Result<(), Errno> {
    temporary::clear(&place.dir, &place.name)?;
    let name = temporary::name_for(&place.name);
    rustix::fs::mkdirat(&place.dir, &name, Mode::RWXU)?;
    let named = prepare(spec, place, &name).and_then(|()| {
        rustix::fs::renameat_with(
            &place.dir,
            &name,
            &place.dir,
            &place.name,
            RenameFlags::NOREPLACE,
        )
    });
    if named.is_err() {
        // the failure that is reported is the first one
        let _ = rustix::fs::unlinkat(&place.dir, &name, AtFlags::REMOVEDIR);
    }
    named?;
    temporary::sync_dir(&place.dir)
}

fn prepare(spec: &DirectorySpec, place: &Place, name: &OsStr) -> Result<(), Errno> {
    let made = resolve::open_at(&place.dir, name, temporary::DIRECTORY, Mode::empty())?;
    let (uid, gid) = ids(spec.owner);
    rustix::fs::fchown(&made, uid, gid)?;
    rustix::fs::fchmod(&made, Mode::from_raw_mode(spec.mode))
}

/// Leaves what is in it alone in any case; see [`crate::host::Host::make_directory`] for what is mended.
fn adopt(spec: &DirectorySpec, found: &OwnedFd) -> Result<Outcome, HostError> {
    let wrap = |what| move |e: Errno| HostError::io(what, &spec.path, e);
    let stat = rustix::fs::fstat(found).map_err(wrap("read"))?;
    let owner = owner_of(&stat);
    let mut outcome = Outcome::Unchanged;
    if owner != spec.owner {
        let fresh = owner.uid == 0 && is_empty(found).map_err(wrap("read"))?;
        if !fresh {
            return Err(HostError::WrongOwner {
                path: spec.path.clone(),
                found: owner,
                expected: spec.owner,
            });
        }
        let (uid, gid) = ids(spec.owner);
        rustix::fs::fchown(found, uid, gid).map_err(wrap("change the owner of"))?;
        outcome = Outcome::Changed;
    }
    if mode_of(&stat) & !spec.mode != 0 {
        let mode = Mode::from_raw_mode(spec.mode);
        rustix::fs::fchmod(found, mode).map_err(wrap("change the mode of"))?;
        outcome = Outcome::Changed;
    }
    Ok(outcome)
}

/// Whether nothing is in it but what a file system puts at its own root.
pub(super) fn is_empty(dir: &OwnedFd) -> Result<bool, Errno> {
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." && name != "lost+found" {
            return Ok(false);
        }
    }
    Ok(true)
}
