//! One changing run on a stack: its lock, and its beginning and end in the audit trail.

use std::error::Error;
use std::path::{Path, PathBuf};

use aiplat_core::audit::{Begin, End, Event, Outcome};
use aiplat_core::names::StackId;
use aiplat_core::plan::Plan;

use super::open::Found;
use super::{Inputs, Places, PrepareError};
use crate::audit::AuditStore;
use crate::chain::chain;
use crate::host::{Holder, Host, HostError, StackLock};
use crate::redact::Redactor;

/// Longest error that a record keeps, characters.
const LONGEST: usize = 600;

/// What a record says of a run that let its operation go without a word.
const WORDLESS: &str = "it stopped early and did not say why";

/// A stack's lock, with which whatever changes the stack also leaves its trace.
///
/// The only way to the lock for the functions of [`crate::stack`]: [`Operation::on_stack`] takes it,
/// [`Operation::started`] records that the command begins, [`Operation::end`] what came of it. One that is dropped
/// without an end is recorded as failed, and one whose process dies has no end in the trail.
#[derive(Debug)]
pub(crate) struct Operation {
    lock: Option<StackLock>,
    places: Places,
    base_dir: PathBuf,
    command: String,
    begun: Option<Begun>,
}

#[derive(Debug)]
struct Begun {
    store: AuditStore,
    seq: u64,
    redactor: Redactor,
}

impl Operation {
    /// Takes the lock of the stack that is in a directory, and records nothing yet. What is read of the stack from here
    /// on is nobody's past: read before, it may be what another run has changed since.
    pub(super) fn on_stack<H: Host>(
        host: &H,
        places: &Places,
        base_dir: &Path,
        command: &str,
    ) -> Result<Self, PrepareError> {
        // a directory without a stack has no lock to take
        let found = Found::find(host, base_dir)?;
        Ok(Self::quiet(places, &found.volume.path, command)?)
    }

    /// The same in a directory, canonical, in which a stack is known to be or to begin.
    pub(crate) fn quiet(
        places: &Places,
        base_dir: &Path,
        command: &str,
    ) -> Result<Self, HostError> {
        let mut operation = Self::without_lock(places, base_dir, command);
        operation.lock = Some(StackLock::acquire(
            base_dir,
            &Holder::this_process(command),
        )?);
        Ok(operation)
    }

    /// For a stack whose directory is gone, and its lock with it.
    pub(super) fn without_lock(places: &Places, base_dir: &Path, command: &str) -> Self {
        Self {
            lock: None,
            places: places.clone(),
            base_dir: base_dir.to_path_buf(),
            command: command.to_owned(),
            begun: None,
        }
    }

    /// The stack's directory, canonical.
    pub(super) fn base_dir(&self) -> &Path {
        &self.base_dir
    }

    /// What was given, for this operation on this stack.
    pub(super) fn inputs(&self, given: &Inputs) -> Inputs {
        let mut inputs = given.clone();
        self.command.clone_into(&mut inputs.command);
        let here = self.base_dir.display().to_string();
        inputs.flags.insert("BASE_DIR".to_owned(), here);
        inputs
    }

    /// The stack's lock, for what must be done under it; `None` only where a teardown found no directory to lock.
    pub(crate) fn lock(&self) -> Option<&StackLock> {
        self.lock.as_ref()
    }

    /// Records the beginning, once; that of a plan only where it changes something.
    pub(crate) fn started(&mut self, id: &StackId, plan: Option<&Plan>) -> Result<(), HostError> {
        if self.begun.is_some() || plan.is_some_and(|plan| !plan.has_changes()) {
            return Ok(());
        }
        let store = AuditStore::new(&self.places.state_dir, &self.base_dir, id);
        let store = if self.lock.is_some() {
            store
        } else {
            store.detached()
        };
        let caller = &self.places.caller;
        let redactor = plan.map(Redactor::of_plan).unwrap_or_default();
        let risks = plan.into_iter().flat_map(Plan::risks);
        let seq = store.append(&caller.who(), |adopted| {
            Event::Begin(Begin {
                command: self.command.clone(),
                arguments: caller.arguments.clone(),
                plan: plan.map(Plan::hash),
                risks: risks.map(|risk| redactor.clean(risk)).collect(),
                adopted,
                version: env!("CARGO_PKG_VERSION").to_owned(),
            })
        })?;
        self.begun = Some(Begun {
            store,
            seq,
            redactor,
        });
        Ok(())
    }

    /// The log leaves the stack's directory, which is about to be purged.
    pub(crate) fn retire(&self) -> Result<(), HostError> {
        self.begun.as_ref().map_or(Ok(()), |b| b.store.retire())
    }

    /// Nothing was made: no trace is kept, and the lock is let go.
    pub(crate) fn forget(mut self) -> Result<(), HostError> {
        self.begun.take().map_or(Ok(()), |b| b.store.forget())
    }

    /// Records what came of it, lets the lock go, and hands the result on. The error's words must hold no secret; those
    /// of the plan are taken out.
    ///
    /// An end that cannot be written is not: the trail then shows a run that died.
    pub(crate) fn end<T, E: Error>(mut self, result: Result<T, E>) -> Result<T, E> {
        self.record(match &result {
            Ok(_) => Ok(()),
            Err(error) => Err(chain(error)),
        });
        result
    }

    /// The same where there may be none, such as for what was only looked at.
    pub(crate) fn end_held<T, E: Error>(held: Option<Self>, result: Result<T, E>) -> Result<T, E> {
        match held {
            Some(operation) => operation.end(result),
            None => result,
        }
    }

    fn record(&mut self, came_to: Result<(), String>) {
        let Some(begun) = self.begun.take() else {
            return;
        };
        let outcome = match came_to {
            Ok(()) => Outcome::Ok,
            Err(words) => Outcome::Failed {
                error: short(begun.redactor.clean(&words)),
            },
        };
        let of = begun.seq;
        // the run's own end matters more than its record, and a run without one is seen
        let _ = begun.store.append(&self.places.caller.who(), |_| {
            Event::End(End { of, outcome })
        });
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.record(Err(WORDLESS.to_owned()));
    }
}

fn short(words: String) -> String {
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}
