//! Containers that are made before their turn, while what they need comes up.

use std::collections::BTreeMap;

use aiplat_core::names::ContainerName;
use aiplat_core::plan::{PlannedStep, Step};
use tokio::sync::{Mutex, Semaphore};

use super::container::create;
use super::journal::Moment;
use super::run::Context;
use super::{StepError, remove};
use crate::engine::Engine;
use crate::events::{Event, Events, Phase};
use crate::host::Host;

/// What was made and not started yet.
pub(super) struct Ahead {
    /// One at a time: whatever is to be started goes before.
    lane: Semaphore,
    /// By the containers' names.
    made: Mutex<BTreeMap<ContainerName, Made>>,
}

struct Made {
    /// The step's id.
    step: String,
    /// The engine's.
    id: String,
}

impl Default for Ahead {
    fn default() -> Self {
        Self {
            lane: Semaphore::new(1),
            made: Mutex::default(),
        }
    }
}

impl Ahead {
    /// The engine id of the container of this name if it was made ahead; it is the caller's from here on.
    pub(super) async fn take(&self, name: &ContainerName) -> Option<String> {
        let made = self.made.lock().await.remove(name);
        made.map(|made| made.id)
    }
}

/// Makes a step's container; says whether it did, which it does not after a failure elsewhere.
pub(super) async fn make<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    planned: &PlannedStep,
) -> Result<bool, StepError> {
    let Step::Container(step) = &planned.step else {
        return Ok(true);
    };
    let _lane = context.ahead.lane.acquire().await;
    let _turn = context.turn().await;
    if context.stopping() {
        return Ok(false);
    }
    context.journal.record(Moment::Begin, &planned.id)?;
    let (service, phase) = (&step.spec.service, Phase::Creating);
    context.events.on(Event::Phase { service, phase });
    match create(context, step).await {
        Ok(id) => {
            let step_id = planned.id.clone();
            let mut all = context.ahead.made.lock().await;
            all.insert(step.spec.name.clone(), Made { step: step_id, id });
            Ok(true)
        }
        Err(error) => {
            context.journal.record(Moment::Failed, &planned.id)?;
            Err(error)
        }
    }
}

/// Removes what was made for steps that were never begun. What cannot be removed is taken over by the next run.
pub(super) async fn let_go<E: Engine, H: Host, V: Events>(context: &Context<'_, E, H, V>) {
    let left = std::mem::take(&mut *context.ahead.made.lock().await);
    for Made { step, id } in left.into_values() {
        if remove::now(context, &id).await.is_ok() {
            let _ = context.journal.record(Moment::Failed, &step);
        }
    }
}
