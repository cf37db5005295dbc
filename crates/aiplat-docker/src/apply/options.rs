//! How a plan is carried out.

use std::path::{Path, PathBuf};

use aiplat_core::catalogue::Identity;
use aiplat_core::config::StackConfig;
use aiplat_core::plan::Plan;
use aiplat_core::spec::Owner;

/// How a plan is carried out; nothing in here changes what comes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Calls that cost the engine processor time at once: past twice the processors each call only takes longer.
    /// Waiting for a service to become ready does not count.
    pub concurrency: usize,
    /// Where steps are journalled; nowhere when `None`.
    pub journal: Option<JournalFile>,
    /// What the kernel does not hold a container to is told and does not fail it.
    pub best_effort: bool,
    /// Only for tests: the process kills itself with SIGKILL right after this many records of the journal.
    #[doc(hidden)]
    pub kill_after: Option<usize>,
}

/// The file that steps are journalled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalFile {
    /// Absolute path; its directory must exist when the first step begins.
    pub path: PathBuf,
    /// Its owner.
    pub owner: Owner,
}

impl ApplyOptions {
    /// Options for an engine with this many processors, without a journal.
    pub fn for_cpus(cpus: usize) -> Self {
        Self {
            concurrency: (2 * cpus).clamp(2, 8),
            journal: None,
            best_effort: false,
            kill_after: None,
        }
    }

    /// The same, with the stack's journal; without one for a plan that changes nothing.
    #[must_use]
    pub fn journalled(&self, plan: &Plan, config: &StackConfig) -> Self {
        Self {
            journal: plan.has_changes().then(|| JournalFile::of(config)),
            ..self.clone()
        }
    }
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self::for_cpus(std::thread::available_parallelism().map_or(1, usize::from))
    }
}

impl JournalFile {
    /// Where a stack's journal lies.
    pub fn of(config: &StackConfig) -> Self {
        Self {
            path: Self::path_in(config.base_dir()),
            owner: config.owner(Identity::Stack),
        }
    }

    /// The same, where only its directory is known of the stack.
    pub fn path_in(base_dir: &Path) -> PathBuf {
        base_dir.join("config/journal.jsonl")
    }
}
