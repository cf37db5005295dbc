//! Unpacking.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid};
use rustix::io::Errno;

use super::place::Place;
use super::{FileError, Sink};
use crate::error::ArchiveError;
use crate::manifest::{Kind, Mtime, Record};
use crate::path::EntryPath;

pub(super) struct Extract<'a> {
    place: Place,
    owners: &'a dyn Fn(&str) -> Option<(u32, u32)>,
    wanted: &'a dyn Fn(&str) -> bool,
    keep_free: u64,
    /// Folders get their owner, mode and time when all that is in them is there.
    folders: Vec<(Record, Uid, Gid)>,
    buffer: Vec<u8>,
}

impl<'a> Extract<'a> {
    pub(super) fn new(
        into: &Path,
        owners: &'a dyn Fn(&str) -> Option<(u32, u32)>,
        wanted: &'a dyn Fn(&str) -> bool,
        keep_free: u64,
    ) -> Result<Self, ArchiveError> {
        Ok(Self {
            place: Place::new(into)?,
            owners,
            wanted,
            keep_free,
            folders: Vec::new(),
            buffer: vec![0; 128 * 1024],
        })
    }

    /// Gives folders what is theirs, the deepest first, and waits for the disk.
    pub(super) fn finish(&mut self) -> Result<(), ArchiveError> {
        self.folders.sort_by(|a, b| b.0.path.cmp(&a.0.path));
        for (record, uid, gid) in std::mem::take(&mut self.folders) {
            self.place
                .folder(&record.path)
                .and_then(|dir| own(&dir, &record, uid, gid))
                .map_err(|e| self.place.wrap("set the owner of", &record.path, e))?;
        }
        rustix::fs::syncfs(self.place.fd()).map_err(|e| self.place.wrap("write", "", e))
    }

    pub(super) fn undo(&self) {
        self.place.empty();
    }

    fn owner(&self, record: &Record) -> Result<(Uid, Gid), ArchiveError> {
        // all ones means: leave it as it is
        let known = (self.owners)(&record.owner).filter(|(u, g)| *u != u32::MAX && *g != u32::MAX);
        match known {
            Some((uid, gid)) => Ok((Uid::from_raw(uid), Gid::from_raw(gid))),
            None => Err(ArchiveError::UnknownOwner {
                path: record.path.clone(),
                owner: record.owner.clone(),
            }),
        }
    }

    fn room(&self, record: &Record) -> Result<(), ArchiveError> {
        let free = self
            .place
            .free()
            .map_err(|e| self.place.wrap("measure", &record.path, e))?;
        let needed = record.size.saturating_add(self.keep_free);
        if needed > free {
            return Err(ArchiveError::NoRoom {
                path: record.path.clone(),
                needed,
                free,
            });
        }
        Ok(())
    }

    /// The folder an entry is in, opened, and its name there.
    fn parent<'r>(&self, record: &'r Record) -> Result<(OwnedFd, &'r str), ArchiveError> {
        let path = EntryPath::new(&record.path).map_err(|source| ArchiveError::Path {
            path: record.path.clone(),
            what: "path",
            source,
        })?;
        let dir = self
            .place
            .parent(&path)
            .map_err(|e| self.place.wrap("open the folder of", &record.path, e))?;
        let name = record.path.rsplit_once('/').map_or(&*record.path, |s| s.1);
        Ok((dir, name))
    }

    fn link(&self, record: &Record, target: &str) -> Result<(), ArchiveError> {
        let (uid, gid) = self.owner(record)?;
        let (dir, name) = self.parent(record)?;
        let made = rustix::fs::symlinkat(target, &dir, name).and_then(|()| {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            rustix::fs::chownat(&dir, name, Some(uid), Some(gid), flags)?;
            rustix::fs::utimensat(&dir, name, &times(record.mtime), flags)
        });
        made.map_err(|e| self.place.wrap("make the link", &record.path, e))
    }

    fn write(&mut self, record: &Record, content: &mut dyn Read) -> Result<(), FileError> {
        let (uid, gid) = self.owner(record)?;
        self.room(record)?;
        let (dir, name) = self.parent(record)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&dir, name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|e| self.place.wrap("make", &record.path, e))?;
        let mut file = File::from(file);
        loop {
            let count = match content.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(FileError::Content(e)),
            };
            if let Err(e) = file.write_all(&self.buffer[..count]) {
                return Err(self.full(record, &e).into());
            }
        }
        own(&file, record, uid, gid)
            .map_err(|e| self.place.wrap("set the owner of", &record.path, e).into())
    }

    fn full(&self, record: &Record, error: &io::Error) -> ArchiveError {
        if matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        ) {
            return ArchiveError::NoRoom {
                path: record.path.clone(),
                needed: record.size.saturating_add(self.keep_free),
                free: self.place.free().unwrap_or(0),
            };
        }
        let errno = Errno::from_io_error(error).unwrap_or(Errno::IO);
        self.place.wrap("write", &record.path, errno)
    }
}

impl From<ArchiveError> for FileError {
    fn from(error: ArchiveError) -> Self {
        Self::Archive(error)
    }
}

impl Sink for Extract<'_> {
    fn entry(&mut self, record: &Record) -> Result<(), ArchiveError> {
        if !(self.wanted)(&record.path) {
            return Ok(());
        }
        if let (Kind::Link, Some(target)) = (record.kind, &record.target) {
            return self.link(record, target);
        }
        let (uid, gid) = self.owner(record)?;
        let (dir, name) = self.parent(record)?;
        match rustix::fs::mkdirat(&dir, name, Mode::RWXU) {
            // made before for what is in it
            Ok(()) | Err(Errno::EXIST) => {}
            Err(e) => return Err(self.place.wrap("make", &record.path, e)),
        }
        self.folders.push((record.clone(), uid, gid));
        Ok(())
    }

    fn file(&mut self, record: &Record, content: &mut dyn Read) -> Result<(), FileError> {
        if (self.wanted)(&record.path) {
            return self.write(record, content);
        }
        io::copy(content, &mut io::sink()).map_err(FileError::Content)?;
        Ok(())
    }
}

/// The owner first: changing it would take bits of the mode away.
fn own(fd: impl AsFd, record: &Record, uid: Uid, gid: Gid) -> Result<(), Errno> {
    rustix::fs::fchown(&fd, Some(uid), Some(gid))?;
    rustix::fs::fchmod(&fd, Mode::from_raw_mode(record.mode))?;
    rustix::fs::futimens(&fd, &times(record.mtime))
}

fn times(at: Mtime) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: at.seconds,
            tv_nsec: i64::from(at.nanoseconds),
        },
    }
}
