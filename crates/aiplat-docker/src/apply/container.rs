//! One container: made, started, proved; what it replaces is kept until then, and put back when it fails.

use aiplat_core::names::ServiceName;
use aiplat_core::plan::ContainerStep;
use aiplat_core::spec::label;

use super::ownership::{own_container, own_service};
use super::run::{Context, Turn};
use super::step::wait;
use super::{AfterFailure, StepError, confined, data_copy, remove};
use crate::blocking::blocking;
use crate::chain::chain;
use crate::engine::{Engine, EngineError, Life};
use crate::events::{Event, Events, Phase};
use crate::host::Host;
use crate::host::in_force::weaker;

/// The container that a new one takes the place of.
struct Predecessor {
    id: String,
    /// It is to run again when the new one fails.
    runs: bool,
    /// It is still to be stopped before the new one may have its ports and files.
    up: bool,
    /// When it was started last, in the engine's words.
    started: String,
}

/// What there is of the new container when it fails.
#[derive(Default)]
struct Made {
    id: Option<String>,
}

/// Carries a container step out.
pub(super) async fn make<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &ContainerStep,
    turn: Option<Turn<'_>>,
) -> Result<(), StepError> {
    let service = &step.spec.service;
    if let Some(id) = &step.discard {
        discard(context, service, id).await?;
    }
    // a run that set the old one aside had looked already, and what it copied gives its space back
    if let Some(copy) = step.copy.as_ref().filter(|_| step.superseded.is_none()) {
        data_copy::room(context, copy).await?;
    }
    let predecessor = set_aside(context, step).await?;
    if let Some(old) = predecessor.as_ref().filter(|_| step.resumes.is_none()) {
        put_data_back(context, step, old.up, &old.started).await?;
    }
    let mut made = Made::default();
    match bring_up(context, step, predecessor.as_ref(), &mut made, turn).await {
        Ok(()) => {
            if let Some(old) = predecessor {
                remove::by_id(context, &old.id, step.spec.stop_seconds).await?;
            }
            if let Some(copy) = &step.copy {
                blocking(|| context.host.copy_keep_only(copy))?;
            }
            Ok(())
        }
        Err(cause) if made.id.is_none() && predecessor.is_none() => Err(cause),
        Err(cause) => {
            context.events.on(Event::Phase {
                service,
                phase: Phase::RollingBack,
            });
            let after = put_back(context, step, predecessor, made).await;
            Err(StepError::Container {
                cause: Box::new(cause),
                after,
            })
        }
    }
}

/// Renames the container that is to be replaced. It runs on until the new one is made.
async fn set_aside<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &ContainerStep,
) -> Result<Option<Predecessor>, StepError> {
    let (engine, stack) = (context.engine, &context.plan.stack_id);
    let (service, name) = (&step.spec.service, &step.spec.name);
    if let Some(id) = &step.superseded {
        // an interrupted run got this far: this one is the last that was proved, what came after it was not
        if let Some(old) = own_service(engine, stack, service, id).await? {
            if let Some(unproved) = &step.replaces {
                discard(context, service, unproved).await?;
            }
            return Ok(Some(Predecessor {
                up: old.is_up(),
                started: old.started_at,
                id: old.id,
                runs: true,
            }));
        }
    }
    let Some(id) = &step.replaces else {
        return Ok(None);
    };
    let Some(old) = own_service(engine, stack, service, id).await? else {
        return Ok(None);
    };
    if old.name == name.as_str() {
        engine.container_rename(&old.id, &name.superseded()).await?;
    }
    Ok(Some(Predecessor {
        runs: old.is_up(),
        up: old.is_up(),
        started: old.started_at,
        id: old.id,
    }))
}

async fn bring_up<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &ContainerStep,
    predecessor: Option<&Predecessor>,
    made: &mut Made,
    mut turn: Option<Turn<'_>>,
) -> Result<(), StepError> {
    let (engine, spec) = (context.engine, &step.spec);
    let phase = |phase| {
        context.events.on(Event::Phase {
            service: &spec.service,
            phase,
        });
    };
    if let Some(id) = &step.resumes {
        let detail = own_service(engine, &context.plan.stack_id, &spec.service, id).await?;
        if detail.is_some_and(|found| found.is_up()) {
            made.id = Some(id.clone());
            drop(turn);
            return prove(context, step).await;
        }
    }
    let ahead = context.ahead.take(&step.spec.name).await;
    let id = if let Some(id) = ahead {
        id
    } else {
        phase(Phase::Creating);
        create(context, step).await?
    };
    made.id = Some(id.clone());
    if let Some(old) = predecessor.filter(|old| old.up) {
        phase(Phase::Stopping);
        // stopping is mostly waiting
        drop(turn.take());
        engine.container_stop(&old.id, spec.stop_seconds).await?;
        turn = Some(context.turn().await);
    }
    if let (Some(copy), Some(old)) = (&step.copy, predecessor) {
        phase(Phase::Copying);
        drop(turn.take());
        data_copy::take(context, copy, &old.started).await?;
        turn = Some(context.turn().await);
    }
    phase(Phase::Starting);
    engine.container_start(&id).await?;
    drop(turn);
    prove(context, step).await
}

/// Proves the new container healthy, and held to what it was made with. Costs no call of the engine: the gate has just
/// looked at it.
async fn prove<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &ContainerStep,
) -> Result<(), StepError> {
    let detail = wait(context, &step.gate).await?;
    if let Some(profile) = &step.spec.apparmor {
        confined::check(context.host, &detail, profile)?;
    }
    let Some(pid) = detail.pid else {
        return Ok(());
    };
    let found = blocking(|| context.host.in_force(pid, &detail.id))?;
    let missing = found.map_or_else(Vec::new, |found| weaker(&step.spec, &found));
    if missing.is_empty() {
        return Ok(());
    }
    if context.best_effort {
        context.events.on(Event::NotInForce {
            service: &step.spec.service,
            missing: &missing,
        });
        return Ok(());
    }
    Err(StepError::NotInForce {
        container: step.spec.name.to_string(),
        missing,
    })
}

/// Makes the container, or takes the one that an interrupted run of this very specification left.
pub(super) async fn create<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &ContainerStep,
) -> Result<String, StepError> {
    let (engine, spec) = (context.engine, &step.spec);
    let life = Life::Service { hash: &step.hash };
    match engine.container_create(spec, life).await {
        Err(EngineError::NameTaken { .. }) => {}
        other => return Ok(other?),
    }
    let name = spec.name.as_str();
    match own_service(engine, &context.plan.stack_id, &spec.service, name).await? {
        Some(found) if found.labels.get(label::SPEC_HASH) == Some(&step.hash) => Ok(found.id),
        Some(_) => Err(StepError::Stale {
            what: format!("container `{name}`"),
        }),
        // it went away in between
        None => Ok(engine.container_create(spec, life).await?),
    }
}

/// Removes the container that failed, and lets the one before it run again.
async fn put_back<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &ContainerStep,
    predecessor: Option<Predecessor>,
    made: Made,
) -> AfterFailure {
    let engine = context.engine;
    let attempt = async {
        if let Some(id) = made.id {
            remove::now(context, &id).await?;
        }
        let Some(old) = predecessor else {
            return Ok(AfterFailure::Removed);
        };
        let Some(found) = own_container(engine, &context.plan.stack_id, &old.id).await? else {
            return Ok(AfterFailure::Removed);
        };
        // while a complete copy is there, the container that it stands for has not run
        put_data_back(context, step, found.is_up(), &found.started_at).await?;
        // started first: a run that is killed in between leaves one that runs, and the next takes it for what it is
        if old.runs {
            engine.container_start(&old.id).await?;
        }
        if found.name != step.spec.name.as_str() {
            engine
                .container_rename(&old.id, step.spec.name.as_str())
                .await?;
        }
        Ok::<_, StepError>(AfterFailure::Restored)
    };
    attempt
        .await
        .unwrap_or_else(|error| AfterFailure::Stuck(context.redactor.clean(&chain(&error))))
}

/// Puts the data back that a successor which was not proved may have changed, and drops the copy.
async fn put_data_back<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &ContainerStep,
    runs: bool,
    started: &str,
) -> Result<(), StepError> {
    let Some(copy) = &step.copy else {
        return Ok(());
    };
    // one that runs again has data of its own time
    if !runs {
        data_copy::put_back(context, copy, started).await?;
    }
    blocking(|| context.host.copy_drop(copy))?;
    Ok(())
}

/// Removes a half-made container of this service.
async fn discard<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    service: &ServiceName,
    id: &str,
) -> Result<(), StepError> {
    match own_service(context.engine, &context.plan.stack_id, service, id).await? {
        Some(found) => remove::now(context, &found.id).await,
        None => Ok(()),
    }
}
