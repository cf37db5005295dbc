//! What was begun and what was done: one JSON line each, on disk before the act goes on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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

impl JournalRecord {
    /// When it was written.
    pub fn time(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.at)
    }
}

/// How much of a journal's end is read at first, bytes; some 500 records.
const FIRST: usize = 64 * 1024;

/// How much of a journal's end is read at most, bytes; what is older is left out.
const MOST: usize = 64 * 1024 * 1024;

/// The records of a journal from a moment on, oldest first. It is read from its end, so that the last minutes of a long
/// journal cost no more than those of a short one. A line that an interrupted write cut short is left out.
///
/// # Errors
/// [`JournalError::Read`].
pub fn read_journal<H: Host>(
    host: &H,
    file: &JournalFile,
    since: SystemTime,
) -> Result<Vec<JournalRecord>, JournalError> {
    let mut window = FIRST;
    loop {
        let end = host.read_end(&file.path, window);
        let end = end.map_err(JournalError::Read)?.unwrap_or_default();
        let (records, reached) = records_since(&end, since);
        if reached || end.len() < window || window >= MOST {
            return Ok(records);
        }
        window *= 32;
    }
}

/// The records in the end of a journal from a moment on, oldest first, and whether an older one is in there.
fn records_since(end: &[u8], since: SystemTime) -> (Vec<JournalRecord>, bool) {
    let mut records = Vec::new();
    let mut reached = false;
    for line in end.rsplit(|byte| *byte == b'\n') {
        let Ok(record) = serde_json::from_slice::<JournalRecord>(line) else {
            continue;
        };
        reached = record.time() < since;
        if reached {
            break;
        }
        records.push(record);
    }
    records.reverse();
    (records, reached)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: u64) -> String {
        format!(r#"{{"at":{at},"plan":"0123","moment":"begin","step":"start/redis"}}"#)
    }

    fn ats(records: &[JournalRecord]) -> Vec<u64> {
        records.iter().map(|record| record.at).collect()
    }

    #[test]
    fn the_end_is_read_back_to_the_moment_and_no_further() {
        let since = UNIX_EPOCH + Duration::from_millis(20);
        let all = [10, 20, 30].map(line).join("\n");
        let (records, reached) = records_since(all.as_bytes(), since);
        assert_eq!((ats(&records), reached), (vec![20, 30], true));
        // cut at both ends, as a window and a death leave it
        let cut = &all[5..all.len() - 5];
        let (records, reached) = records_since(cut.as_bytes(), since);
        assert_eq!((ats(&records), reached), (vec![20], false));
    }

    #[test]
    fn a_journal_longer_than_the_first_window_is_read_as_far_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let count = 2 * FIRST as u64 / line(10_000).len() as u64;
        let lines: Vec<_> = (0..count).map(|n| line(10_000 + n) + "\n").collect();
        std::fs::write(&path, lines.concat()).unwrap();
        let file = JournalFile {
            path,
            owner: aiplat_core::spec::Owner { uid: 0, gid: 0 },
        };
        let read = |at| {
            let since = UNIX_EPOCH + Duration::from_millis(at);
            ats(&read_journal(&crate::host::LinuxHost::default(), &file, since).unwrap())
        };
        assert_eq!(read(0), (10_000..10_000 + count).collect::<Vec<_>>());
        assert_eq!(read(10_000 + count - 1), [10_000 + count - 1]);
        assert!(read(10_000 + count).is_empty());
    }
}
