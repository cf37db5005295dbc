//! Checking and unpacking an archive.

use std::io::Read;
use std::path::Path;

use crate::error::ArchiveError;
use crate::manifest::{FORMAT, HEADER, Header, Kind, MANIFEST, Manifest, Record};
use crate::seal::{Key, OpenError, SealReader};

pub use limits::Limits;

mod blocks;
mod decoder;
mod extract;
mod head;
mod inventory;
mod limits;
mod pax;
mod place;
mod source;

use blocks::Blocks;
use decoder::Decoder;
use head::Head;
use inventory::Inventory;
use source::Source;

/// The largest header in bytes.
const HEADER_MAX: u64 = 16 * 1024 * 1024;

/// An archive that is being read, its header known.
pub struct Reader {
    blocks: Blocks,
    header: Header,
    limits: Limits,
}

/// An archive that was read to its end, with every check passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Whose it is.
    pub header: Header,
    /// What was in it.
    pub manifest: Manifest,
    /// SHA-256 of the archive, in small hexadecimal digits.
    pub sha256: String,
    /// Bytes of the archive.
    pub size: u64,
    /// Bytes of all files in it.
    pub content: u64,
}

/// What is done with entries as they come.
trait Sink {
    /// A folder or link.
    fn entry(&mut self, record: &Record) -> Result<(), ArchiveError>;
    /// A file; reading from `content` is what checks it.
    fn file(&mut self, record: &Record, content: &mut dyn Read) -> Result<(), FileError>;
}

/// Why a file could not be taken: what it comes from, or where it goes.
enum FileError {
    Content(std::io::Error),
    Archive(ArchiveError),
}

/// Checks and keeps nothing.
struct Nowhere;

impl Sink for Nowhere {
    fn entry(&mut self, _: &Record) -> Result<(), ArchiveError> {
        Ok(())
    }

    fn file(&mut self, _: &Record, content: &mut dyn Read) -> Result<(), FileError> {
        std::io::copy(content, &mut std::io::sink()).map_err(FileError::Content)?;
        Ok(())
    }
}

impl Reader {
    /// Opens an archive, checks that the key fits and reads the header, which may still turn out to be of a damaged archive.
    pub fn open(
        from: impl Read + Send + 'static,
        key: &Key,
        limits: Limits,
    ) -> Result<Self, ArchiveError> {
        let source = Source::new(Box::new(from));
        let seen = source.seen();
        let sealed = SealReader::new(key, source).map_err(|e| match e {
            OpenError::Key(error) => error.into(),
            OpenError::Io(error) => seen.said(error, "its first lines do not fit"),
        })?;
        let decoder = Decoder::new(sealed, &limits, seen)?;
        let mut blocks = Blocks::new(decoder);
        let Some(head) = blocks.next()? else {
            return Err(ArchiveError::damaged("there is nothing in it"));
        };
        if head.path.as_str() != HEADER || head.kind != Kind::File {
            return Err(ArchiveError::damaged("it does not begin with its header"));
        }
        let bytes = blocks.small(&head, HEADER_MAX)?;
        check_format(&bytes)?;
        let header = serde_json::from_slice(&bytes)
            .map_err(|_| ArchiveError::damaged("its header cannot be read"))?;
        Ok(Self {
            blocks,
            header,
            limits,
        })
    }

    /// Whose archive it is. Believe it for good only when [`Reader::verify`] or [`Reader::extract`] is done.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads all of it and checks every hash, that nothing is missing, nothing is extra, and that it ends where it should.
    pub fn verify(self) -> Result<Checked, ArchiveError> {
        self.run(&mut Nowhere)
    }

    /// Unpacks into a directory that exists and is empty, checking as [`Reader::verify`] does. `owners` says who a role is
    /// here, as user and group id.
    ///
    /// The directory belongs to the caller alone (mode 0700) from the first entry on and stays so; who may enter it is then
    /// the caller's to say. Folders above an entry that the archive does not list are made with mode 0700. When anything
    /// fails, the directory is emptied again. Everything is on the disk when this returns.
    pub fn extract(
        self,
        into: &Path,
        owners: &dyn Fn(&str) -> Option<(u32, u32)>,
    ) -> Result<Checked, ArchiveError> {
        self.extract_some(into, owners, &|_| true)
    }

    /// As [`Reader::extract`], for the entries that `wanted` names by path; the others are checked only.
    pub fn extract_some(
        self,
        into: &Path,
        owners: &dyn Fn(&str) -> Option<(u32, u32)>,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Checked, ArchiveError> {
        let mut extract = extract::Extract::new(into, owners, wanted, self.limits.keep_free)?;
        let done = self
            .run(&mut extract)
            .and_then(|checked| extract.finish().map(|()| checked));
        if done.is_err() {
            extract.undo();
        }
        done
    }

    fn run(mut self, sink: &mut dyn Sink) -> Result<Checked, ArchiveError> {
        let mut inventory = Inventory::new(&self.limits);
        let last = loop {
            let Some(head) = self.blocks.next()? else {
                return Err(ArchiveError::damaged("it ends without its manifest"));
            };
            if head.path.as_str() == MANIFEST {
                break head;
            }
            self.entry(&head, &mut inventory, sink)?;
        };
        let bytes = self.blocks.small(&last, self.limits.manifest)?;
        check_format(&bytes)?;
        let manifest: Manifest = serde_json::from_slice(&bytes)
            .map_err(|_| ArchiveError::damaged("its manifest cannot be read"))?;
        let content = inventory.content();
        inventory.compare(&manifest)?;
        let (sha256, size) = self.blocks.end()?;
        Ok(Checked {
            header: self.header,
            manifest,
            sha256,
            size,
            content,
        })
    }

    fn entry(
        &mut self,
        head: &Head,
        inventory: &mut Inventory,
        sink: &mut dyn Sink,
    ) -> Result<(), ArchiveError> {
        let mut record = head.record();
        inventory.admit(head)?;
        if record.kind == Kind::File {
            let mut content = self.blocks.content(record.size);
            let taken = sink.file(&record, &mut content);
            let (read, sha256) = content.done();
            match taken {
                Err(FileError::Archive(error)) => return Err(error),
                Err(FileError::Content(error)) => return Err(self.blocks.said(error)),
                Ok(()) if read != record.size => return Err(self.blocks.short()),
                Ok(()) => {}
            }
            self.blocks.padding(record.size)?;
            record.sha256 = Some(sha256);
        } else {
            sink.entry(&record)?;
        }
        inventory.add(record);
        Ok(())
    }
}

fn check_format(bytes: &[u8]) -> Result<(), ArchiveError> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let found = serde_json::from_slice::<Format>(bytes)
        .map_err(|_| ArchiveError::damaged("its header or manifest cannot be read"))?
        .format;
    if found == FORMAT {
        Ok(())
    } else {
        Err(ArchiveError::Format { found })
    }
}
