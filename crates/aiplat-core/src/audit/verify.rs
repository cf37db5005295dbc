//! Whether a log is what was written.

use std::collections::BTreeSet;

use super::chain::{claimed, genesis, seeming, sound};
use super::{Event, Finding, Head, Note, Record};
use crate::names::StackId;

/// What a log holds, and what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Records that are as they were written, in the log's order; those that are pending come last.
    pub records: Vec<Record>,
    /// What no run of ours leaves behind.
    pub findings: Vec<Finding>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
}

/// Looks at every line of a log, and at its end, which `head` knows.
pub fn verify(id: &StackId, log: &[u8], head: Option<&Head>) -> Verdict {
    let mut walk = Walk::new(id, head);
    let mut rest = log;
    let mut number = 0;
    while let Some(end) = rest.iter().position(|b| *b == b'\n') {
        number += 1;
        walk.line(number, &rest[..end]);
        rest = &rest[end + 1..];
    }
    if !rest.is_empty() {
        walk.torn(number + 1, rest);
    }
    walk.end()
}

struct Walk<'h> {
    head: Option<&'h Head>,
    /// The record that comes next.
    expected: u64,
    /// Its predecessor's hash, where that is known.
    prev: Option<String>,
    /// Records that were passed over so far.
    missing: BTreeSet<u64>,
    verdict: Verdict,
}

impl<'h> Walk<'h> {
    fn new(id: &StackId, head: Option<&'h Head>) -> Self {
        Self {
            head,
            expected: 1,
            prev: Some(genesis(id)),
            missing: BTreeSet::new(),
            verdict: Verdict::default(),
        }
    }

    fn line(&mut self, number: usize, bytes: &[u8]) {
        let text = std::str::from_utf8(bytes).unwrap_or_default();
        let Some((record, hash)) = sound(text) else {
            return self.changed(number, text);
        };
        let seq = record.seq;
        if seq < self.expected {
            let finding = if self.missing.remove(&seq) {
                Finding::OutOfOrder { line: number, seq }
            } else {
                Finding::PutIn { line: number, seq }
            };
            self.verdict.findings.push(finding);
        } else {
            let unlinked = self.prev.as_ref().is_some_and(|prev| *prev != record.prev);
            if seq == self.expected && unlinked {
                self.verdict.findings.push(Finding::Unlinked { seq });
            }
            // a forged number must not make a list without end
            self.missing.extend((self.expected..seq).take(10_000));
            self.against_head(seq, hash, text);
            self.expected = seq + 1;
            self.prev = Some(hash.to_owned());
        }
        if let Event::Begin(begin) = &record.event
            && begin.adopted
        {
            self.verdict.notes.push(Note::Adopted { seq });
        }
        self.verdict.records.push(record);
    }

    /// A line that is not what was written: what it claims to be tells where the log goes on.
    fn changed(&mut self, line: usize, text: &str) {
        let seq = seeming(text)
            .map_or(self.expected, |record| record.seq)
            .clamp(self.expected, self.expected + 1);
        self.verdict.findings.push(Finding::Changed { line, seq });
        self.expected = seq + 1;
        self.prev = claimed(text).map(str::to_owned);
    }

    /// A line without its end.
    fn torn(&mut self, line: usize, bytes: &[u8]) {
        let pending = self.head.and_then(|head| {
            let index = self.expected.checked_sub(head.count + 1)?;
            head.pending.get(usize::try_from(index).ok()?)
        });
        if !pending.is_some_and(|line| line.as_bytes().starts_with(bytes)) {
            self.verdict.findings.push(Finding::Cut { line });
        }
    }

    /// The last settled record and the pending ones are known to the letter.
    fn against_head(&mut self, seq: u64, hash: &str, text: &str) {
        let Some(head) = self.head else { return };
        let as_known = match seq.checked_sub(head.count) {
            None => true,
            Some(0) => hash == head.hash,
            Some(past) => usize::try_from(past - 1)
                .ok()
                .and_then(|index| head.pending.get(index))
                .is_none_or(|line| line == text),
        };
        if !as_known {
            self.verdict.findings.push(Finding::Replaced { seq });
        }
    }

    fn end(mut self) -> Verdict {
        let mut missing = self.missing.into_iter().peekable();
        while let Some(from) = missing.next() {
            let mut to = from;
            while let Some(next) = missing.next_if_eq(&(to + 1)) {
                to = next;
            }
            self.verdict.findings.push(Finding::Missing { from, to });
        }
        let Some(head) = self.head else {
            if self.expected > 1 {
                self.verdict.findings.push(Finding::NoHead);
            }
            return self.verdict;
        };
        if self.expected <= head.count {
            let (from, to) = (self.expected, head.count);
            self.verdict.findings.push(Finding::Truncated { from, to });
        }
        if self.expected > head.total() + 1 {
            let from = head.total() + 1;
            self.verdict.findings.push(Finding::Unknown { from });
        }
        let settled = self.expected.max(head.count + 1);
        if settled <= head.total() {
            let skip = usize::try_from(settled - head.count - 1).unwrap_or(usize::MAX);
            let waiting = head.pending.iter().skip(skip);
            let waiting = waiting.filter_map(|line| Some(sound(line)?.0));
            self.verdict.records.extend(waiting);
            self.verdict.notes.push(Note::Interrupted {
                from: settled,
                to: head.total(),
            });
        }
        self.verdict
    }
}
