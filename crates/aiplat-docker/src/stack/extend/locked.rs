//! A stack whose services are about to change, under its lock.

use std::path::Path;

use aiplat_core::catalogue::Catalogue;

use super::super::prepare::prepare_with;
use super::super::{Inputs, Intent, Operation, Places, PrepareError, Prepared};
use super::{Attempt, ExtendError};
use crate::engine::Engine;
use crate::host::Host;

/// Holds the lock from before anything is read of the stack until the plan has it.
pub(super) struct Locked {
    operation: Operation,
    attempt: Option<Attempt>,
}

impl Locked {
    pub(super) fn take<H: Host>(
        host: &H,
        base_dir: &Path,
        places: &Places,
        command: &str,
    ) -> Result<Self, PrepareError> {
        let operation = Operation::on_stack(host, places, base_dir, command)?;
        let attempt = Attempt::read(operation.base_dir())?;
        Ok(Self { operation, attempt })
    }

    /// The stack's directory, canonical.
    pub(super) fn base_dir(&self) -> &Path {
        self.operation.base_dir()
    }

    /// The addition that was interrupted, if one was; any but `ours` is refused.
    pub(super) fn attempt(
        &self,
        ours: impl Fn(&Attempt) -> bool,
    ) -> Result<Option<&Attempt>, ExtendError> {
        match &self.attempt {
            Some(other) if !ours(other) => Err(ExtendError::UnderWay(other.service.clone())),
            attempt => Ok(attempt.as_ref()),
        }
    }

    /// What was given, for a deploy of these services.
    pub(super) fn inputs(&self, given: &Inputs, services: &[&str]) -> Inputs {
        let mut inputs = self.operation.inputs(given);
        let services = services.join(",");
        inputs.flags.insert("SERVICES".to_owned(), services);
        inputs
    }

    /// Plans the deploy, and hands the lock on to it.
    pub(super) async fn prepare<E: Engine, H: Host>(
        self,
        engine: &E,
        host: &H,
        catalogue: &Catalogue,
        inputs: &Inputs,
        places: &Places,
    ) -> Result<Prepared, PrepareError> {
        let (intent, held) = (Intent::Deploy, &mut Some(self.operation));
        prepare_with(engine, host, catalogue, inputs, places, intent, held, None).await
    }
}
