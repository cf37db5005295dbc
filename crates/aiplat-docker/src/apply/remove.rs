//! Taking containers and networks of the stack away. Gone is gone: what is not there is done.

use std::time::Duration;

use aiplat_core::plan::RemoveContainer;

use super::StepError;
use super::ownership::{own_container, own_network};
use super::run::Context;
use crate::engine::{Engine, EngineError};
use crate::events::{Event, Events, Phase};
use crate::host::Host;

/// The engine lets go of things a little after it says that they are gone.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(150);

/// Stops and removes a container.
pub(super) async fn container<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &RemoveContainer,
) -> Result<(), StepError> {
    if let Some(service) = &step.service {
        context.events.on(Event::Phase {
            service,
            phase: Phase::Stopping,
        });
    }
    by_id(context, &step.id, step.stop_seconds).await?;
    if let Some(service) = &step.service {
        context.events.on(Event::Phase {
            service,
            phase: Phase::Removed,
        });
    }
    Ok(())
}

/// Stops and removes a container after a look at its labels.
pub(super) async fn by_id<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    id: &str,
    stop_seconds: u32,
) -> Result<(), StepError> {
    let Some(found) = own_container(context.engine, &context.plan.stack_id, id).await? else {
        return Ok(());
    };
    if found.is_up() {
        // stopping is mostly waiting: it takes no turn
        match context.engine.container_stop(&found.id, stop_seconds).await {
            Ok(()) | Err(EngineError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let turn = context.turn().await;
    let gone = erase(context.engine, &found.id).await;
    drop(turn);
    gone
}

/// Removes a container of this stack at once, killing it.
pub(super) async fn now<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    id: &str,
) -> Result<(), StepError> {
    match own_container(context.engine, &context.plan.stack_id, id).await? {
        Some(found) => erase(context.engine, &found.id).await,
        None => Ok(()),
    }
}

/// Removes a container whose labels were looked at, and waits until it is gone.
async fn erase<E: Engine>(engine: &E, id: &str) -> Result<(), StepError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match engine.container_remove(id, true).await {
            Ok(()) | Err(EngineError::NotFound { .. }) => return Ok(()),
            // somebody else is removing it: it is gone when it is gone
            Err(EngineError::Refused { status: 409, .. })
                if tokio::time::Instant::now() < deadline =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Removes the stack's network once nothing is attached to it.
pub(super) async fn network<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    id: &str,
    name: &str,
) -> Result<(), StepError> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let Some(found) = own_network(context.engine, &context.plan.stack_id, id).await? else {
            return Ok(());
        };
        if !found.attached.is_empty() {
            return Err(StepError::Occupied {
                name: name.to_owned(),
                attached: found.attached.join(", "),
            });
        }
        match context.engine.network_remove(&found.id).await {
            Ok(()) | Err(EngineError::NotFound { .. }) => return Ok(()),
            // "has active endpoints": of a container that was removed just now
            Err(EngineError::Refused { .. }) if tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
