//! All entries so far, which must agree with each other and in the end with the manifest.

use std::collections::HashMap;

use super::head::Head;
use super::limits::Limits;
use crate::error::ArchiveError;
use crate::manifest::{HEADER, Kind, Manifest, Record};

pub(super) struct Inventory {
    records: Vec<Record>,
    kinds: HashMap<String, Kind>,
    content: u64,
    most: Limits,
}

impl Inventory {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            records: Vec::new(),
            kinds: HashMap::new(),
            content: 0,
            most: *limits,
        }
    }

    /// Bytes of all files.
    pub(super) fn content(&self) -> u64 {
        self.content
    }

    /// Whether an entry may come now: a new path, in what are folders, and not too many or too much.
    pub(super) fn admit(&mut self, head: &Head) -> Result<(), ArchiveError> {
        if self.records.len() as u64 >= self.most.entries {
            return Err(ArchiveError::TooMuch {
                what: "entries",
                limit: self.most.entries,
            });
        }
        self.content = self.content.saturating_add(head.size);
        if self.content > self.most.content {
            return Err(ArchiveError::TooMuch {
                what: "bytes of content",
                limit: self.most.content,
            });
        }
        let path = head.path.as_str();
        if path == HEADER || self.kinds.contains_key(path) {
            return Err(ArchiveError::entry(path, "is there twice"));
        }
        let above = path.char_indices().filter(|(_, c)| *c == '/');
        for (end, _) in above {
            match self.kinds.get(&path[..end]) {
                None | Some(Kind::Directory) => {}
                Some(_) => return Err(ArchiveError::entry(path, "is below what is no folder")),
            }
        }
        self.kinds.insert(path.to_owned(), head.kind);
        Ok(())
    }

    pub(super) fn add(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Demands that the manifest lists what was met, and nothing else.
    pub(super) fn compare(self, manifest: &Manifest) -> Result<(), ArchiveError> {
        for (found, listed) in self.records.iter().zip(&manifest.entries) {
            if found != listed {
                let what = if found.path == listed.path {
                    format!(
                        "`{}` is not as its manifest has it",
                        found.path.escape_debug()
                    )
                } else {
                    format!(
                        "`{}` is where its manifest has `{}`",
                        found.path.escape_debug(),
                        listed.path.escape_debug()
                    )
                };
                return Err(ArchiveError::damaged(what));
            }
        }
        let (found, listed) = (self.records.len(), manifest.entries.len());
        if found == listed {
            return Ok(());
        }
        Err(ArchiveError::damaged(format!(
            "it has {found} entries, its manifest {listed}"
        )))
    }
}
