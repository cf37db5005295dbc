//! Content out of an archive: opened, decompressed, and no more of it than may be.

use std::io::{self, BufReader, Read};

use super::limits::Limits;
use super::source::{Seen, Source, TAIL};
use crate::error::ArchiveError;
use crate::seal::SealReader;
use crate::write::check_frame;

/// 2^27 bytes, 128 MiB: what a decoder is ready to hold, and more than any level needs that [`crate::Writer`] takes.
const WINDOW: u32 = 27;

type Zstd = zstd::Decoder<'static, BufReader<SealReader<Source>>>;

pub(super) struct Decoder {
    zstd: Zstd,
    seen: Seen,
    open: bool,
    read: u64,
    limits: Limits,
}

impl Decoder {
    pub(super) fn new(
        sealed: SealReader<Source>,
        limits: &Limits,
        seen: Seen,
    ) -> Result<Self, ArchiveError> {
        let open = matches!(sealed, SealReader::Open(_));
        let mut zstd = zstd::Decoder::with_buffer(BufReader::new(sealed))
            .map_err(|e| seen.said(e, "it cannot be decompressed"))?
            .single_frame();
        zstd.window_log_max(WINDOW)
            .map_err(|e| seen.said(e, "it cannot be decompressed"))?;
        Ok(Self {
            zstd,
            seen,
            open,
            read: 0,
            limits: *limits,
        })
    }

    pub(super) fn said(&self, error: io::Error) -> ArchiveError {
        self.seen
            .said(error, "it cannot be decrypted or decompressed")
    }

    pub(super) fn short(&self) -> ArchiveError {
        ArchiveError::Truncated {
            read: self.seen.count(),
        }
    }

    /// Reads on to the end of the archive, where there must be nothing more. The archive's hash and size.
    pub(super) fn end(mut self) -> Result<(String, u64), ArchiveError> {
        let mut rest = [0; 1];
        if self.read(&mut rest).map_err(|e| self.said(e))? > 0 {
            return Err(ArchiveError::damaged("there is more behind its manifest"));
        }
        let mut inner = self.zstd.finish();
        let mut tail = Vec::new();
        (&mut inner)
            .take(TAIL as u64 + 1)
            .read_to_end(&mut tail)
            .map_err(|e| self.seen.said(e, "its end cannot be decrypted"))?;
        let expected = if self.open {
            check_frame(&self.seen.before_tail()).to_vec()
        } else {
            Vec::new()
        };
        if tail.len() < expected.len() {
            return Err(ArchiveError::Truncated {
                read: self.seen.count(),
            });
        }
        if tail.len() > expected.len() {
            return Err(ArchiveError::damaged("there is more behind its end"));
        }
        if tail != expected {
            return Err(ArchiveError::damaged("its check sum is another one"));
        }
        Ok((self.seen.sha256(), self.seen.count()))
    }
}

impl Read for Decoder {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.zstd.read(buf)?;
        self.read += count as u64;
        let too_much = |what, limit| Err(io::Error::other(ArchiveError::TooMuch { what, limit }));
        if self.read > self.limits.stream() {
            return too_much("bytes of content", self.limits.content);
        }
        if self.read > self.limits.ratio_from
            && self.read / self.seen.count().max(1) > self.limits.ratio
        {
            return too_much("bytes of content for each of its own", self.limits.ratio);
        }
        Ok(count)
    }
}
