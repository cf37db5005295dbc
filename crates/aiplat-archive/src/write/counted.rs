//! Counting and hashing what passes.

use std::io::{self, Read, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::hex;
use crate::error::ArchiveError;
use crate::target::TargetError;

/// A writer that knows what went through it.
pub(super) struct Counted<W> {
    inner: W,
    hasher: Sha256,
    count: u64,
}

impl<W: Write> Counted<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            count: 0,
        }
    }

    /// The hash of all until now.
    pub(super) fn so_far(&self) -> [u8; 32] {
        self.hasher.clone().finalize().into()
    }

    /// The writer, the hash and the number of bytes.
    pub(super) fn done(self) -> (W, String, u64) {
        (self.inner, hex(self.hasher), self.count)
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(buf)?;
        self.hasher.update(&buf[..count]);
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// A reader of a file's content; its errors can be told from those of where the content goes.
pub(super) struct Hashed<R> {
    inner: R,
    hasher: Sha256,
    count: u64,
}

/// A file's content could not be read.
#[derive(Debug, thiserror::Error)]
#[error("could not be read")]
struct Unread(#[source] io::Error);

impl<R: Read> Hashed<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            count: 0,
        }
    }

    pub(super) fn done(self) -> (u64, String) {
        (self.count, hex(self.hasher))
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf).map_err(|e| match e.kind() {
            io::ErrorKind::Interrupted => e,
            _ => io::Error::other(Unread(e)),
        })?;
        self.hasher.update(&buf[..count]);
        self.count += count as u64;
        Ok(count)
    }
}

/// What an error while an entry was written means.
pub(super) fn said(error: io::Error, path: &str, place: &str) -> ArchiveError {
    match error.downcast::<Unread>() {
        Ok(Unread(source)) => ArchiveError::File {
            what: "read",
            path: PathBuf::from(path),
            source,
        },
        Err(error) => TargetError::of(error, place.to_owned()).into(),
    }
}
