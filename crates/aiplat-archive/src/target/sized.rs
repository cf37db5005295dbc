//! A reader that knows how much there must be.

use std::io::{self, Read};

use super::error::TargetError;

/// Passes bytes on and fails at the end when they are not as many as they should be.
pub(super) struct Sized<R> {
    inner: R,
    name: String,
    expected: u64,
    read: u64,
}

impl<R: Read> Sized<R> {
    pub(super) fn new(inner: R, name: &str, expected: u64) -> Self {
        Self {
            inner,
            name: name.to_owned(),
            expected,
            read: 0,
        }
    }
}

impl<R: Read> Read for Sized<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf)?;
        self.read += count as u64;
        let ended = count == 0 && !buf.is_empty();
        if self.read > self.expected || (ended && self.read < self.expected) {
            return Err(io::Error::other(TargetError::Size {
                name: self.name.clone(),
                expected: self.expected,
                found: self.read,
            }));
        }
        Ok(count)
    }
}
