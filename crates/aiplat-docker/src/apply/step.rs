//! From a step to the act.

use aiplat_core::observed::{ContainerState, ImageFacts};
use aiplat_core::plan::{PlannedStep, Step, StopContainer};
use aiplat_core::spec::{Gate, ImageGuard, NetworkSpec, Probe, Reload, ReloadAction};

use super::ownership::{own_container, own_network, own_service};
use super::run::{Context, Turn};
use super::{
    StepError, check, configure, container, host_steps, provision, remove, renew, secret, sign_in,
    withdraw,
};
use crate::engine::{ContainerDetail, Engine, EngineError, UserOf};
use crate::events::{Event, Events, Phase};
use crate::host::Host;
use crate::probe::{answers, gate};

/// Carries one step out.
pub(super) async fn carry_out<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    planned: &PlannedStep,
    turn: Option<Turn<'_>>,
) -> Result<(), StepError> {
    match &planned.step {
        Step::Network(spec) => network(context, spec).await,
        Step::Image { reference, guards } => image(context, reference, guards).await,
        Step::Check(once) => check::run(context, once, turn).await,
        Step::Container(step) => container::make(context, step, turn).await,
        Step::Start { id, gate } => start(context, id, gate, turn).await,
        Step::Gate(gate) => prove(context, gate).await,
        Step::Provision(provision) => provision::make(context, provision).await,
        Step::Withdraw(withdrawal) => withdraw::carry_out(context, withdrawal).await,
        Step::Secret(act) => secret::carry_out(context, act).await,
        Step::Reload(reload) => take_in(context, reload).await,
        Step::Stop(stopped) => stop(context, stopped).await,
        Step::Configure(configure) => configure::carry_out(context, configure).await,
        Step::Renew(renewal) => renew::carry_out(context, renewal).await,
        Step::SignIn(step) => sign_in::carry_out(context, step).await,
        Step::RemoveContainer(container) => remove::container(context, container).await,
        Step::RemoveNetwork { id, name } => remove::network(context, id, name).await,
        Step::Directories(_)
        | Step::Files(_)
        | Step::RemoveFile { .. }
        | Step::Cgroup(_)
        | Step::Quota(_)
        | Step::Firewall(_)
        | Step::Profiles { .. }
        | Step::RemoveFirewall(_)
        | Step::RemoveProfiles { .. }
        | Step::RemoveCgroup { .. }
        | Step::RemoveQuota(_)
        | Step::PurgeDirectory { .. }
        | Step::Release => host_steps::carry_out(context, planned),
    }
}

/// A step in words, for an error.
pub(super) fn words(planned: &PlannedStep) -> String {
    match &planned.step {
        Step::Directories(all) => format!("make {} directories", all.len()),
        Step::Files(all) => format!("write {} files", all.len()),
        Step::RemoveFile { path } => format!("remove `{}`", path.display()),
        Step::Cgroup(spec) => format!("limit cgroup `{}`", spec.parent),
        Step::Quota(spec) | Step::RemoveQuota(spec) if spec.bytes.is_none() => {
            format!("take the limit of `{}` away", spec.base_dir.display())
        }
        Step::Quota(spec) | Step::RemoveQuota(spec) => {
            format!("limit the disk space of `{}`", spec.base_dir.display())
        }
        Step::Network(spec) => format!("make network `{}`", spec.name),
        Step::Firewall(spec) => format!("close the host to bridge `{}`", spec.bridge),
        Step::Profiles { files } => format!("load {} AppArmor profiles", files.len()),
        Step::Image { reference, .. } => format!("pull image `{reference}`"),
        Step::Check(once) => once.purpose.clone(),
        Step::Container(step) => format!("bring up `{}`", step.spec.service),
        Step::Start { gate, .. } => format!("start `{}`", gate.service),
        Step::Stop(stopped) => format!("stop `{}`", stopped.service),
        Step::Renew(_) => "get new certificates".to_owned(),
        Step::SignIn(step) => format!("sign `{}` in again", step.service),
        Step::Configure(configure) => format!("reload `{}`", configure.reload.service),
        Step::Gate(gate) => format!("wait for `{}`", gate.service),
        Step::Provision(_) => format!("provision ({})", planned.id),
        Step::Withdraw(withdrawal) => withdraw::words(withdrawal),
        Step::Secret(act) => secret::words(act),
        Step::Reload(reload) => format!("reload `{}`", reload.service),
        Step::RemoveContainer(container) => format!("remove container `{}`", container.name),
        Step::RemoveNetwork { name, .. } => format!("remove network `{name}`"),
        Step::RemoveFirewall(spec) => format!("take the rules for bridge `{}` away", spec.bridge),
        Step::RemoveProfiles { files } => format!("unload {} AppArmor profiles", files.len()),
        Step::RemoveCgroup { parent } => format!("remove cgroup `{parent}`"),
        Step::PurgeDirectory { path, .. } => format!("remove directory `{}`", path.display()),
        Step::Release => "give the reservations back".to_owned(),
    }
}

/// Proves a running service healthy: asked at the address the plan saw, which costs the engine nothing; waited for as
/// after a start where that does not answer.
async fn prove<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    asked: &Gate,
) -> Result<(), StepError> {
    if answers(asked).await {
        let (service, phase) = (&asked.service, Phase::Healthy);
        context.events.on(Event::Phase { service, phase });
        return Ok(());
    }
    wait(context, asked).await.map(drop)
}

/// Waits for a service of this stack.
pub(super) async fn wait<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    asked: &Gate,
) -> Result<ContainerDetail, StepError> {
    let (events, service) = (context.events, &asked.service);
    let stack = &context.plan.stack_id;
    if matches!(asked.probe, Probe::Exec { .. }) {
        own_service(context.engine, stack, service, asked.container.as_str()).await?;
    }
    events.on(Event::Phase {
        service,
        phase: Phase::Waiting,
    });
    let tell = |last: &str, waited| {
        events.on(Event::Waiting {
            service,
            last,
            waited,
        });
    };
    let detail = gate(context.engine, asked, &context.redactor, tell).await?;
    if !detail.belongs_to(stack) {
        return Err(StepError::Foreign {
            what: format!("container `{}`", detail.name),
        });
    }
    events.on(Event::Phase {
        service,
        phase: Phase::Healthy,
    });
    Ok(detail)
}

async fn network<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    spec: &NetworkSpec,
) -> Result<(), StepError> {
    // asked first: old engines make a second network of the same name without a word
    match own_network(context.engine, &context.plan.stack_id, &spec.name).await? {
        Some(found) if found.subnets == [spec.subnet.to_string()] => Ok(()),
        Some(_) => Err(StepError::Stale {
            what: format!("network `{}`", spec.name),
        }),
        None => Ok(context.engine.network_create(spec).await.map(drop)?),
    }
}

async fn image<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    reference: &str,
    guards: &[ImageGuard],
) -> Result<(), StepError> {
    let fits = |facts: &ImageFacts| {
        let refused = guards
            .iter()
            .find_map(|guard| guard.judge(reference, Some(facts)).err());
        refused.map_or(Ok(()), |refused| Err(StepError::Image(refused)))
    };
    if let Some(facts) = context.engine.image(reference).await? {
        return fits(&facts);
    }
    let tell = |progress| {
        context.events.on(Event::Pull {
            reference,
            progress: &progress,
        });
    };
    context.engine.image_pull(reference, &tell).await?;
    match context.engine.image(reference).await? {
        Some(facts) => fits(&facts),
        None => Err(EngineError::ImageAbsent {
            reference: reference.to_owned(),
        }
        .into()),
    }
}

async fn start<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    id: &str,
    gate: &Gate,
    turn: Option<Turn<'_>>,
) -> Result<(), StepError> {
    let Some(found) = own_container(context.engine, &context.plan.stack_id, id).await? else {
        return Err(EngineError::NotFound {
            what: format!("container `{id}`"),
        }
        .into());
    };
    context.events.on(Event::Phase {
        service: &gate.service,
        phase: Phase::Starting,
    });
    // a run that was killed while it had the container frozen left it so; engines refuse to start such a one
    if found.state == ContainerState::Paused {
        context.engine.container_unpause(&found.id).await?;
    } else {
        context.engine.container_start(&found.id).await?;
    }
    drop(turn);
    wait(context, gate).await.map(drop)
}

async fn stop<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    step: &StopContainer,
) -> Result<(), StepError> {
    let (engine, stack) = (context.engine, &context.plan.stack_id);
    let service = &step.service;
    let Some(found) = own_service(engine, stack, service, &step.id).await? else {
        return Err(EngineError::NotFound {
            what: format!("container `{}`", step.name),
        }
        .into());
    };
    if !found.is_up() {
        return Ok(());
    }
    let phase = Phase::Stopping;
    context.events.on(Event::Phase { service, phase });
    // a frozen program hears no signal
    if found.state == ContainerState::Paused {
        engine.container_unpause(&found.id).await?;
    }
    Ok(engine.container_stop(&found.id, step.stop_seconds).await?)
}

pub(super) async fn take_in<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    reload: &Reload,
) -> Result<(), StepError> {
    let Reload {
        service,
        container,
        user,
        action,
        gate,
    } = reload;
    let failed = |words| StepError::Reload {
        service: service.clone(),
        words,
    };
    let Some(found) = own_service(
        context.engine,
        &context.plan.stack_id,
        service,
        container.as_str(),
    )
    .await?
    else {
        return Err(failed("its container is not there".to_owned()));
    };
    context.events.on(Event::Phase {
        service,
        phase: Phase::Reloading,
    });
    match action {
        ReloadAction::Exec(argv) => {
            let ended = context
                .engine
                .exec(&found.id, UserOf::Owner(*user), argv)
                .await?;
            if ended.exit_code != 0 {
                let said = context.redactor.clean(ended.output.trim());
                return Err(failed(format!("exit code {}: {said}", ended.exit_code)));
            }
        }
        ReloadAction::Signal(signal) => context.engine.container_kill(&found.id, signal).await?,
    }
    wait(context, gate).await.map(drop)
}
