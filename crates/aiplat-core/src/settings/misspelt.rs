//! Which known key an unknown one was perhaps meant to be.

use std::collections::BTreeSet;

use super::{KnownKeys, Warning, WarningKind};
use crate::manifest::Manifest;

/// One warning for each key of the manifest that is unknown and close to a known one. Others are somebody's own.
pub(super) fn warnings(manifest: &Manifest, known: &KnownKeys) -> Vec<Warning> {
    let names = known.names();
    manifest
        .keys()
        .filter(|key| !names.contains(key))
        .filter_map(|key| {
            let kind = WarningKind::Misspelt {
                meant: meant(key, &names)?.to_owned(),
            };
            Some(Warning {
                key: key.to_owned(),
                line: manifest.line(key),
                kind,
            })
        })
        .collect()
}

/// The closest of `known` to `unknown`, if it is close enough: two letters off (one in short keys), where two
/// neighbours swapped count as one and case does not count.
pub(super) fn meant<'a>(unknown: &str, known: &BTreeSet<&'a str>) -> Option<&'a str> {
    let unknown: Vec<char> = unknown.to_uppercase().chars().collect();
    known
        .iter()
        .filter_map(|name| {
            let allowed = if name.len() <= 8 { 1 } else { 2 };
            let letters: Vec<char> = name.chars().collect();
            let near = letters.len().abs_diff(unknown.len()) <= allowed;
            let distance = near
                .then(|| distance(&unknown, &letters))
                .filter(|d| *d <= allowed)?;
            Some((distance, *name))
        })
        .min()
        .map(|(_, name)| name)
}

/// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut older: Vec<usize> = Vec::new();
    let mut old: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = old[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(old[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(older[j - 2] + 1);
            }
            row.push(best);
        }
        older = std::mem::replace(&mut old, row);
    }
    old[b.len()]
}
