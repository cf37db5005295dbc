//! A folder of this host, walked without following a link. The user whose files these are may change them meanwhile.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

use super::Writer;
use crate::error::ArchiveError;
use crate::manifest::{Attributes, Kind, LeftOut, Mtime};
use crate::path::EntryPath;

/// A file up to this size is read before its size is written, so that it may change as it likes.
const SMALL: u64 = 256 * 1024;

/// How a folder is taken.
pub struct TreeOptions<'a> {
    /// The owner's role for user and group ids of this host; `None` leaves the file out, since it is nobody's of the stack.
    pub owner: &'a dyn Fn(u32, u32) -> Option<String>,
    /// Whether a path below the folder, such as `cache/x`, is passed over in silence, with all that is below it.
    pub skip: &'a dyn Fn(&str) -> bool,
}

/// What a walk met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Walked {
    /// Entries added.
    pub entries: u64,
    /// Bytes of the files among them.
    pub bytes: u64,
    /// What was met and not taken; it is in the manifest too.
    pub left_out: Vec<LeftOut>,
}

struct Walk<'a, 'b> {
    writer: &'a mut Writer,
    options: &'a TreeOptions<'b>,
    root: &'a Path,
    at: &'a EntryPath,
    device: u64,
    walked: Walked,
}

pub(super) fn add(
    writer: &mut Writer,
    root: &Path,
    at: &EntryPath,
    options: &TreeOptions<'_>,
) -> Result<Walked, ArchiveError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let dir = rustix::fs::openat2(CWD, root, flags, Mode::empty(), resolve)
        .map_err(|e| ArchiveError::file("open", root, e))?;
    let stat = rustix::fs::fstat(&dir).map_err(|e| ArchiveError::file("read", root, e))?;
    let mut walk = Walk {
        writer,
        options,
        root,
        at,
        device: stat.st_dev,
        walked: Walked::default(),
    };
    walk.directory(&dir, &stat, at)?;
    let walked = walk.walked;
    writer.left_out.extend(walked.left_out.iter().cloned());
    Ok(walked)
}

impl Walk<'_, '_> {
    /// Recursion is bounded: a path with too many folders is refused.
    fn directory(
        &mut self,
        dir: &OwnedFd,
        stat: &Stat,
        path: &EntryPath,
    ) -> Result<(), ArchiveError> {
        let Some(attributes) = self.attributes(stat, Kind::Directory, path) else {
            return Ok(());
        };
        self.writer.directory(path.as_str(), &attributes)?;
        self.walked.entries += 1;
        for name in self.names(dir, path)? {
            let bytes = name.to_bytes();
            let inner = path.join(bytes).map_err(|source| ArchiveError::Path {
                path: format!("{path}/{}", String::from_utf8_lossy(bytes)),
                what: "path",
                source,
            })?;
            let below = &inner.as_str()[self.at.as_str().len() + 1..];
            if (self.options.skip)(below) {
                continue;
            }
            match self.one(dir, &name, &inner) {
                Err(Problem::Gone) => self.leave(&inner, "gone while it was read"),
                Err(Problem::Archive(error)) => return Err(error),
                Err(Problem::Io(e)) => {
                    return Err(ArchiveError::file("read", self.root.join(below), e));
                }
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn one(&mut self, dir: &OwnedFd, name: &CString, path: &EntryPath) -> Result<(), Problem> {
        let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let why = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => return self.file(dir, name, path),
            FileType::Symlink => return self.link(dir, name, &stat, path),
            FileType::Directory => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let inner = rustix::fs::openat(dir, name, flags, Mode::empty())?;
                let stat = rustix::fs::fstat(&inner)?;
                if stat.st_dev == self.device {
                    return Ok(self.directory(&inner, &stat, path)?);
                }
                "another file system"
            }
            FileType::Socket => "a socket",
            FileType::Fifo => "a pipe",
            _ => "a device",
        };
        self.leave(path, why);
        Ok(())
    }

    fn file(&mut self, dir: &OwnedFd, name: &CString, path: &EntryPath) -> Result<(), Problem> {
        // not blocking: somebody may have put a pipe in its place
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?);
        let stat = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Problem::Gone);
        }
        let Some(attributes) = self.attributes(&stat, Kind::File, path) else {
            return Ok(());
        };
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        let size = if size <= SMALL {
            let mut content = Vec::new();
            (&file).take(SMALL * 4).read_to_end(&mut content)?;
            self.writer.bytes(path.as_str(), &attributes, &content)?;
            content.len() as u64
        } else {
            self.writer.file(path.as_str(), &attributes, size, file)?;
            size
        };
        self.walked.entries += 1;
        self.walked.bytes += size;
        Ok(())
    }

    fn link(
        &mut self,
        dir: &OwnedFd,
        name: &CString,
        stat: &Stat,
        path: &EntryPath,
    ) -> Result<(), Problem> {
        let target = rustix::fs::readlinkat(dir, name, Vec::new())?;
        let target = OsString::from_vec(target.into_bytes()).into_string();
        let Ok(target) = target else {
            self.leave(path, "a link to what is not UTF-8");
            return Ok(());
        };
        if path.may_link_to(&target).is_err() {
            self.leave(path, "a link out of its top folder");
            return Ok(());
        }
        let Some(attributes) = self.attributes(stat, Kind::Link, path) else {
            return Ok(());
        };
        self.writer.symlink(path.as_str(), &target, &attributes)?;
        self.walked.entries += 1;
        Ok(())
    }

    fn attributes(&mut self, stat: &Stat, kind: Kind, path: &EntryPath) -> Option<Attributes> {
        let Some(owner) = (self.options.owner)(stat.st_uid, stat.st_gid) else {
            self.leave(
                path,
                &format!("of {}:{}, nobody of the stack", stat.st_uid, stat.st_gid),
            );
            return None;
        };
        let kept = if kind == Kind::Directory {
            0o3777
        } else {
            0o777
        };
        Some(Attributes {
            mode: stat.st_mode & kept,
            owner,
            mtime: Mtime {
                seconds: stat.st_mtime,
                nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or(0),
            },
        })
    }

    fn leave(&mut self, path: &EntryPath, why: &str) {
        self.walked.left_out.push(LeftOut {
            path: path.to_string(),
            why: why.to_owned(),
        });
    }

    fn names(&self, dir: impl AsFd, path: &EntryPath) -> Result<Vec<CString>, ArchiveError> {
        let below = path.as_str()[self.at.as_str().len()..].trim_start_matches('/');
        let wrap = |e: Errno| ArchiveError::file("list", self.root.join(below), e);
        let mut names = Vec::new();
        for entry in Dir::read_from(dir).map_err(wrap)? {
            let name = entry.map_err(wrap)?.file_name().to_owned();
            if !matches!(name.to_bytes(), b"." | b"..") {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Why one entry could not be taken.
enum Problem {
    Gone,
    Archive(ArchiveError),
    Io(std::io::Error),
}

impl From<Errno> for Problem {
    fn from(e: Errno) -> Self {
        match e {
            // a link or something else was put in its place
            Errno::NOENT | Errno::LOOP | Errno::NOTDIR | Errno::NXIO => Self::Gone,
            other => Self::Io(other.into()),
        }
    }
}

impl From<std::io::Error> for Problem {
    fn from(e: std::io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<ArchiveError> for Problem {
    fn from(e: ArchiveError) -> Self {
        Self::Archive(e)
    }
}
