//! What is known of a log apart from the log.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::chain::{claimed, genesis, sound};
use crate::names::StackId;

/// How a log must end. Kept where the stack's own user cannot write.
///
/// It is written twice for each record: with the line pending before the line goes into the log, and settled after. A
/// process that dies between the two leaves a pending line, which the next one puts into the log; so does a full disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The stack's identity.
    pub stack_id: StackId,
    /// Its directory.
    pub base_dir: PathBuf,
    /// Where the log is.
    pub log: PathBuf,
    /// Records in the log.
    pub count: u64,
    /// The last one's hash; the stack's own first one where there is none yet.
    pub hash: String,
    /// Length of the log in bytes.
    pub bytes: u64,
    /// Lines that are to be in the log next, and perhaps are, or partly.
    pub pending: Vec<String>,
}

impl Head {
    /// The head of a log that has no record yet.
    pub fn new(id: &StackId, base_dir: &Path, log: &Path) -> Self {
        Self {
            stack_id: id.clone(),
            base_dir: base_dir.to_path_buf(),
            log: log.to_path_buf(),
            count: 0,
            hash: genesis(id),
            bytes: 0,
            pending: Vec::new(),
        }
    }

    /// The head for a log whose own is missing: it takes the log's word for how many records there are.
    pub fn adopting(id: &StackId, base_dir: &Path, log: &Path, content: &[u8]) -> Self {
        let mut head = Self::new(id, base_dir, log);
        head.bytes = content.len() as u64;
        let mut lines = content.rsplit(|b| *b == b'\n');
        let last = lines.find_map(|line| sound(std::str::from_utf8(line).ok()?));
        if let Some((record, hash)) = last {
            head.count = record.seq;
            hash.clone_into(&mut head.hash);
        }
        head
    }

    /// Records that there are or are to be.
    pub fn total(&self) -> u64 {
        self.count + self.pending.len() as u64
    }

    /// Number and predecessor of the next record.
    pub(super) fn next(&self) -> (u64, String) {
        let last = self.pending.last().and_then(|line| claimed(line));
        (self.total() + 1, last.unwrap_or(&self.hash).to_owned())
    }

    /// A line is in the log, which has `bytes` bytes now.
    pub fn settle(&mut self, line: &str, bytes: u64) {
        if let Some(hash) = claimed(line) {
            self.count += 1;
            hash.clone_into(&mut self.hash);
            self.bytes = bytes;
        }
    }

    /// All pending lines are in the log, which has `bytes` bytes now.
    pub fn settle_pending(&mut self, bytes: u64) {
        for line in std::mem::take(&mut self.pending) {
            self.settle(&line, bytes);
        }
    }

    /// What the pending lines are in the log, line breaks included.
    pub fn pending_text(&self) -> String {
        self.pending
            .iter()
            .map(|line| format!("{line}\n"))
            .collect()
    }

    /// Whether the bytes that a log has past its settled part are what is pending, or a beginning of it: then whoever
    /// wrote them died over it.
    pub fn is_interrupted(&self, past: &[u8]) -> bool {
        self.pending_text().as_bytes().starts_with(past)
    }
}
