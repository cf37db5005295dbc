//! Removing a directory of a stack and all in it, and nothing else.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, RenameFlags};
use rustix::io::Errno;

use super::foreign::refuse_other_stacks;
use super::resolve::{self, Place};
use super::{temporary, tree};
use crate::host::HostError;
use crate::host::mounts::Mount;

/// What is being removed waits under such a name, so that a removal that was interrupted is finished by the next.
const TRASH: &str = ".aiplat-trash-";

pub(crate) fn purge_directory(
    path: &Path,
    base_dir: &Path,
    mounts: &[Mount],
) -> Result<(), HostError> {
    inside(path, base_dir)?;
    if path == base_dir {
        return purge_base(base_dir, mounts);
    }
    let place = match Place::of(path) {
        Err(HostError::NoParent { .. }) => return Ok(()),
        other => other?,
    };
    finish_earlier(&place.dir, path.parent().unwrap_or(base_dir))?;
    if !own(&place, base_dir, mounts)? {
        return Ok(());
    }
    let wrap = |e: Errno| HostError::io("remove", path, e);
    let (name, trash) = make_trash(&place.dir).map_err(wrap)?;
    let moved = rustix::fs::renameat_with(
        &place.dir,
        &place.name,
        &trash,
        "whole",
        RenameFlags::NOREPLACE,
    )
    .and_then(|()| temporary::sync_dir(&place.dir));
    let emptied = moved.and_then(|()| tree::empty(&trash));
    let removed = rustix::fs::unlinkat(&place.dir, name.as_str(), AtFlags::REMOVEDIR);
    emptied.and(removed).map_err(|e| mount_or_io(e, path))
}

/// Whether a removal in a directory was interrupted: what it had put aside is there.
pub(crate) fn interrupted(base_dir: &Path) -> bool {
    let entries = fs_err::read_dir(base_dir).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.file_name())
        .any(|name| name.as_bytes().starts_with(TRASH.as_bytes()))
}

/// Whether [`purge_directory`] would be refused as things are: asked before anything of a stack is taken away.
pub(crate) fn purge_check(path: &Path, base_dir: &Path, mounts: &[Mount]) -> Result<(), HostError> {
    inside(path, base_dir)?;
    if path == base_dir {
        return Ok(());
    }
    match Place::of(path) {
        Err(HostError::NoParent { .. }) => Ok(()),
        place => own(&place?, base_dir, mounts).map(|_| ()),
    }
}

fn inside(path: &Path, base_dir: &Path) -> Result<(), HostError> {
    resolve::normal(path)?;
    resolve::normal(base_dir)?;
    if base_dir.parent().is_none() || !path.starts_with(base_dir) {
        return Err(HostError::NotContained {
            path: path.to_owned(),
            base: base_dir.to_owned(),
        });
    }
    Ok(())
}

/// Whether a directory is there; one that is not wholly the stack's own is refused.
fn own(place: &Place, base_dir: &Path, mounts: &[Mount]) -> Result<bool, HostError> {
    let path = &place.path;
    let stat = match rustix::fs::statat(&place.dir, &place.name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(false),
        other => other.map_err(|e| HostError::io("remove", path, e))?,
    };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {}
        FileType::Symlink => {
            return Err(HostError::SymlinkRefused {
                path: path.to_owned(),
            });
        }
        _ => {
            return Err(HostError::NotADirectory {
                path: path.to_owned(),
            });
        }
    }
    if let Some(mount) = mounts.iter().find(|m| m.point.starts_with(path)) {
        return Err(HostError::MountInside {
            path: mount.point.clone(),
        });
    }
    refuse_other_stacks(place, base_dir)?;
    Ok(true)
}

fn mount_or_io(error: Errno, path: &Path) -> HostError {
    match error {
        // what the kernel says of a mount that came after the look at the list
        Errno::BUSY | Errno::XDEV => HostError::MountInside {
            path: path.to_owned(),
        },
        other => HostError::io("remove", path, other),
    }
}

/// Beside what is removed, and so on the same volume.
fn make_trash(base: &OwnedFd) -> Result<(String, OwnedFd), Errno> {
    let number = getrandom::u64().map_err(|_| Errno::IO)?;
    let name = format!("{TRASH}{number:016x}");
    rustix::fs::mkdirat(base, name.as_str(), Mode::RWXU)?;
    let trash = tree::open(base, OsStr::new(&name))?;
    Ok((name, trash))
}

/// Finishes what an interrupted removal began: such a directory is this user's, and closed to all others.
fn finish_earlier(base: &OwnedFd, base_dir: &Path) -> Result<(), HostError> {
    let wrap = |e: Errno| mount_or_io(e, base_dir);
    for (name, _) in tree::entries(base).map_err(wrap)? {
        if !name.as_bytes().starts_with(TRASH.as_bytes()) {
            continue;
        }
        let trash = match tree::open(base, &name) {
            // of that name, but not of our making
            Err(Errno::LOOP | Errno::NOTDIR | Errno::NOENT) => continue,
            other => other.map_err(wrap)?,
        };
        let stat = rustix::fs::fstat(&trash).map_err(wrap)?;
        if stat.st_uid == rustix::process::geteuid().as_raw()
            && Mode::from_raw_mode(stat.st_mode) & (Mode::RWXG | Mode::RWXO) == Mode::empty()
        {
            tree::empty(&trash).map_err(wrap)?;
            rustix::fs::unlinkat(base, &name, AtFlags::REMOVEDIR).map_err(wrap)?;
        }
    }
    Ok(())
}

/// A volume is the operator's, and so is a `BASE_DIR` with something in it that is not the stack's.
fn purge_base(base_dir: &Path, mounts: &[Mount]) -> Result<(), HostError> {
    let base = match resolve::open(base_dir, temporary::DIRECTORY) {
        Err(Errno::NOENT) => return Ok(()),
        other => other.map_err(|e| HostError::io("open", base_dir, e))?,
    };
    finish_earlier(&base, base_dir)?;
    if mounts.iter().any(|m| m.point.starts_with(base_dir)) {
        return Ok(());
    }
    let place = Place::of(base_dir)?;
    match rustix::fs::unlinkat(&place.dir, &place.name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::BUSY) => Ok(()),
        Err(other) => Err(HostError::io("remove", base_dir, other)),
    }
}
