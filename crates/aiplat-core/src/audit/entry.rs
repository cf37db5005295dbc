//! Commands, each from its beginning to its end.

use serde::Serialize;

use super::{Begin, Event, Outcome, Record, Who};

/// One command that changed something, or was about to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The record of its beginning.
    pub seq: u64,
    /// When it began, in UTC.
    pub at: String,
    /// Who ran it.
    pub who: Who,
    /// What it was.
    #[serde(flatten)]
    pub begin: Begin,
    /// How it ended; nothing for one that died, or still runs.
    pub ended: Option<Ending>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ending {
    /// When, in UTC.
    pub at: String,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Puts beginnings and ends together, in the order of the beginnings.
pub fn entries(records: &[Record]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for record in records {
        match &record.event {
            Event::Begin(begin) => entries.push(Entry {
                seq: record.seq,
                at: record.at.clone(),
                who: record.who.clone(),
                begin: begin.clone(),
                ended: None,
            }),
            Event::End(end) => {
                if let Some(entry) = entries.iter_mut().rfind(|entry| entry.seq == end.of) {
                    entry.ended = Some(Ending {
                        at: record.at.clone(),
                        outcome: end.outcome.clone(),
                    });
                }
            }
        }
    }
    entries
}
