//! The bytes of an archive as they come, hashed and counted.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

use crate::error::ArchiveError;
use crate::target::TargetError;
use crate::write::hex;

/// As long as the last frame of an archive without encryption.
pub(super) const TAIL: usize = 40;

/// Reads an archive.
pub(super) struct Source {
    inner: Box<dyn Read + Send>,
    seen: Seen,
}

/// What was read so far, shared with who decodes it.
#[derive(Clone)]
pub(super) struct Seen(Arc<Mutex<State>>);

struct State {
    count: u64,
    ended: bool,
    all: Sha256,
    /// Of all but the last [`TAIL`] bytes.
    before_tail: Sha256,
    tail: Vec<u8>,
}

/// The archive could not be read from where it is kept.
#[derive(Debug, thiserror::Error)]
#[error("could not be read")]
struct Unread(#[source] io::Error);

impl Source {
    pub(super) fn new(inner: Box<dyn Read + Send>) -> Self {
        let state = State {
            count: 0,
            ended: false,
            all: Sha256::new(),
            before_tail: Sha256::new(),
            tail: Vec::new(),
        };
        Self {
            inner,
            seen: Seen(Arc::new(Mutex::new(state))),
        }
    }

    pub(super) fn seen(&self) -> Seen {
        self.seen.clone()
    }
}

impl Read for Source {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf).map_err(|e| match e.kind() {
            io::ErrorKind::Interrupted => e,
            _ => io::Error::other(Unread(e)),
        })?;
        self.seen.state().take(&buf[..count], !buf.is_empty());
        Ok(count)
    }
}

impl State {
    fn take(&mut self, bytes: &[u8], asked: bool) {
        self.ended |= bytes.is_empty() && asked;
        self.count += bytes.len() as u64;
        self.all.update(bytes);
        self.tail.extend_from_slice(bytes);
        let before = self.tail.len().saturating_sub(TAIL);
        self.before_tail.update(&self.tail[..before]);
        self.tail.drain(..before);
    }
}

impl Seen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes so far.
    pub(super) fn count(&self) -> u64 {
        self.state().count
    }

    /// The hash of all bytes so far.
    pub(super) fn sha256(&self) -> String {
        hex(self.state().all.clone())
    }

    /// The hash of all bytes but the last [`TAIL`].
    pub(super) fn before_tail(&self) -> [u8; 32] {
        self.state().before_tail.clone().finalize().into()
    }

    /// What a failure to decode means.
    pub(super) fn said(&self, error: io::Error, else_what: &str) -> ArchiveError {
        let error = match error.downcast::<Unread>() {
            Ok(Unread(source)) => {
                return TargetError::of_reading(source).into();
            }
            Err(error) => error,
        };
        let error = match error.downcast::<ArchiveError>() {
            Ok(inner) => return inner,
            Err(error) => error,
        };
        let state = self.state();
        if state.ended || error.kind() == io::ErrorKind::UnexpectedEof {
            return ArchiveError::Truncated { read: state.count };
        }
        ArchiveError::damaged(else_what)
    }
}
