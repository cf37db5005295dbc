//! Emptying a directory of whatever is in it, however deep, without following a link or crossing a mount.
//!
//! What is deeper is moved up before it is emptied, so that neither a path nor a call stack nor the number of open files
//! grows with the depth that a stack's programs chose.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, Dir, FileType, Mode, RenameFlags, ResolveFlags};
use rustix::io::Errno;

use super::temporary;

/// More rounds than any depth of folders needs; reached only when something keeps filling the directory.
const ROUNDS: u32 = 100_000;

/// Removes all that is in `top`, which must be writable by nobody else.
pub(super) fn empty(top: &OwnedFd) -> Result<(), Errno> {
    let mut next = 0_u64;
    for _ in 0..ROUNDS {
        let entries = entries(top)?;
        if entries.is_empty() {
            return Ok(());
        }
        for (name, kind) in entries {
            remove(top, &name, kind, &mut next)?;
        }
    }
    Err(Errno::NOTEMPTY)
}

fn remove(top: &OwnedFd, name: &OsStr, kind: FileType, next: &mut u64) -> Result<(), Errno> {
    if !is_directory(top, name, kind)? {
        return gone(rustix::fs::unlinkat(top, name, AtFlags::empty()));
    }
    let dir = open(top, name)?;
    for (inner, kind) in entries(&dir)? {
        if is_directory(&dir, &inner, kind)? {
            lift(&dir, &inner, top, next)?;
        } else {
            gone(rustix::fs::unlinkat(&dir, &inner, AtFlags::empty()))?;
        }
    }
    match rustix::fs::unlinkat(top, name, AtFlags::REMOVEDIR) {
        // something was added meanwhile: the next round finds it
        Err(Errno::NOTEMPTY) => Ok(()),
        other => gone(other),
    }
}

fn lift(from: &OwnedFd, name: &OsStr, top: &OwnedFd, next: &mut u64) -> Result<(), Errno> {
    loop {
        *next += 1;
        let free = format!("d{next}");
        match rustix::fs::renameat_with(from, name, top, free.as_str(), RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => {}
            // a mount point can be moved by nobody; the caller knows BUSY as one
            other => return gone(other),
        }
    }
}

fn gone(result: Result<(), Errno>) -> Result<(), Errno> {
    match result {
        Err(Errno::NOENT) => Ok(()),
        other => other,
    }
}

fn is_directory(dir: &OwnedFd, name: &OsStr, kind: FileType) -> Result<bool, Errno> {
    if kind != FileType::Unknown {
        return Ok(kind == FileType::Directory);
    }
    let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode) == FileType::Directory)
}

/// Opens a directory in a directory, neither by a link nor across a mount.
pub(crate) fn open(dir: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = temporary::DIRECTORY | rustix::fs::OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH | ResolveFlags::NO_XDEV;
    rustix::fs::openat2(dir, name, flags, Mode::empty(), resolve)
}

/// The names in a directory with their types, as far as the file system tells them.
pub(crate) fn entries(dir: &OwnedFd) -> Result<Vec<(OsString, FileType)>, Errno> {
    let mut found = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            found.push((OsStr::from_bytes(name).to_owned(), entry.file_type()));
        }
    }
    Ok(found)
}
