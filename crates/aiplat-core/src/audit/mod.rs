//! The audit trail of a stack: who changed what, when, and what came of it.
//!
//! A log of lines, each a JSON object that ends with the hash of all before its end, the hash of the line before it
//! included. The first line's predecessor is the stack's identity, so that one stack's log is no other's. A
//! [`Head`], kept apart from the log, knows how many records there are and the last one's hash: without it, a log whose
//! end was cut off would be a good shorter log.
//!
//! What this shows and what it does not: whoever can write to both places, which is root, can make a new trail from
//! nothing. Against the stack's own user, a slip of the hand and a torn disk it holds.
//!
//! ```
//! use aiplat_core::audit::{Begin, Event, Head, Who, link, verify};
//!
//! let id = "0123456789ab".parse().expect("twelve hexadecimal digits");
//! let mut head = Head::new(&id, "/mnt/data".as_ref(), "/mnt/data/config/audit.jsonl".as_ref());
//! let begin = Event::Begin(Begin { command: "deploy".into(), ..Begin::default() });
//! let line = link(&head, "2026-11-22T09:36:32Z", &Who::default(), begin);
//! let log = format!("{line}\n");
//! head.settle(&line, log.len() as u64);
//! assert!(verify(&id, log.as_bytes(), Some(&head)).findings.is_empty());
//! assert!(!verify(&id, log.replace("deploy", "health").as_bytes(), Some(&head)).findings.is_empty());
//! ```

mod chain;
mod entry;
mod finding;
mod head;
mod verify;

#[cfg(test)]
mod tests;

pub use chain::link;
pub use entry::{Ending, Entry, entries};
pub use finding::{Finding, Note};
pub use head::Head;
pub use verify::{Verdict, verify};

use serde::{Deserialize, Serialize};

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Place in the log, from 1.
    pub seq: u64,
    /// When, in UTC, as in `2026-11-22T09:36:32.120Z`.
    pub at: String,
    /// Who.
    pub who: Who,
    /// What.
    #[serde(flatten)]
    pub event: Event,
    /// The hash of the record before it; of the stack's identity for the first one.
    pub prev: String,
}

/// Who is behind a process.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The process' real user.
    pub uid: u32,
    /// That user's name, or number where it has none.
    pub user: String,
    /// Who called `sudo`, where that was so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo: Option<Origin>,
    /// The terminal, where there is one, such as `/dev/pts/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
}

/// A user whom `sudo` names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its number.
    pub uid: u32,
    /// Its name.
    pub user: String,
}

/// What a record tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// A command is about to change something.
    Begin(Begin),
    /// It came to its end. A command without this record died.
    End(End),
}

/// A command that is about to change something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// Such as `deploy`.
    pub command: String,
    /// The process' arguments, without secrets.
    pub arguments: Vec<String>,
    /// The hash of the plan that it carries out, where it is one plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// What could be lost by it and was agreed to, in words without secrets: for a purge everything that goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub risks: Vec<String>,
    /// The head was missing or spoilt when this was written: nobody can tell whether records are missing before it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub adopted: bool,
    /// The product's version.
    pub version: String,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The record of its beginning.
    pub of: u64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "result")]
pub enum Outcome {
    /// It did what was asked.
    Ok,
    /// It did not.
    Failed {
        /// Why, without secrets.
        error: String,
    },
}
