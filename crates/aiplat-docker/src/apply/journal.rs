//! What was begun and what was done: one JSON line each, on disk before the act goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aiplat_core::plan::Plan;
use aiplat_core::spec::FileSpec;
use aiplat_core::text::Text;
use serde::{Deserialize, Serialize};

use super::options::{ApplyOptions, JournalFile};
use crate::blocking::blocking;
use crate::host::{Host, HostError};

/// The journal could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The host did not take the line.
    #[error("expected a journal that can be written")]
    Write(#[source] HostError),
    /// The host did not give the file.
    #[error("expected a journal that can be read")]
    Read(#[source] HostError),
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRecord {
    /// Milliseconds since 1970.
    pub at: u64,
    /// The plan's hash: 16 hexadecimal digits.
    pub plan: String,
    /// What happened.
    pub moment: Moment,
    /// The step's id.
    pub step: String,
}

/// What happened to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Moment {
    /// It is about to be carried out.
    Begin,
    /// It was carried out.
    Done,
    /// It failed, and what could be put back was put back.
    Failed,
}

/// Largest journal that is read back, bytes.
const READ: usize = 64 * 1024 * 1024;

/// All records of a journal, oldest first. A line that an interrupted write cut short is left out.
///
/// # Errors
/// [`JournalError::Read`].
pub fn read_journal<H: Host>(
    host: &H,
    file: &JournalFile,
) -> Result<Vec<JournalRecord>, JournalError> {
    let bytes = host
        .read_file(&file.path, READ)
        .map_err(JournalError::Read)?
        .unwrap_or_default();
    Ok(bytes
        .split(|b| *b == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// Writes records.
pub(super) struct Journal<'a, H> {
    host: &'a H,
    file: Option<&'a JournalFile>,
    plan: String,
    kill_after: Option<usize>,
}

/// Records that this process wrote, over all plans that it carried out.
static WRITTEN: AtomicUsize = AtomicUsize::new(0);

impl<'a, H: Host> Journal<'a, H> {
    pub(super) fn new(host: &'a H, plan: &Plan, options: &'a ApplyOptions) -> Self {
        Self {
            host,
            file: options.journal.as_ref(),
            plan: plan.hash(),
            kill_after: options.kill_after,
        }
    }

    /// Writes one record; it is on disk when this returns.
    pub(super) fn record(&self, moment: Moment, step: &str) -> Result<(), JournalError> {
        if let Some(file) = self.file {
            let at = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default()
                .as_millis();
            let record = JournalRecord {
                at: u64::try_from(at).unwrap_or(u64::MAX),
                plan: self.plan.clone(),
                moment,
                step: step.to_owned(),
            };
            let line = serde_json::to_string(&record).expect("a record has only string keys");
            let spec = FileSpec {
                path: file.path.clone(),
                content: Text::plain(line),
                owner: file.owner,
                mode: 0o600,
            };
            blocking(|| self.host.append_line(&spec)).map_err(JournalError::Write)?;
        }
        let written = WRITTEN.fetch_add(1, Ordering::SeqCst) + 1;
        if self.kill_after == Some(written) {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
        Ok(())
    }
}
