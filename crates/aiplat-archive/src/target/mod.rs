//! Where archives are kept.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::name::{ArchiveName, SUFFIX};
use crate::sidecar::Sidecar;
use crate::stamp::Stamp;

pub use directory::Directory;
pub use error::TargetError;
pub use s3::{S3, S3Keys, S3Place};

mod directory;
mod error;
mod s3;
mod sized;

/// A sidecar is never larger, in bytes.
const SMALL: u64 = 16 * 1024 * 1024;

/// An archive on its way: nothing has its final name before [`Sink::commit`], and dropping it removes what was written.
pub trait Sink: Write + Send {
    /// Makes it durable and gives it its name. A size that is not what was written, or a name that is taken, is an error.
    fn commit(self: Box<Self>) -> Result<(), TargetError>;
}

/// A place for archives.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Target {
    /// A directory of this host.
    Directory(Directory),
    /// A folder of a bucket.
    S3(Box<S3>),
}

/// An archive that a target has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its file name.
    pub name: ArchiveName,
    /// Its size in bytes.
    pub size: u64,
    /// What lies beside it; `None` when there is none or it cannot be read as one.
    pub sidecar: Option<Sidecar>,
}

impl Target {
    /// A directory of this host. It is made, for the caller only, when its parent exists.
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self::Directory(Directory::new(path.into()))
    }

    /// A folder of a bucket. Nothing is asked yet.
    pub fn s3(place: &S3Place, keys: &S3Keys) -> Result<Self, TargetError> {
        Ok(Self::S3(Box::new(S3::new(place, keys)?)))
    }

    /// Tries whether an archive could be written here, before hours of work: a directory is made, a bucket is asked.
    pub fn ready(&self) -> Result<(), TargetError> {
        match self {
            Self::Directory(directory) => directory.make(),
            Self::S3(s3) => s3.ready(),
        }
    }

    /// Begins an archive. `expected` is what a full disk is reported with: the bytes of content, where they are known.
    pub fn begin(
        &self,
        name: &ArchiveName,
        expected: Option<u64>,
    ) -> Result<Box<dyn Sink>, TargetError> {
        match self {
            Self::Directory(directory) => directory.begin(name, expected),
            Self::S3(s3) => s3.begin(name),
        }
    }

    /// Copies an archive from elsewhere, with its sidecar where it has one.
    pub fn put(
        &self,
        name: &ArchiveName,
        mut from: impl Read,
        size: u64,
    ) -> Result<(), TargetError> {
        let mut sink = self.begin(name, Some(size))?;
        let copied =
            io::copy(&mut from, &mut sink).map_err(|e| TargetError::of(e, self.place()))?;
        if copied != size {
            return Err(TargetError::Size {
                name: name.to_string(),
                expected: size,
                found: copied,
            });
        }
        sink.commit()
    }

    /// Opens an archive. Fewer or more bytes than its size are an error of the last read.
    pub fn open(&self, name: &ArchiveName) -> Result<Box<dyn Read + Send>, TargetError> {
        match self {
            Self::Directory(directory) => directory.open(&name.to_string()),
            Self::S3(s3) => s3.open(&name.to_string()),
        }
    }

    /// All archives, of any stack, the oldest of each stack first. Other files are passed over.
    pub fn list(&self) -> Result<Vec<Stored>, TargetError> {
        let files = match self {
            Self::Directory(directory) => directory.files(),
            Self::S3(s3) => s3.files(),
        }?;
        let mut found = Vec::new();
        for (file, size) in &files {
            let Ok(name) = ArchiveName::parse(file) else {
                continue;
            };
            let beside = files.iter().any(|(other, _)| *other == name.sidecar());
            let sidecar = if beside { self.sidecar(&name)? } else { None };
            found.push(Stored {
                name,
                size: *size,
                sidecar,
            });
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// What lies beside an archive; `None` when there is none or it is not one for this name.
    pub fn sidecar(&self, name: &ArchiveName) -> Result<Option<Sidecar>, TargetError> {
        let bytes = match self {
            Self::Directory(directory) => directory.small(&name.sidecar()),
            Self::S3(s3) => s3.small(&name.sidecar()),
        }?;
        let read = bytes.and_then(|bytes| serde_json::from_slice::<Sidecar>(&bytes).ok());
        Ok(read.filter(|sidecar| sidecar.name == *name))
    }

    /// Writes what lies beside an archive, in the place of what was there.
    pub fn put_sidecar(&self, sidecar: &Sidecar) -> Result<(), TargetError> {
        let mut text = serde_json::to_vec_pretty(sidecar)
            .map_err(|e| TargetError::of(e.into(), self.place()))?;
        text.push(b'\n');
        match self {
            Self::Directory(directory) => directory.replace(&sidecar.name.sidecar(), &text),
            Self::S3(s3) => s3.replace(&sidecar.name.sidecar(), &text),
        }
    }

    /// Notes beside an archive that all of it was checked. False when nothing lies beside it, or speaks of another content.
    pub fn mark_verified(
        &self,
        name: &ArchiveName,
        sha256: &str,
        at: Stamp,
    ) -> Result<bool, TargetError> {
        match self.sidecar(name)? {
            Some(mut sidecar) if sidecar.sha256 == sha256 => {
                sidecar.verified = Some(at);
                self.put_sidecar(&sidecar)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Removes an archive and then what lies beside it. One that is not there is none to remove.
    pub fn delete(&self, name: &ArchiveName) -> Result<(), TargetError> {
        for file in [name.to_string(), name.sidecar()] {
            match self {
                Self::Directory(directory) => directory.delete(&file)?,
                Self::S3(s3) => s3.delete(&file)?,
            }
        }
        Ok(())
    }

    /// Removes what runs of this stack left half-written when they were killed; those that still run keep theirs. Returns
    /// how many there were.
    pub fn sweep(&self, stack: &str) -> Result<usize, TargetError> {
        match self {
            Self::Directory(directory) => directory.sweep(stack),
            Self::S3(s3) => s3.sweep(stack),
        }
    }

    /// Free bytes, where there is a limit that can be known.
    pub fn room(&self) -> Option<u64> {
        match self {
            Self::Directory(directory) => directory.room(),
            Self::S3(_) => None,
        }
    }

    /// What to call it, without a key.
    pub fn place(&self) -> String {
        match self {
            Self::Directory(directory) => directory.path().display().to_string(),
            Self::S3(s3) => s3.place().to_owned(),
        }
    }

    /// The path of an archive, when it is a file of this host.
    pub fn file(&self, name: &ArchiveName) -> Option<PathBuf> {
        match self {
            Self::Directory(directory) => Some(directory.path().join(name.to_string())),
            Self::S3(_) => None,
        }
    }

    /// A file given by its path, as the directory it is in and its name.
    pub fn of_file(path: &Path) -> Option<(Self, ArchiveName)> {
        let name = ArchiveName::parse(path.file_name()?.to_str()?).ok()?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        Some((Self::directory(folder.unwrap_or(Path::new("."))), name))
    }
}

/// What a file has while it is written.
fn partial(file: &str) -> String {
    format!(".{file}.partial")
}

/// Whether a file is one that a run for this stack left half-written.
fn is_partial_of(stack: &str, file: &str) -> bool {
    let inner = file
        .strip_prefix('.')
        .and_then(|rest| rest.strip_suffix(".partial"));
    let archive = inner.map(|file| file.strip_suffix(".json").unwrap_or(file));
    archive
        .filter(|file| file.ends_with(SUFFIX))
        .and_then(|file| ArchiveName::parse(file).ok())
        .is_some_and(|name| name.stack() == stack)
}
