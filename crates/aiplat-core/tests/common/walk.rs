//! Everything a plan names, whatever step it is in.

use std::path::PathBuf;

use aiplat_core::plan::{Plan, Step};
use aiplat_core::spec::{ContainerSpec, FileSpec, Gate, NetworkMode, Probe, Provision};
use aiplat_core::text::Text;

/// Every container specification: services and checks.
pub fn containers(plan: &Plan) -> Vec<&ContainerSpec> {
    plan.steps
        .iter()
        .filter_map(|planned| match &planned.step {
            Step::Container(step) => Some(&step.spec),
            Step::Check(run) => Some(&run.container),
            _ => None,
        })
        .collect()
}

/// Every file that is written.
pub fn files(plan: &Plan) -> Vec<&FileSpec> {
    let steps = plan.steps.iter();
    steps
        .filter_map(|s| {
            if let Step::Files(all) = &s.step {
                Some(all)
            } else {
                None
            }
        })
        .flatten()
        .collect()
}

/// Every gate.
pub fn gates(plan: &Plan) -> Vec<&Gate> {
    plan.steps
        .iter()
        .filter_map(|planned| match &planned.step {
            Step::Container(step) => Some(&step.gate),
            Step::Start { gate, .. } | Step::Gate(gate) => Some(&**gate),
            Step::Provision(p) => match &**p {
                Provision::Postgres { gate, .. } | Provision::Http { gate, .. } => Some(gate),
            },
            Step::Withdraw(withdrawal) => Some(withdrawal.gate()),
            Step::Secret(act) => Some(&act.gate),
            Step::Reload(reload) => Some(&reload.gate),
            _ => None,
        })
        .collect()
}

/// Every text that may hold a secret.
pub fn texts(plan: &Plan) -> Vec<&Text> {
    let mut all: Vec<&Text> = files(plan).into_iter().map(|f| &f.content).collect();
    for spec in containers(plan) {
        all.extend(spec.env.values());
        all.extend(
            spec.entrypoint
                .iter()
                .flatten()
                .chain(spec.command.iter().flatten()),
        );
    }
    for gate in gates(plan) {
        if let Probe::Redis { password, .. } = &gate.probe {
            all.push(password);
        }
    }
    for planned in &plan.steps {
        let Step::Provision(provision) = &planned.step else {
            continue;
        };
        match &**provision {
            Provision::Postgres {
                password,
                databases,
                ..
            } => {
                all.push(password);
                all.extend(databases.iter().map(|d| &d.password));
            }
            Provision::Http { requests, .. } => {
                let headers = requests
                    .iter()
                    .flat_map(|r| &r.headers)
                    .map(|(_, value)| value);
                all.extend(headers.chain(requests.iter().filter_map(|r| r.body.as_ref())));
            }
        }
    }
    all
}

/// Every path on the host.
pub fn paths(plan: &Plan) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = files(plan).into_iter().map(|f| f.path.clone()).collect();
    all.extend(
        containers(plan)
            .into_iter()
            .flat_map(|c| c.binds.iter().map(|b| b.source.clone())),
    );
    for planned in &plan.steps {
        match &planned.step {
            Step::Directories(directories) => {
                all.extend(directories.iter().map(|d| d.path.clone()))
            }
            Step::Profiles { files } | Step::RemoveProfiles { files } => {
                all.extend(files.iter().map(|f| f.source.clone()));
            }
            Step::RemoveFile { path } | Step::PurgeDirectory { path, .. } => all.push(path.clone()),
            _ => {}
        }
    }
    all
}

/// Every name of a container or network on the engine.
pub fn names(plan: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    for spec in containers(plan) {
        all.push(spec.name.to_string());
        match &spec.network {
            NetworkMode::Stack { network, .. } => all.push(network.clone()),
            NetworkMode::Container { name, .. } => all.push(name.to_string()),
            NetworkMode::None => {}
        }
    }
    for gate in gates(plan) {
        all.extend([
            gate.container.to_string(),
            gate.address_of.to_string(),
            gate.network.clone(),
        ]);
    }
    for planned in &plan.steps {
        match &planned.step {
            Step::Network(network) => all.push(network.name.clone()),
            Step::RemoveNetwork { name, .. } => all.push(name.clone()),
            Step::RemoveContainer(removed) => all.push(removed.name.clone()),
            Step::Reload(reload) => all.push(reload.container.to_string()),
            _ => {}
        }
    }
    all
}
