//! A directory that is written into through its descriptor, so that no path is ever resolved outside of it.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::error::ArchiveError;
use crate::path::EntryPath;

const DIRECTORY: OFlags = OFlags::RDONLY
    .union(OFlags::DIRECTORY)
    .union(OFlags::CLOEXEC);

/// An opened directory that belongs to the caller alone.
pub(super) struct Place {
    dir: OwnedFd,
    path: PathBuf,
}

impl Place {
    /// Opens a directory, checks that it is the caller's and empty, and closes it to others.
    pub(super) fn new(path: &Path) -> Result<Self, ArchiveError> {
        let wrap = |e| ArchiveError::file("open", path, e);
        let resolve = ResolveFlags::NO_MAGICLINKS;
        let dir =
            rustix::fs::openat2(CWD, path, DIRECTORY, Mode::empty(), resolve).map_err(wrap)?;
        let stat = rustix::fs::fstat(&dir).map_err(wrap)?;
        if stat.st_uid != rustix::process::geteuid().as_raw() {
            return Err(ArchiveError::file("take over", path, Errno::PERM));
        }
        rustix::fs::fchmod(&dir, Mode::RWXU).map_err(wrap)?;
        let mut entries = Dir::read_from(&dir).map_err(wrap)?;
        let other = entries.find_map(|entry| match entry {
            Err(e) => Some(Err(wrap(e))),
            Ok(entry) => match entry.file_name().to_bytes() {
                b"." | b".." | b"lost+found" => None,
                _ => Some(Ok(())),
            },
        });
        match other {
            None => Ok(Self {
                dir,
                path: path.to_owned(),
            }),
            Some(Ok(())) => Err(ArchiveError::NotEmpty {
                path: path.to_owned(),
            }),
            Some(Err(e)) => Err(e),
        }
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.dir
    }

    pub(super) fn wrap(&self, what: &'static str, inner: &str, e: Errno) -> ArchiveError {
        ArchiveError::file(what, self.path.join(inner), e)
    }

    /// Opens a folder below; no link on the way, no other file system, never out.
    pub(super) fn folder(&self, path: &str) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_XDEV;
        rustix::fs::openat2(&self.dir, path, DIRECTORY, Mode::empty(), resolve)
    }

    /// Opens the folder of an entry, making those above that are missing.
    pub(super) fn parent(&self, path: &EntryPath) -> Result<OwnedFd, Errno> {
        let Some(folder) = path.split().0 else {
            return self
                .dir
                .try_clone()
                .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO));
        };
        match self.folder(folder) {
            Err(Errno::NOENT) => {}
            other => return other,
        }
        let ends = folder
            .char_indices()
            .filter(|(_, c)| *c == '/')
            .map(|(i, _)| i);
        for end in ends.chain([folder.len()]) {
            let (above, name) = folder[..end]
                .rsplit_once('/')
                .unwrap_or((".", &folder[..end]));
            match rustix::fs::mkdirat(&self.folder(above)?, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(e) => return Err(e),
            }
        }
        self.folder(folder)
    }

    /// Free bytes for the caller.
    pub(super) fn free(&self) -> Result<u64, Errno> {
        let found = rustix::fs::fstatvfs(&self.dir)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Removes all that is below. What cannot be removed stays; the caller is already about to say what went wrong.
    pub(super) fn empty(&self) {
        empty(&self.dir);
    }
}

/// Recursion is bounded by the depth of the paths that were admitted.
fn empty(dir: &OwnedFd) {
    let Ok(entries) = Dir::read_from(dir) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b".." | b"lost+found") {
            continue;
        }
        if entry.file_type() != FileType::Directory
            && rustix::fs::unlinkat(dir, name, AtFlags::empty()).is_ok()
        {
            continue;
        }
        let flags = DIRECTORY | OFlags::NOFOLLOW;
        if let Ok(inner) = rustix::fs::openat(dir, name, flags, Mode::empty()) {
            empty(&inner);
            let _ = rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR);
        }
    }
}
