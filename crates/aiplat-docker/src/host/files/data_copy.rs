//! Copies of directories that a stack's services wrote: taken whole or not at all, put back, dropped.
//!
//! Kept: owners, modes, times, holes and symbolic links (copied, never followed). File systems that can share blocks do,
//! so that a copy there costs no space. Not kept: sockets, pipes, devices, extended attributes, and that two names are
//! one file.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use aiplat_core::spec::{DataCopy, DirectorySpec, Owner};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, RenameFlags, SeekFrom, Stat, Timestamps, Uid,
};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::resolve::{self, Place};
use super::{directory, read, temporary, tree, write};
use crate::host::HostError;

/// Written into a copy last, before it gets its final name.
const RECORD: &str = "copy.json";

/// Free space that stays beyond what a copy needs, bytes.
const RESERVE: u64 = 64 << 20;

/// Folders within folders: far beyond what any database makes.
const DEEPEST: usize = 128;

/// What a copy says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    /// What was copied, in the order of the folders `0`, `1` and so on.
    of: Vec<PathBuf>,
    /// What the container said of its last start.
    started: String,
}

/// Refuses a copy for which there is no space; its dumps take at most so many bytes beside its directories.
pub(crate) fn room(copy: &DataCopy, dumps: u64) -> Result<(), HostError> {
    let folder = folder(copy)?;
    let free = rustix::fs::fstatvfs(&folder)
        .map(|s| s.f_bavail.saturating_mul(s.f_frsize))
        .map_err(|e| HostError::io("look at", &copy.at, e))?;
    let shared = shares_blocks(&folder);
    if shared && dumps == 0 {
        return Ok(());
    }
    let mut needed = RESERVE.saturating_add(dumps);
    for path in copy.of.iter().filter(|_| !shared) {
        if let Some(dir) = open(path)? {
            let size = size(&dir, 0).map_err(|e| wrap("read", path, e))?;
            needed = needed.saturating_add(size);
        }
    }
    if needed <= free {
        return Ok(());
    }
    Err(HostError::CopyRoom {
        path: copy.at.clone(),
        needed,
        free,
    })
}

/// Begins a copy with nothing in it.
pub(crate) fn begin(copy: &DataCopy) -> Result<(), HostError> {
    let folder = folder(copy)?;
    let (_, partial) = names(copy)?;
    remove(&folder, &partial, copy)?;
    rustix::fs::mkdirat(&folder, &partial, Mode::RWXU).map_err(|e| wrap("copy to", &copy.at, e))
}

/// Completes a copy that was begun; it has its name only when all of it is on disk.
pub(crate) fn take(copy: &DataCopy, started: &str) -> Result<(), HostError> {
    let folder = folder(copy)?;
    let (name, partial) = names(copy)?;
    let failed = |e: Errno| wrap("copy to", &copy.at, e);
    let target = tree::open(&folder, &partial).map_err(failed)?;
    for (index, path) in copy.of.iter().enumerate() {
        let Some(source) = open(path)? else { continue };
        let number = index.to_string();
        rustix::fs::mkdirat(&target, number.as_str(), Mode::RWXU).map_err(failed)?;
        let into = tree::open(&target, OsStr::new(&number)).map_err(failed)?;
        contents(&source, &into, 0).map_err(|e| wrap("copy", path, e))?;
        like(&into, &rustix::fs::fstat(&source).map_err(failed)?).map_err(failed)?;
    }
    let record = Record {
        of: copy.of.clone(),
        started: started.to_owned(),
    };
    let json = serde_json::to_vec(&record).expect("a record has only string keys");
    let root = Owner { uid: 0, gid: 0 };
    write::write_bytes(&copy.partial().join(RECORD), &json, root, 0o600)?;
    rustix::fs::syncfs(&target).map_err(failed)?;
    remove(&folder, &name, copy)?;
    rustix::fs::renameat_with(&folder, &partial, &folder, &name, RenameFlags::NOREPLACE)
        .and_then(|()| temporary::sync_dir(&folder))
        .map_err(failed)
}

/// Puts a complete copy back in place of what is there, unless the container was started since it was taken. Says
/// whether it did. It may be done again as often as it is interrupted.
pub(crate) fn put_back(copy: &DataCopy, started: &str) -> Result<bool, HostError> {
    let Some(kept) = open(&copy.at)? else {
        return Ok(false);
    };
    let bytes = read::read_file(&copy.at.join(RECORD), 1 << 20)?.unwrap_or_default();
    let Ok(record) = serde_json::from_slice::<Record>(&bytes) else {
        return Err(HostError::Malformed {
            path: copy.at.join(RECORD),
            expected: "the record of a copy",
        });
    };
    if record.started != started {
        return Ok(false);
    }
    for (index, path) in record.of.iter().enumerate() {
        let number = index.to_string();
        let source = match tree::open(&kept, OsStr::new(&number)) {
            // there was nothing to copy
            Err(Errno::NOENT) => continue,
            other => other.map_err(|e| wrap("read", &copy.at, e))?,
        };
        let failed = |e: Errno| wrap("put back", path, e);
        let Some(target) = open(path)? else {
            return Err(HostError::NoParent { path: path.clone() });
        };
        tree::empty(&target).map_err(failed)?;
        contents(&source, &target, 0).map_err(failed)?;
        like(&target, &rustix::fs::fstat(&source).map_err(failed)?).map_err(failed)?;
        rustix::fs::syncfs(&target).map_err(failed)?;
    }
    Ok(true)
}

/// Removes a copy, complete or not. From its first moment on it is no longer a complete one.
pub(crate) fn drop_copy(copy: &DataCopy) -> Result<(), HostError> {
    let folder = folder(copy)?;
    let (name, partial) = names(copy)?;
    remove(&folder, &partial, copy)?;
    match rustix::fs::renameat_with(&folder, &name, &folder, &partial, RenameFlags::NOREPLACE) {
        Err(Errno::NOENT) => return Ok(()),
        other => other.map_err(|e| wrap("remove", &copy.at, e))?,
    }
    temporary::sync_dir(&folder).map_err(|e| wrap("remove", &copy.at, e))?;
    remove(&folder, &partial, copy)
}

/// Removes the service's other copies.
pub(crate) fn keep_only(copy: &DataCopy) -> Result<(), HostError> {
    let folder = folder(copy)?;
    let (name, _) = names(copy)?;
    for (found, _) in tree::entries(&folder).map_err(|e| wrap("list", &copy.at, e))? {
        if found != name && found.to_str().is_some_and(|n| copy.is_of_service(n)) {
            remove(&folder, &found, copy)?;
        }
    }
    Ok(())
}

/// The folder of copies, made where it is not there.
fn folder(copy: &DataCopy) -> Result<OwnedFd, HostError> {
    let path = copy.at.parent().unwrap_or(&copy.at);
    if open(path)?.is_none() {
        directory::make_directory(&DirectorySpec {
            path: path.to_owned(),
            owner: Owner { uid: 0, gid: 0 },
            mode: 0o700,
        })?;
    }
    open(path)?.ok_or_else(|| HostError::NoParent {
        path: path.to_owned(),
    })
}

fn names(copy: &DataCopy) -> Result<(OsString, OsString), HostError> {
    let name = Place::of(&copy.at)?.name;
    let partial = Place::of(&copy.partial())?.name;
    Ok((name, partial))
}

fn open(path: &Path) -> Result<Option<OwnedFd>, HostError> {
    resolve::normal(path)?;
    match resolve::open(path, temporary::DIRECTORY) {
        Ok(dir) => Ok(Some(dir)),
        Err(Errno::NOENT) => Ok(None),
        Err(other) => Err(HostError::io("open", path, other)),
    }
}

fn remove(folder: &OwnedFd, name: &OsStr, copy: &DataCopy) -> Result<(), HostError> {
    let failed = |e: Errno| wrap("remove", &copy.at, e);
    let dir = match tree::open(folder, name) {
        Err(Errno::NOENT) => return Ok(()),
        other => other.map_err(failed)?,
    };
    tree::empty(&dir).map_err(failed)?;
    rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR).map_err(failed)
}

fn wrap(what: &'static str, path: &Path, error: Errno) -> HostError {
    match error {
        Errno::XDEV => HostError::MountInside {
            path: path.to_owned(),
        },
        other => HostError::io(what, path, other),
    }
}

/// Whether files here can share their blocks.
fn shares_blocks(folder: &OwnedFd) -> bool {
    let file = || rustix::fs::openat(folder, ".", OFlags::TMPFILE | OFlags::RDWR, Mode::RWXU);
    let Ok((from, to)) = file().and_then(|a| Ok((a, file()?))) else {
        return false;
    };
    rustix::io::write(&from, &[1; 4096]).is_ok() && rustix::fs::ioctl_ficlone(&to, &from).is_ok()
}

/// Bytes on disk of all that is in a directory.
fn size(dir: &OwnedFd, depth: usize) -> Result<u64, Errno> {
    if depth > DEEPEST {
        return Err(Errno::NAMETOOLONG);
    }
    let mut sum = 0;
    for (name, _) in tree::entries(dir)? {
        let stat = rustix::fs::statat(dir, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        sum += u64::try_from(stat.st_blocks).unwrap_or_default() * 512;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            sum += size(&tree::open(dir, &name)?, depth + 1)?;
        }
    }
    Ok(sum)
}

fn contents(from: &OwnedFd, into: &OwnedFd, depth: usize) -> Result<(), Errno> {
    if depth > DEEPEST {
        return Err(Errno::NAMETOOLONG);
    }
    for (name, _) in tree::entries(from)? {
        let stat = rustix::fs::statat(from, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                rustix::fs::mkdirat(into, &name, Mode::RWXU)?;
                let (source, target) = (tree::open(from, &name)?, tree::open(into, &name)?);
                contents(&source, &target, depth + 1)?;
                like(&target, &stat)?;
            }
            FileType::RegularFile => file(from, into, &name, &stat)?,
            FileType::Symlink => link(from, into, &name, &stat)?,
            // a program makes these itself
            _ => {}
        }
    }
    Ok(())
}

fn file(from: &OwnedFd, into: &OwnedFd, name: &OsStr, stat: &Stat) -> Result<(), Errno> {
    let source = resolve::open_at(from, name, OFlags::RDONLY | OFlags::NOFOLLOW, Mode::empty())?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
    let target = resolve::open_at(into, name, flags, Mode::RUSR | Mode::WUSR)?;
    if rustix::fs::ioctl_ficlone(&target, &source).is_err() {
        bytes(
            &source,
            &target,
            u64::try_from(stat.st_size).unwrap_or_default(),
        )?;
    }
    like(&target, stat)
}

/// Copies the parts that are there; holes stay holes.
fn bytes(source: &OwnedFd, target: &OwnedFd, length: u64) -> Result<(), Errno> {
    rustix::fs::ftruncate(target, length)?;
    let mut at = 0;
    while at < length {
        let begin = match rustix::fs::seek(source, SeekFrom::Data(at)) {
            // only a hole is left
            Err(Errno::NXIO) => return Ok(()),
            // a file system that knows no holes
            Err(Errno::INVAL) => at,
            other => other?,
        };
        let end = rustix::fs::seek(source, SeekFrom::Hole(begin)).unwrap_or(length);
        part(source, target, begin, end)?;
        at = end.max(begin + 1);
    }
    Ok(())
}

fn part(source: &OwnedFd, target: &OwnedFd, begin: u64, end: u64) -> Result<(), Errno> {
    let (mut read_at, mut write_at) = (begin, begin);
    let mut buffer = vec![0; 1 << 20];
    while read_at < end {
        let left = usize::try_from(end - read_at).unwrap_or(usize::MAX);
        let (from, to) = (Some(&mut read_at), Some(&mut write_at));
        match rustix::fs::copy_file_range(source, from, target, to, left) {
            // it became shorter
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                let some = left.min(buffer.len());
                let got = rustix::io::pread(source, &mut buffer[..some], read_at)?;
                if got == 0 {
                    return Ok(());
                }
                let put = rustix::io::pwrite(target, &buffer[..got], write_at)?;
                read_at += put as u64;
                write_at += put as u64;
            }
            Err(other) => return Err(other),
        }
    }
    Ok(())
}

fn link(from: &OwnedFd, into: &OwnedFd, name: &OsStr, stat: &Stat) -> Result<(), Errno> {
    let target = rustix::fs::readlinkat(from, name, Vec::new())?;
    rustix::fs::symlinkat(OsStr::from_bytes(target.to_bytes()), into, name)?;
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    rustix::fs::chownat(into, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
}

/// Gives something the owner, mode and times of what it is a copy of.
fn like(target: impl AsFd, stat: &Stat) -> Result<(), Errno> {
    let (uid, gid) = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    rustix::fs::fchown(&target, Some(uid), Some(gid))?;
    rustix::fs::fchmod(&target, Mode::from_raw_mode(stat.st_mode))?;
    let time = |seconds: i64, nanoseconds: u64| rustix::fs::Timespec {
        tv_sec: seconds,
        tv_nsec: i64::try_from(nanoseconds).unwrap_or_default(),
    };
    rustix::fs::futimens(
        &target,
        &Timestamps {
            last_access: time(stat.st_atime, stat.st_atime_nsec),
            last_modification: time(stat.st_mtime, stat.st_mtime_nsec),
        },
    )
}

#[cfg(test)]
#[path = "data_copy_tests.rs"]
mod tests;
