//! A container that runs once to check something before it is used.

use std::time::Duration;

use aiplat_core::spec::{RunOnce, label};

use super::ownership::own_container;
use super::run::{Context, Turn};
use super::{StepError, remove};
use crate::blocking::blocking;
use crate::engine::{Engine, EngineError, Life};
use crate::events::Events;
use crate::host::Host;
use crate::probe::log_of;

/// Worn by such a container when its specification says nothing else.
const PURPOSE: &str = "check";

/// Runs it to its end and removes it with what was staged for it, whatever comes of it.
pub(super) async fn run<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    once: &RunOnce,
    turn: Option<Turn<'_>>,
) -> Result<(), StepError> {
    let outcome = in_container(context, once, turn).await;
    let mut staged = once.staged.iter();
    let gone = blocking(|| staged.try_for_each(|path| context.host.remove_file(path)));
    outcome?;
    Ok(gone?)
}

async fn in_container<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    once: &RunOnce,
    turn: Option<Turn<'_>>,
) -> Result<(), StepError> {
    let id = create(context, once).await?;
    let outcome = to_its_end(context, once, &id, turn).await;
    let gone = remove::now(context, &id).await;
    outcome?;
    gone
}

async fn create<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    once: &RunOnce,
) -> Result<String, StepError> {
    let (engine, spec) = (context.engine, &once.container);
    let life = Life::Once { purpose: PURPOSE };
    match engine.container_create(spec, life).await {
        Err(EngineError::NameTaken { .. }) => {}
        other => return Ok(other?),
    }
    // left by a run that was killed
    if let Some(left) = own_container(engine, &context.plan.stack_id, spec.name.as_str()).await? {
        if !left.labels.contains_key(label::PURPOSE) {
            return Err(EngineError::NameTaken {
                name: spec.name.to_string(),
            }
            .into());
        }
        remove::now(context, &left.id).await?;
    }
    Ok(engine.container_create(spec, life).await?)
}

async fn to_its_end<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    once: &RunOnce,
    id: &str,
    turn: Option<Turn<'_>>,
) -> Result<(), StepError> {
    let engine = context.engine;
    engine.container_start(id).await?;
    drop(turn);
    let deadline = Duration::from_secs(u64::from(once.deadline_seconds));
    let words = match tokio::time::timeout(deadline, engine.container_wait(id)).await {
        Ok(Ok(0)) => return Ok(()),
        Ok(Ok(code)) => format!("exit code {code}"),
        Ok(Err(error)) => return Err(error.into()),
        Err(_) => format!("no end within {} s", once.deadline_seconds),
    };
    let log = log_of(engine, id, &context.redactor).await;
    Err(StepError::Check {
        purpose: once.purpose.clone(),
        words,
        log,
    })
}
