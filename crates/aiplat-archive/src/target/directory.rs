//! Archives in a directory of this host.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FlockOperation, RenameFlags};
use rustix::io::Errno;

use super::error::TargetError;
use super::{SMALL, Sink, is_partial_of, partial};
use crate::name::ArchiveName;

/// A directory with archives in it, for root or whoever runs this: not one that a stack's programs can write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    path: PathBuf,
}

impl Directory {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn io(&self, what: &str, file: &str, source: impl Into<io::Error>) -> TargetError {
        TargetError::io(format!("{what} `{file}`"), self.place(), source)
    }

    pub(super) fn make(&self) -> Result<(), TargetError> {
        match fs::DirBuilder::new().mode(0o700).create(&self.path) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                Err(TargetError::io("make the directory", self.place(), e))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn begin(
        &self,
        name: &ArchiveName,
        expected: Option<u64>,
    ) -> Result<Box<dyn Sink>, TargetError> {
        self.make()?;
        let name = name.to_string();
        if self.path.join(&name).symlink_metadata().is_ok() {
            return Err(TargetError::Exists {
                name,
                place: self.place(),
            });
        }
        let temporary = self.path.join(partial(&name));
        let file = self.locked(&temporary, &name)?;
        Ok(Box::new(FileSink {
            directory: self.clone(),
            name,
            temporary: Some(temporary),
            file,
            written: 0,
            expected,
        }))
    }

    /// Opens the half-written file for this run alone: what a killed run left is begun anew.
    fn locked(&self, path: &Path, name: &str) -> Result<File, TargetError> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
            .open(path)
            .map_err(|e| self.full(0, None, "make", name, e))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(TargetError::Busy {
                    name: name.to_owned(),
                    place: self.place(),
                });
            }
            Err(e) => return Err(self.io("lock", name, e)),
        }
        file.set_len(0).map_err(|e| self.io("write", name, e))?;
        Ok(file)
    }

    fn full(
        &self,
        written: u64,
        expected: Option<u64>,
        what: &str,
        name: &str,
        error: io::Error,
    ) -> TargetError {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => TargetError::Full {
                place: self.place(),
                written,
                free: self.room().unwrap_or(0),
                expected,
            },
            _ => self.io(what, name, error),
        }
    }

    pub(super) fn open(&self, file: &str) -> Result<Box<dyn Read + Send>, TargetError> {
        let opened = File::open(self.path.join(file)).map_err(|e| self.missing(file, e))?;
        let expected = opened
            .metadata()
            .map_err(|e| self.io("read", file, e))?
            .len();
        Ok(Box::new(super::sized::Sized::new(opened, file, expected)))
    }

    fn missing(&self, file: &str, error: io::Error) -> TargetError {
        if error.kind() == io::ErrorKind::NotFound {
            return TargetError::Missing {
                name: file.to_owned(),
                place: self.place(),
            };
        }
        self.io("open", file, error)
    }

    pub(super) fn small(&self, file: &str) -> Result<Option<Vec<u8>>, TargetError> {
        let opened = match File::open(self.path.join(file)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(|e| self.io("open", file, e))?,
        };
        let mut bytes = Vec::new();
        opened
            .take(SMALL)
            .read_to_end(&mut bytes)
            .map_err(|e| self.io("read", file, e))?;
        Ok(Some(bytes))
    }

    /// Regular files and their sizes.
    pub(super) fn files(&self) -> Result<Vec<(String, u64)>, TargetError> {
        let listing = |e| TargetError::io("list the archives", self.place(), e);
        let entries = match fs::read_dir(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(listing)?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry.map_err(listing)?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            // one that was deleted meanwhile is not there
            match entry.metadata() {
                Ok(metadata) if metadata.is_file() => files.push((name, metadata.len())),
                _ => {}
            }
        }
        Ok(files)
    }

    pub(super) fn replace(&self, file: &str, content: &[u8]) -> Result<(), TargetError> {
        let temporary = self.path.join(partial(file));
        let mut opened = self.locked(&temporary, file)?;
        let written = opened
            .write_all(content)
            .and_then(|()| opened.sync_all())
            .and_then(|()| fs::rename(&temporary, self.path.join(file)));
        if let Err(e) = written {
            let _ = fs::remove_file(&temporary);
            return Err(self.full(0, None, "write", file, e));
        }
        self.sync()
    }

    pub(super) fn delete(&self, file: &str) -> Result<(), TargetError> {
        match fs::remove_file(self.path.join(file)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(self.io("delete", file, e)),
            _ => Ok(()),
        }
    }

    pub(super) fn sweep(&self, stack: &str) -> Result<usize, TargetError> {
        let mut swept = 0;
        for (file, _) in self.files()? {
            if !is_partial_of(stack, &file) {
                continue;
            }
            let path = self.path.join(&file);
            let Ok(opened) = OpenOptions::new().write(true).open(&path) else {
                continue;
            };
            // whoever writes it holds the lock
            if rustix::fs::flock(&opened, FlockOperation::NonBlockingLockExclusive).is_ok() {
                fs::remove_file(&path).map_err(|e| self.io("delete", &file, e))?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    pub(super) fn room(&self) -> Option<u64> {
        let found = rustix::fs::statvfs(&self.path).ok()?;
        Some(found.f_bavail.saturating_mul(found.f_frsize))
    }

    /// Makes names durable.
    fn sync(&self) -> Result<(), TargetError> {
        File::open(&self.path)
            .and_then(|directory| directory.sync_all())
            .map_err(|e| TargetError::io("write", self.place(), e))
    }
}

/// An archive that is being written under its temporary name.
struct FileSink {
    directory: Directory,
    name: String,
    temporary: Option<PathBuf>,
    file: File,
    written: u64,
    expected: Option<u64>,
}

impl FileSink {
    fn said(&self, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::Interrupted {
            return error;
        }
        io::Error::other(self.directory.full(
            self.written,
            self.expected,
            "write",
            &self.name,
            error,
        ))
    }
}

impl Write for FileSink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let count = self.file.write(buf).map_err(|e| self.said(e))?;
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink for FileSink {
    fn commit(mut self: Box<Self>) -> Result<(), TargetError> {
        let directory = self.directory.clone();
        let synced = self.file.sync_all().and_then(|()| self.file.metadata());
        // a network's file system tells of a full disk only here
        let found = synced
            .map_err(|e| directory.full(self.written, self.expected, "write", &self.name, e))?
            .len();
        if found != self.written {
            return Err(TargetError::Size {
                name: self.name.clone(),
                expected: self.written,
                found,
            });
        }
        let last = directory.path.join(&self.name);
        if let Some(temporary) = &self.temporary {
            name_it(temporary, &last).map_err(|e| match e {
                Errno::EXIST => TargetError::Exists {
                    name: self.name.clone(),
                    place: directory.place(),
                },
                other => directory.io("name", &self.name, other),
            })?;
        }
        self.temporary = None;
        directory.sync()
    }
}

/// Renames without replacing; a file system that cannot do that in one step gets a second name first.
fn name_it(temporary: &Path, last: &Path) -> Result<(), Errno> {
    match rustix::fs::renameat_with(CWD, temporary, CWD, last, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::link(temporary, last)?;
            rustix::fs::unlink(temporary)
        }
        other => other,
    }
}

impl Drop for FileSink {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // what cannot be removed now is swept by the next run
            let _ = fs::remove_file(temporary);
        }
    }
}
