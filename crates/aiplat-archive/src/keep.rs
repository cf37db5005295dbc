//! Which archives stay.

use std::collections::BTreeSet;

use crate::name::ArchiveName;
use crate::sidecar::Sidecar;

/// How many archives of a stack stay. All zero: every one stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// The newest ones.
    pub last: u32,
    /// The newest of each of the last days that have one.
    pub daily: u32,
    /// The newest of each of the last weeks that have one; weeks begin on Monday, UTC.
    pub weekly: u32,
    /// The newest of each of the last months that have one.
    pub monthly: u32,
}

/// Why an archive stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// No rule was given.
    NoRule,
    /// It is another stack's, or says something else than its name.
    NotOurs,
    /// It is the newest one that was verified.
    NewestVerified,
    /// It is the newest of all.
    Newest,
    /// It is one of the last.
    Last,
    /// It is a day's.
    Daily,
    /// It is a week's.
    Weekly,
    /// It is a month's.
    Monthly,
}

/// What becomes of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It stays.
    Keep(Reason),
    /// It goes.
    Delete,
}

impl Keep {
    /// Decides for every archive given, in their order.
    ///
    /// Only those of `stack` with the id `stack_id`, whose sidecar agrees with its name, are ever deleted; never the newest
    /// one and never the newest one that was verified.
    pub fn decide(
        &self,
        stack: &str,
        stack_id: &str,
        archives: &[Sidecar],
    ) -> Vec<(ArchiveName, Verdict)> {
        let ours = |a: &&Sidecar| {
            a.name.stack() == stack
                && a.stack == stack
                && a.stack_id == stack_id
                && a.created == a.name.at()
        };
        let mut newest: Vec<&Sidecar> = archives.iter().filter(ours).collect();
        // one that is listed twice counts once, as verified when either is
        newest.sort_by(|a, b| (&b.name, b.verified).cmp(&(&a.name, a.verified)));
        newest.dedup_by(|a, b| a.name == b.name);
        let mut kept: Vec<(&ArchiveName, Reason)> = Vec::new();
        let verified = newest.iter().find(|a| a.verified.is_some());
        kept.extend(verified.map(|a| (&a.name, Reason::NewestVerified)));
        kept.extend(newest.first().map(|a| (&a.name, Reason::Newest)));
        kept.extend(
            newest
                .iter()
                .take(self.last as usize)
                .map(|a| (&a.name, Reason::Last)),
        );
        kept.extend(first_of_each(&newest, self.daily, Reason::Daily, |a| {
            (a.created.day(), 0)
        }));
        kept.extend(first_of_each(&newest, self.weekly, Reason::Weekly, |a| {
            (a.created.week(), 0)
        }));
        kept.extend(first_of_each(&newest, self.monthly, Reason::Monthly, |a| {
            a.created.month()
        }));
        let none = *self == Self::default();
        let verdict = |a: &Sidecar| {
            if !ours(&a) {
                return Verdict::Keep(Reason::NotOurs);
            }
            if none {
                return Verdict::Keep(Reason::NoRule);
            }
            match kept.iter().find(|(name, _)| **name == a.name) {
                Some((_, reason)) => Verdict::Keep(*reason),
                None => Verdict::Delete,
            }
        };
        archives
            .iter()
            .map(|a| (a.name.clone(), verdict(a)))
            .collect()
    }
}

fn first_of_each<'a>(
    newest: &[&'a Sidecar],
    count: u32,
    reason: Reason,
    bucket: impl Fn(&Sidecar) -> (u64, u64),
) -> Vec<(&'a ArchiveName, Reason)> {
    let mut seen = BTreeSet::new();
    newest
        .iter()
        .filter(|a| seen.len() < count as usize && seen.insert(bucket(a)))
        .map(|a| (&a.name, reason))
        .collect()
}

#[cfg(test)]
mod tests;
