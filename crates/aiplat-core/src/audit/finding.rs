//! What is wrong with a log, and what is only worth knowing.

use std::fmt;

use serde::Serialize;

/// Something about a log that no run of ours leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Finding {
    /// A line is not what was written.
    Changed {
        /// Line, from 1.
        line: usize,
        /// The record that stands or should stand there.
        seq: u64,
    },
    /// Records are missing between others.
    Missing {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// A record stands elsewhere than it was written.
    OutOfOrder {
        /// Line, from 1.
        line: usize,
        /// The record.
        seq: u64,
    },
    /// A record stands there a second time, or was put in.
    PutIn {
        /// Line, from 1.
        line: usize,
        /// The record.
        seq: u64,
    },
    /// A record does not follow from the one before it: that one was replaced.
    Unlinked {
        /// The record whose predecessor is another one.
        seq: u64,
    },
    /// The last line has no end.
    Cut {
        /// Line, from 1.
        line: usize,
    },
    /// Records are missing at the end.
    Truncated {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// A record is not the one that was written last.
    Replaced {
        /// The record.
        seq: u64,
    },
    /// Records stand at the end that no run wrote.
    Unknown {
        /// The first.
        from: u64,
    },
    /// There are records, and nothing says how many there must be.
    NoHead,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { line, seq } => write!(f, "record {seq} (line {line}) was changed"),
            Self::Missing { from, to } => write!(f, "{} missing", records(*from, *to)),
            Self::OutOfOrder { line, seq } => {
                write!(f, "record {seq} stands out of order, in line {line}")
            }
            Self::PutIn { line, seq } => {
                write!(f, "record {seq} stands in line {line} besides its own place")
            }
            Self::Unlinked { seq: 1 } => {
                f.write_str("record 1 is not the beginning of this stack's log")
            }
            Self::Unlinked { seq } => {
                write!(f, "record {} was replaced: record {seq} follows from another one", seq - 1)
            }
            Self::Cut { line } => write!(f, "line {line} was cut off in its middle"),
            Self::Truncated { from, to } => {
                write!(f, "the log was cut off: {} missing at its end", records(*from, *to))
            }
            Self::Replaced { seq } => {
                write!(f, "record {seq} was replaced: it is not the one that was written last")
            }
            Self::Unknown { from } => write!(
                f,
                "record {from} and what comes after it were not written by a run of ours"
            ),
            Self::NoHead => f.write_str(
                "nothing in the state directory says how many records there must be: a log cut off at its end looks the same",
            ),
        }
    }
}

fn records(from: u64, to: u64) -> String {
    if from == to {
        format!("record {from} is")
    } else {
        format!("records {from} to {to} are")
    }
}

/// Something about a log that a run which died, or a move to another host, leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Note {
    /// Whoever wrote the last records died over it, or the disk was full; they are kept beside the log, and the next
    /// run puts them in.
    Interrupted {
        /// The first.
        from: u64,
        /// The last.
        to: u64,
    },
    /// The head was missing or spoilt when a record was written.
    Adopted {
        /// That record.
        seq: u64,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted { from, to } => write!(
                f,
                "{} kept in the state directory and not in the log yet: a run died over it, or the disk was full; the next run puts it in",
                records(*from, *to)
            ),
            Self::Adopted { seq } => write!(
                f,
                "before record {seq} nothing said how many records there must be, as on a host that the stack was moved to"
            ),
        }
    }
}
