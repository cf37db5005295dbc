//! The blocks of a tar stream, one entry after the other.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

use super::decoder::Decoder;
use super::head::Head;
use super::pax::{self, Extended};
use crate::error::ArchiveError;
use crate::write::hex;

const BLOCK: usize = 512;

pub(super) struct Blocks {
    decoder: Decoder,
}

impl Blocks {
    pub(super) fn new(decoder: Decoder) -> Self {
        Self { decoder }
    }

    /// What a failure to read content means.
    pub(super) fn said(&self, error: io::Error) -> ArchiveError {
        self.decoder.said(error)
    }

    /// There was less than there should be.
    pub(super) fn short(&self) -> ArchiveError {
        self.decoder.short()
    }

    /// The next entry; `None` at the end of the stream's entries.
    pub(super) fn next(&mut self) -> Result<Option<Head>, ArchiveError> {
        let mut extended = None;
        loop {
            let block = self.block()?;
            if block.iter().all(|byte| *byte == 0) {
                return self.last(extended.is_some()).map(|()| None);
            }
            let header = tar::Header::from_byte_slice(&block);
            if header.cksum().ok() != Some(sum(&block)) {
                return Err(ArchiveError::damaged("a header has another check sum"));
            }
            if header.entry_type() != tar::EntryType::XHeader {
                return Head::new(header, extended.unwrap_or_default()).map(Some);
            }
            let size = header.entry_size().unwrap_or(u64::MAX);
            if extended.is_some() || size > pax::MAX {
                return Err(ArchiveError::damaged("an extended header does not fit"));
            }
            extended = Some(self.extended(size)?);
        }
    }

    fn extended(&mut self, size: u64) -> Result<Extended, ArchiveError> {
        let bytes = self.exactly(size)?;
        self.padding(size)?;
        pax::parse(&bytes)
    }

    /// A second empty block ends the entries.
    fn last(&mut self, in_between: bool) -> Result<(), ArchiveError> {
        if in_between || self.block()?.iter().any(|byte| *byte != 0) {
            return Err(ArchiveError::damaged("it has an empty header"));
        }
        Ok(())
    }

    /// The content of the entry just met: read it whole, then call [`Blocks::padding`].
    pub(super) fn content(&mut self, size: u64) -> Content<'_> {
        Content {
            inner: self.decoder.by_ref().take(size),
            hasher: Sha256::new(),
            read: 0,
        }
    }

    /// Skips what fills the last block of `size` bytes of content, which is zeros.
    pub(super) fn padding(&mut self, size: u64) -> Result<(), ArchiveError> {
        let over = size % BLOCK as u64;
        let filler = if over == 0 { 0 } else { BLOCK as u64 - over };
        if self.exactly(filler)?.iter().any(|byte| *byte != 0) {
            return Err(ArchiveError::damaged("there is something behind a file"));
        }
        Ok(())
    }

    /// The content of a small file.
    pub(super) fn small(&mut self, head: &Head, most: u64) -> Result<Vec<u8>, ArchiveError> {
        if head.size > most {
            return Err(ArchiveError::TooMuch {
                what: "bytes of header or manifest",
                limit: most,
            });
        }
        let bytes = self.exactly(head.size)?;
        self.padding(head.size)?;
        Ok(bytes)
    }

    /// Demands the end of the stream and of the archive: the archive's hash and size.
    pub(super) fn end(mut self) -> Result<(String, u64), ArchiveError> {
        if self.next()?.is_some() {
            return Err(ArchiveError::damaged("there is more behind its manifest"));
        }
        self.decoder.end()
    }

    fn block(&mut self) -> Result<[u8; BLOCK], ArchiveError> {
        let mut block = [0; BLOCK];
        match self.decoder.read_exact(&mut block) {
            Ok(()) => Ok(block),
            Err(e) => Err(self.decoder.said(e)),
        }
    }

    /// Grows with what is there, not with what is said to be there.
    fn exactly(&mut self, size: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut bytes = Vec::new();
        let read = self.decoder.by_ref().take(size).read_to_end(&mut bytes);
        match read {
            Err(e) => Err(self.decoder.said(e)),
            Ok(count) if (count as u64) < size => Err(self.short()),
            Ok(_) => Ok(bytes),
        }
    }
}

/// The bytes of a header, its check sum taken as spaces.
fn sum(block: &[u8; BLOCK]) -> u32 {
    let outside = block[..148].iter().chain(&block[156..]);
    outside.map(|byte| u32::from(*byte)).sum::<u32>() + 8 * 32
}

/// One file's content.
pub(super) struct Content<'a> {
    inner: io::Take<&'a mut Decoder>,
    hasher: Sha256,
    read: u64,
}

impl Content<'_> {
    /// How much was read and its hash.
    pub(super) fn done(self) -> (u64, String) {
        (self.read, hex(self.hasher))
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buf)?;
        self.hasher.update(&buf[..count]);
        self.read += count as u64;
        Ok(count)
    }
}
