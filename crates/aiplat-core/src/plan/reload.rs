//! The plan that has running services read their configuration anew, checked first.

use super::build::Outdated;
use super::problem::PlanProblem;
use super::step::{Change, Configure, Plan, PlannedStep, Step};
use crate::config::StackConfig;
use crate::desired::{Desired, DesiredService};
use crate::names::ServiceName;
use crate::observed::{ContainerState, Observed};
use crate::spec::ReloadAction;

/// Makes the plan that has services read their configuration anew, all of the stack's that can when none is named.
///
/// The configuration is rendered and checked in a container of its own even where nothing changed, and the service is
/// made to read it even then. Where the check or the service refuses it, the files are as they were.
///
/// # Errors
/// All reasons at once why there is none; nothing has been touched then.
pub fn reload(
    config: &StackConfig,
    desired: &Desired,
    observed: &Observed,
    named: &[ServiceName],
) -> Result<Plan, Vec<PlanProblem>> {
    let mut plan = Plan {
        stack: config.name().clone(),
        stack_id: config.id.clone(),
        base_dir: config.base_dir().to_path_buf(),
        services: Vec::new(),
        steps: Vec::new(),
        notes: Vec::new(),
    };
    let mut problems = Vec::new();
    for name in named {
        let able = desired.service(name).is_some_and(|s| s.reload.is_some());
        if !able {
            problems.push(PlanProblem::NoReload {
                service: name.clone(),
            });
        }
    }
    let chosen =
        |s: &&DesiredService| s.reload.is_some() && (named.is_empty() || named.contains(&s.name));
    for service in desired.services.iter().filter(chosen) {
        match of(config, service, observed) {
            Ok(steps) => {
                let container = service.container.name.clone();
                plan.services.push((service.name.clone(), container));
                plan.steps.extend(steps);
            }
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() {
        Ok(plan)
    } else {
        Err(problems)
    }
}

fn of(
    config: &StackConfig,
    service: &DesiredService,
    observed: &Observed,
) -> Result<Vec<PlannedStep>, Vec<PlanProblem>> {
    let Some(reload) = &service.reload else {
        return Ok(Vec::new());
    };
    let name = &service.name;
    let container = &service.container.name;
    let running = observed.containers.iter().any(|c| {
        c.name == container.as_str()
            && c.belongs_to(&config.id)
            && c.state == ContainerState::Running
    });
    if !running {
        return Err(vec![PlanProblem::NotRunning {
            service: name.clone(),
        }]);
    }
    let Outdated { files, problems } = Outdated::of(&service.files, observed);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut steps: Vec<PlannedStep> = Vec::new();
    let mut last: Vec<String> = Vec::new();
    let mut push = |id: String, change, why: &str, step| {
        steps.push(PlannedStep {
            id: id.clone(),
            after: std::mem::replace(&mut last, vec![id]),
            change,
            why: why.to_owned(),
            risk: None,
            step,
        });
    };
    if let Some(check) = &service.check {
        let why = "the configuration is checked before it is used";
        push(
            format!("directories/{name}"),
            Change::Verify,
            why,
            Step::Directories(check.directories.clone()),
        );
        push(
            format!("stage/{name}"),
            Change::Verify,
            why,
            Step::Files(check.staged.clone()),
        );
        push(
            format!("check/{name}"),
            Change::Verify,
            why,
            Step::Check(Box::new(check.run.clone())),
        );
    }
    let why = if files.is_empty() {
        "reads its configuration again, in which nothing changed".to_owned()
    } else {
        let names = files.iter().filter_map(|f| f.path.file_name());
        let names: Vec<_> = names.map(|n| n.to_string_lossy().into_owned()).collect();
        format!("reads its changed configuration: {}", names.join(", "))
    };
    let mut forced = reload.reload.clone();
    if let ReloadAction::Exec(argv) = &mut forced.action {
        argv.extend(reload.force.iter().cloned());
    }
    let step = Step::Configure(Box::new(Configure {
        files,
        reload: forced,
        done: reload.done.clone(),
    }));
    push(format!("reload/{name}"), Change::Update, &why, step);
    Ok(steps)
}
