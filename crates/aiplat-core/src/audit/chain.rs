//! One line, and how it hangs on the line before.

use sha2::{Digest, Sha256};

use super::{Event, Head, Record, Who};
use crate::names::StackId;
use crate::text::hex;

/// What stands between a record and its hash.
const SEAM: &str = ",\"hash\":\"";

/// Digits of a hash.
const DIGITS: usize = 64;

/// The line that comes after all that `head` knows, without a line break.
///
/// # Panics
/// Never: a record has only string keys.
pub fn link(head: &Head, at: &str, who: &Who, event: Event) -> String {
    let (seq, prev) = head.next();
    let record = Record {
        seq,
        at: at.to_owned(),
        who: who.clone(),
        event,
        prev,
    };
    let mut body = serde_json::to_string(&record).expect("a record has only string keys");
    body.pop();
    let hash = digest(&body);
    format!("{body}{SEAM}{hash}\"}}")
}

/// What the first record has for a predecessor.
pub(super) fn genesis(id: &StackId) -> String {
    digest(&format!("aiplat audit trail of {id}"))
}

/// The hash that a line ends with, whether it is right or not.
pub(super) fn claimed(line: &str) -> Option<&str> {
    let (_, end) = line.rsplit_once(SEAM)?;
    let hash = end.strip_suffix("\"}")?;
    let digits = hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    (hash.len() == DIGITS && digits).then_some(hash)
}

/// The record in a line; `None` when it is not what was written: its hash says something else.
pub(super) fn sound(line: &str) -> Option<(Record, &str)> {
    let hash = claimed(line)?;
    let (body, _) = line.rsplit_once(SEAM)?;
    if digest(body) != hash {
        return None;
    }
    Some((read(body)?, hash))
}

/// The record that a line seems to be, whatever its hash.
pub(super) fn seeming(line: &str) -> Option<Record> {
    read(line.rsplit_once(SEAM)?.0)
}

fn read(body: &str) -> Option<Record> {
    serde_json::from_str(&format!("{body}}}")).ok()
}

fn digest(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}
