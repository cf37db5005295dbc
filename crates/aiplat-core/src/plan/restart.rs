//! The plan that stops services and starts them again, in the order in which they need each other.
//!
//! It changes nothing but whether containers run: after any interruption the same plan made anew, or a deploy, starts
//! what is stopped.

use std::collections::BTreeSet;

use super::problem::PlanProblem;
use super::step::{Change, Plan, PlannedStep, Step, StopContainer};
use crate::catalogue::Catalogue;
use crate::config::StackConfig;
use crate::desired::{Desired, DesiredService};
use crate::names::ServiceName;
use crate::observed::{ContainerState, Observed, ObservedContainer};
use crate::spec::{Gate, NetworkMode};

/// Which services are started again besides those that were named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those that need one of them, and so on: stopped before it, started after it.
    Dependants,
    /// Only those that live in the network namespace of one of them, which ends with it.
    Named,
}

/// Makes the plan that starts services again, all of the stack's when none is named. Running services that come after
/// one of them and are left alone are proved healthy afterwards.
///
/// # Errors
/// All reasons at once why there is none; nothing has been touched then.
pub fn restart(
    config: &StackConfig,
    catalogue: &Catalogue,
    desired: &Desired,
    observed: &Observed,
    named: &[ServiceName],
    reach: Reach,
) -> Result<Plan, Vec<PlanProblem>> {
    let chosen = chosen(config, catalogue, desired, named, reach);
    let all = || desired.services.iter().filter(|s| chosen.contains(&s.name));
    let mut found = Vec::new();
    let strangers = named.iter().filter(|name| desired.service(name).is_none());
    let mut problems: Vec<PlanProblem> = strangers
        .map(|name| PlanProblem::NoContainer {
            service: name.clone(),
        })
        .collect();
    for service in all() {
        match standing(config, service, observed) {
            Ok(container) => found.push((service, container)),
            Err(problem) => problems.push(problem),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut steps = Vec::new();
    for (service, container) in found.iter().rev() {
        let dependants = found
            .iter()
            .filter(|(s, _)| s.after.contains(&service.name));
        let after = dependants.map(|(s, _)| stop_id(&s.name)).collect();
        let step = Step::Stop(StopContainer {
            id: container.id.clone(),
            name: container.name.clone(),
            service: service.name.clone(),
            stop_seconds: service.container.stop_seconds,
        });
        let id = stop_id(&service.name);
        let why = why(service, named);
        steps.push(planned(id, after, Change::Update, why, step));
    }
    for (service, container) in &found {
        let mut after = vec![stop_id(&service.name)];
        let needs = service.after.iter().filter(|name| chosen.contains(*name));
        after.extend(needs.map(start_id));
        let step = Step::Start {
            id: container.id.clone(),
            gate: Box::new(service.gate.clone()),
        };
        let id = start_id(&service.name);
        let why = "is started again".to_owned();
        steps.push(planned(id, after, Change::Update, why, step));
    }
    let mut services: Vec<_> = found.iter().map(|(s, _)| *s).collect();
    let others = desired
        .services
        .iter()
        .filter(|s| !chosen.contains(&s.name));
    for service in others {
        let mut after = service.after.iter().filter(|name| chosen.contains(*name));
        let running = container(service, observed)
            .filter(|c| c.belongs_to(&config.id) && c.state == ContainerState::Running);
        if let Some(first) = after.next()
            && let Some(container) = running
        {
            let after = std::iter::once(first).chain(after).map(start_id).collect();
            let gate = at_its_address(&service.gate, container);
            let step = Step::Gate(Box::new(gate));
            let why = "still works".to_owned();
            steps.push(planned(
                start_id(&service.name),
                after,
                Change::Verify,
                why,
                step,
            ));
            services.push(service);
        }
    }
    Ok(Plan {
        stack: config.name().clone(),
        stack_id: config.id.clone(),
        base_dir: config.base_dir().to_path_buf(),
        services: services
            .iter()
            .map(|s| (s.name.clone(), s.container.name.clone()))
            .collect(),
        steps,
        notes: Vec::new(),
    })
}

/// The services that a restart reaches.
fn chosen(
    config: &StackConfig,
    catalogue: &Catalogue,
    desired: &Desired,
    named: &[ServiceName],
    reach: Reach,
) -> BTreeSet<ServiceName> {
    let all = || desired.services.iter().map(|s| s.name.clone());
    if named.is_empty() {
        return all().collect();
    }
    let mut chosen: BTreeSet<ServiceName> = named.iter().cloned().collect();
    // a service stands after those it needs, so one pass reaches all
    for name in all() {
        let Some(service) = catalogue.get(&name) else {
            continue;
        };
        let shares = service.run.network_of.iter();
        let mut needs: Vec<ServiceName> = shares.cloned().collect();
        if reach == Reach::Dependants {
            needs.extend(service.needs.iter().cloned());
            let store = config
                .vector(service)
                .filter(|_| service.needs_vector_store);
            needs.extend(store.and_then(|v| v.kind.spec().service.parse().ok()));
        }
        if needs.iter().any(|need| chosen.contains(need)) {
            chosen.insert(name);
        }
    }
    chosen
}

/// The service's own container, where a restart may be made of it.
fn standing<'a>(
    config: &StackConfig,
    service: &DesiredService,
    observed: &'a Observed,
) -> Result<&'a ObservedContainer, PlanProblem> {
    let superseded = service.container.name.superseded();
    let left = |c: &&ObservedContainer| c.name == superseded && c.belongs_to(&config.id);
    if observed.containers.iter().any(|c| left(&c)) {
        return Err(PlanProblem::Unfinished {
            service: service.name.clone(),
        });
    }
    match container(service, observed) {
        Some(found) if found.belongs_to(&config.id) => Ok(found),
        Some(found) => Err(PlanProblem::ContainerHeld {
            name: found.name.clone(),
            holder: super::build::holder(&found.labels),
        }),
        None => Err(PlanProblem::NoContainer {
            service: service.name.clone(),
        }),
    }
}

fn container<'a>(
    service: &DesiredService,
    observed: &'a Observed,
) -> Option<&'a ObservedContainer> {
    let name = service.container.name.as_str();
    observed.containers.iter().find(|c| c.name == name)
}

/// The gate with the address at which the container was seen, asked first.
fn at_its_address(gate: &Gate, container: &ObservedContainer) -> Gate {
    let at = container.networks.get(&gate.network).copied().flatten();
    Gate { at, ..gate.clone() }
}

fn stop_id(service: &ServiceName) -> String {
    format!("stop/{service}")
}

fn start_id(service: &ServiceName) -> String {
    format!("service/{service}")
}

fn why(service: &DesiredService, named: &[ServiceName]) -> String {
    let shares = matches!(service.container.network, NetworkMode::Container { .. });
    let why = match named {
        [] => "the whole stack is started again",
        named if named.contains(&service.name) => "is to be started again",
        _ if shares => "lives in the network namespace of one that is started again",
        _ => "needs one that is started again",
    };
    why.to_owned()
}

fn planned(id: String, after: Vec<String>, change: Change, why: String, step: Step) -> PlannedStep {
    PlannedStep {
        id,
        after,
        change,
        why,
        risk: None,
        step,
    }
}
