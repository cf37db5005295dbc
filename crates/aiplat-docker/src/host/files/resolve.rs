//! Opening a path without following a symbolic link in any of its components (`openat2`, Linux 5.6).

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::host::HostError;

/// A name in an opened directory: what happens to the path above it afterwards does not matter.
pub(crate) struct Place {
    /// The directory, opened.
    pub(crate) dir: OwnedFd,
    /// The name in it.
    pub(crate) name: OsString,
    /// The whole path, for messages.
    pub(crate) path: PathBuf,
}

impl Place {
    /// Opens the parent of `path`.
    pub(crate) fn of(path: &Path) -> Result<Self, HostError> {
        let (parent, name) = split(path)?;
        let dir = open(parent, OFlags::DIRECTORY | OFlags::RDONLY).map_err(|e| match e {
            Errno::NOENT => HostError::NoParent {
                path: parent.to_owned(),
            },
            other => HostError::io("open", parent, other),
        })?;
        Ok(Self {
            dir,
            name: name.to_owned(),
            path: path.to_owned(),
        })
    }
}

/// Checks that a path is absolute and has neither `..` nor, by construction of [`Path`], `.` in it.
pub(crate) fn normal(path: &Path) -> Result<(), HostError> {
    let fits = path.is_absolute()
        && path
            .components()
            .all(|c| matches!(c, Component::RootDir | Component::Normal(_)));
    if fits {
        Ok(())
    } else {
        Err(HostError::NotNormal {
            path: path.to_owned(),
        })
    }
}

fn split(path: &Path) -> Result<(&Path, &OsStr), HostError> {
    normal(path)?;
    path.parent()
        .zip(path.file_name())
        .ok_or_else(|| HostError::NotNormal {
            path: path.to_owned(),
        })
}

/// Opens what exists; [`Errno::LOOP`] for a link anywhere in the path.
pub(crate) fn open(path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    open_new(path, flags, Mode::empty())
}

/// Opens, or with [`OFlags::CREATE`] makes, a file.
pub(crate) fn open_new(path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd, Errno> {
    open_at(CWD, path.as_os_str(), flags, mode)
}

/// Opens a name in an opened directory.
pub(crate) fn open_at(
    dir: impl std::os::fd::AsFd,
    name: &OsStr,
    flags: OFlags,
    mode: Mode,
) -> Result<OwnedFd, Errno> {
    // not `NOFOLLOW`: with it, a link at the end counts as no directory, and not as a link
    let flags = flags | OFlags::CLOEXEC;
    rustix::fs::openat2(
        dir,
        name,
        flags,
        mode,
        ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS,
    )
}
