//! The limit of disk space.

use super::{Builder, id, refs};
use crate::plan::step::{Change, Step};

impl Builder<'_> {
    /// A limit that the kernel does not have as wanted. Where it can have none, whoever asks for the plan decides.
    pub(super) fn quota(&mut self) {
        let wanted = &self.desired.quota;
        let Some(found) = &self.observed.host.quota else {
            return;
        };
        if found.refusal.is_some() {
            return;
        }
        let same = kibibytes(found.limit_bytes) == kibibytes(wanted.bytes);
        let (change, why) = match (wanted.bytes, found.limit_bytes) {
            (None, None) => return,
            // a limit that is not this stack's
            (None, Some(_)) if found.project != Some(wanted.project) => return,
            (None, Some(_)) => (
                Change::Remove,
                "the stack has no limit of disk space any more",
            ),
            (Some(_), _) if same && found.marked => return,
            (Some(_), None) => (
                Change::Create,
                "the kernel has no limit of the stack's disk space",
            ),
            (Some(_), Some(_)) if same => (
                Change::Update,
                "directories of the stack do not count towards its limit of disk space",
            ),
            (Some(_), Some(_)) => (
                Change::Update,
                "the kernel has another limit of disk space than the stack's",
            ),
        };
        let step = Step::Quota(wanted.clone());
        let images = self.image_ids();
        self.push(id::QUOTA.to_owned(), &refs(&images), change, why, step);
    }

    /// Nothing is written while the tree is put under its project: a file that was begun before could not be moved to
    /// its name.
    pub(super) fn after_quota(&mut self) {
        if !self.has(id::QUOTA) {
            return;
        }
        let after = |id: &str| id != id::QUOTA && !id.starts_with("image/");
        for step in self.steps.iter_mut().filter(|s| after(&s.id)) {
            step.after.push(id::QUOTA.to_owned());
        }
    }
}

/// The kernel keeps limits of disk space in these.
fn kibibytes(bytes: Option<u64>) -> Option<u64> {
    bytes.map(|bytes| bytes.div_ceil(1024))
}
