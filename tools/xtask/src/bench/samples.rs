//! What was measured, by who and what.

use std::collections::BTreeMap;

use super::measure::Measured;
use super::subject::{Action, Subject};

type Key = (Subject, Action);

/// All measurements and counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    seconds: BTreeMap<Key, Vec<f64>>,
    processor: BTreeMap<Key, Vec<f64>>,
    peak_kib: BTreeMap<Key, i64>,
    calls: BTreeMap<Key, BTreeMap<String, usize>>,
}

impl Samples {
    /// Takes one round's runs of the same thing: the middle one of their times, the largest of their peaks.
    pub(crate) fn put(&mut self, key: Key, runs: &[Measured]) {
        let middle = |of: fn(&Measured) -> f64| {
            let all: Vec<f64> = runs.iter().map(of).collect();
            super::numbers::Spread::of(&all).median
        };
        self.seconds
            .entry(key)
            .or_default()
            .push(middle(|m| m.seconds));
        self.processor
            .entry(key)
            .or_default()
            .push(middle(|m| m.cpu_seconds));
        let peak = runs.iter().map(|m| m.peak_kib).max().unwrap_or(0);
        let most = self.peak_kib.entry(key).or_default();
        *most = peak.max(*most);
    }

    /// Takes the calls of one run.
    pub(crate) fn put_calls(&mut self, key: Key, calls: BTreeMap<String, usize>) {
        self.calls.insert(key, calls);
    }

    /// Wall clock of each round, seconds.
    pub(crate) fn seconds(&self, key: Key) -> &[f64] {
        self.seconds.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Processor time of each round, seconds.
    pub(crate) fn processor(&self, key: Key) -> &[f64] {
        self.processor.get(&key).map_or(&[], Vec::as_slice)
    }

    /// Largest peak of memory in MiB.
    pub(crate) fn peak(&self, key: Key) -> Option<f64> {
        let kib = *self.peak_kib.get(&key)?;
        Some(f64::from(i32::try_from(kib).unwrap_or(i32::MAX)) / 1024.0)
    }

    /// The calls, by what they ask.
    pub(crate) fn calls(&self, key: Key) -> Option<&BTreeMap<String, usize>> {
        self.calls.get(&key)
    }
}
