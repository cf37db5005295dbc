//! Making an archive.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::error::ArchiveError;
use crate::manifest::{
    Attributes, FORMAT, HEADER, Header, Kind, LeftOut, MANIFEST, Manifest, Mtime, Record, is_owner,
};
use crate::name::ArchiveName;
use crate::path::EntryPath;
use crate::seal::{Seal, SealWriter};
use crate::sidecar::{Sealed, Sidecar};
use crate::target::{Sink, Target, TargetError};

pub use tree::{TreeOptions, Walked};

mod counted;
mod entry;
mod tree;

use counted::{Counted, Hashed};

/// How an archive is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// zstd's level, 1 (fast) to 19.
    pub level: i32,
    /// Bytes of content, where the caller knows them: said when the disk is full.
    pub expected: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            level: 3,
            expected: None,
        }
    }
}

type Output = SealWriter<Counted<Box<dyn Sink>>>;

/// An archive that is being made. Nothing has its final name before [`Writer::finish`]; dropped, or killed and followed by
/// [`Target::sweep`], nothing is left of it. After an error only dropping it makes sense.
pub struct Writer {
    tar: tar::Builder<zstd::Encoder<'static, Output>>,
    target: Target,
    name: ArchiveName,
    header: Header,
    sealed: Sealed,
    entries: Vec<Record>,
    left_out: Vec<LeftOut>,
    content: u64,
    broken: bool,
}

impl Writer {
    /// Begins an archive and writes its header.
    pub fn begin(
        target: &Target,
        name: &ArchiveName,
        seal: &Seal,
        header: Header,
        options: Options,
    ) -> Result<Self, ArchiveError> {
        let place = target.place();
        let sink = Counted::new(target.begin(name, options.expected)?);
        let made = SealWriter::new(seal, sink)
            .and_then(|output| zstd::Encoder::new(output, options.level))
            .and_then(|mut encoder| {
                encoder.include_checksum(true)?;
                Ok(encoder)
            });
        let encoder = made.map_err(|e| TargetError::of(e, place))?;
        let mut writer = Self {
            tar: tar::Builder::new(encoder),
            target: target.clone(),
            name: name.clone(),
            sealed: seal.shown(),
            entries: Vec::new(),
            left_out: Vec::new(),
            content: 0,
            broken: false,
            header,
        };
        let text = json(&writer.header)?;
        writer.own(HEADER, &text)?;
        Ok(writer)
    }

    /// Adds a folder.
    pub fn directory(&mut self, path: &str, attributes: &Attributes) -> Result<(), ArchiveError> {
        let path = new_path(path)?;
        self.add(
            &path,
            Kind::Directory,
            attributes,
            0,
            None,
            &mut io::empty(),
        )
    }

    /// Adds a symbolic link. One that leads out of its top folder is refused.
    pub fn symlink(
        &mut self,
        path: &str,
        target: &str,
        attributes: &Attributes,
    ) -> Result<(), ArchiveError> {
        let path = new_path(path)?;
        path.may_link_to(target)
            .map_err(|source| ArchiveError::Path {
                path: path.to_string(),
                what: "target",
                source,
            })?;
        let target = Some(target.to_owned());
        self.add(&path, Kind::Link, attributes, 0, target, &mut io::empty())
    }

    /// Adds a file from memory.
    pub fn bytes(
        &mut self,
        path: &str,
        attributes: &Attributes,
        content: &[u8],
    ) -> Result<(), ArchiveError> {
        self.file(path, attributes, content.len() as u64, content)
    }

    /// Adds a file of a known size. Fewer bytes than that are an error, more are not read.
    pub fn file(
        &mut self,
        path: &str,
        attributes: &Attributes,
        size: u64,
        mut content: impl Read,
    ) -> Result<(), ArchiveError> {
        let path = new_path(path)?;
        self.add(&path, Kind::File, attributes, size, None, &mut content)
    }

    /// Adds a file whose size nobody knows, such as a dump: it goes through a file without a name in `spool`, which needs
    /// room for it and is gone with this call, whatever happens. Returns the size.
    pub fn stream(
        &mut self,
        path: &str,
        attributes: &Attributes,
        mut content: impl Read,
        spool: &Path,
    ) -> Result<u64, ArchiveError> {
        let spooled = |e| ArchiveError::file("write a temporary file in", spool, e);
        let mut file = tempfile::tempfile_in(spool).map_err(spooled)?;
        let size = io::copy(&mut content, &mut file).map_err(spooled)?;
        file.seek(SeekFrom::Start(0)).map_err(spooled)?;
        self.file(path, attributes, size, file)?;
        Ok(size)
    }

    /// Adds a folder with all that is in it; `at` is its path in the archive. Links are never followed, other file systems
    /// never entered; names are sorted. Owners are what `options` say.
    ///
    /// What changes meanwhile: a file that grows is kept as long as it was, one that shrinks is
    /// [`ArchiveError::Changed`], one that is gone is left out and said.
    pub fn tree(
        &mut self,
        root: &Path,
        at: &str,
        options: &TreeOptions<'_>,
    ) -> Result<Walked, ArchiveError> {
        tree::add(self, root, &new_path(at)?, options)
    }

    /// Notes something that is not in the archive.
    pub fn leave_out(&mut self, path: &str, why: &str) {
        self.left_out.push(LeftOut {
            path: path.to_owned(),
            why: why.to_owned(),
        });
    }

    /// Bytes of all files so far.
    pub fn content(&self) -> u64 {
        self.content
    }

    /// Writes the manifest, makes the archive durable, gives it its name, and writes the sidecar. `metadata` goes into both
    /// of them, the second of which is not encrypted: counts and times, no secrets.
    pub fn finish(mut self, metadata: Value) -> Result<Sidecar, ArchiveError> {
        if self.broken {
            return Err(ArchiveError::damaged("an entry could not be written"));
        }
        let entries = self.entries.len() as u64;
        let manifest = Manifest {
            format: FORMAT,
            entries: std::mem::take(&mut self.entries),
            left_out: std::mem::take(&mut self.left_out),
            metadata,
        };
        let text = json(&manifest)?;
        self.own(MANIFEST, &text)?;
        let place = self.target.place();
        let closed = self
            .tar
            .into_inner()
            .and_then(zstd::Encoder::finish)
            .and_then(|mut output| {
                if let SealWriter::Open(counted) = &mut output {
                    let frame = check_frame(&counted.so_far());
                    counted.write_all(&frame)?;
                }
                output.finish()
            });
        let (sink, sha256, size) = closed.map_err(|e| TargetError::of(e, place))?.done();
        sink.commit()?;
        let sidecar = Sidecar {
            name: self.name,
            format: FORMAT,
            stack: self.header.stack,
            stack_id: self.header.stack_id,
            created: self.header.created,
            size,
            content: self.content,
            entries,
            sha256,
            sealed: self.sealed,
            verified: None,
            metadata: manifest.metadata,
        };
        self.target.put_sidecar(&sidecar)?;
        Ok(sidecar)
    }

    /// Writes the header or the manifest.
    fn own(&mut self, path: &str, content: &[u8]) -> Result<(), ArchiveError> {
        let record = Record {
            path: path.to_owned(),
            kind: Kind::File,
            size: content.len() as u64,
            mode: 0o600,
            owner: "root".to_owned(),
            mtime: Mtime::from(self.header.created),
            sha256: None,
            target: None,
        };
        let place = self.target.place();
        entry::append(&mut self.tar, &record, &mut &content[..])
            .map_err(|e| TargetError::of(e, place).into())
    }

    fn add(
        &mut self,
        path: &EntryPath,
        kind: Kind,
        attributes: &Attributes,
        size: u64,
        target: Option<String>,
        content: &mut dyn Read,
    ) -> Result<(), ArchiveError> {
        if !is_owner(&attributes.owner) {
            return Err(ArchiveError::entry(path, "has an owner that is no role"));
        }
        let forbidden = match kind {
            Kind::Directory => !0o3777,
            Kind::File | Kind::Link => !0o777,
        };
        if attributes.mode & forbidden != 0 {
            return Err(ArchiveError::entry(path, "has special permission bits"));
        }
        let mut record = Record {
            path: path.to_string(),
            kind,
            size,
            mode: attributes.mode,
            owner: attributes.owner.clone(),
            mtime: attributes.mtime,
            sha256: None,
            target,
        };
        self.broken = true;
        let mut hashed = Hashed::new(content.take(size));
        entry::append(&mut self.tar, &record, &mut hashed)
            .map_err(|e| counted::said(e, &record.path, &self.target.place()))?;
        let (read, sha256) = hashed.done();
        if read != size {
            return Err(ArchiveError::Changed {
                path: record.path,
                expected: size,
                found: read,
            });
        }
        record.sha256 = (kind == Kind::File).then_some(sha256);
        self.content += size;
        self.entries.push(record);
        self.broken = false;
        Ok(())
    }
}

fn new_path(text: &str) -> Result<EntryPath, ArchiveError> {
    let path = EntryPath::new(text).map_err(|source| ArchiveError::Path {
        path: text.to_owned(),
        what: "path",
        source,
    })?;
    if matches!(path.as_str(), HEADER | MANIFEST) {
        return Err(ArchiveError::entry(
            &path,
            "has a name that the archive needs",
        ));
    }
    Ok(path)
}

fn json(value: &impl serde::Serialize) -> Result<Vec<u8>, ArchiveError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|e| ArchiveError::damaged(format!("a part of it is no JSON: {e}")))?;
    text.push(b'\n');
    Ok(text)
}

/// The last frame of an archive without encryption: decoders skip it, [`crate::Reader`] demands it.
pub(crate) fn check_frame(sha256: &[u8; 32]) -> [u8; 40] {
    let mut frame = [0; 40];
    frame[..4].copy_from_slice(&0x184D_2A50_u32.to_le_bytes());
    frame[4..8].copy_from_slice(&32_u32.to_le_bytes());
    frame[8..].copy_from_slice(sha256);
    frame
}

/// SHA-256 as text.
pub(crate) fn hex(hasher: Sha256) -> String {
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
