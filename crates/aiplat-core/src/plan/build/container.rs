//! The step that ends with a healthy container: proved as it is, started, or made anew.

use super::{Builder, holder, id};
use crate::desired::DesiredService;
use crate::observed::{ContainerState, ObservedContainer};
use crate::plan::problem::PlanProblem;
use crate::plan::step::{Change, ContainerStep, Step};
use crate::spec::{ContainerSpec, Gate, NetworkMode, label};

impl Builder<'_> {
    /// The step that ends with a healthy container; says whether the container is a new one.
    pub(super) fn container(
        &mut self,
        service: &DesiredService,
        files: &str,
        image: &str,
        checked: Option<&str>,
    ) -> bool {
        let spec = &service.container;
        let hash = spec.hash();
        let held = self.held(spec);
        let Held {
            current,
            superseded,
        } = match held {
            Ok(held) => held,
            Err(problem) => {
                self.problems.push(problem);
                return false;
            }
        };
        let ready = id::of("service", &service.name);
        let shares_remade = match &spec.network {
            NetworkMode::Container { service, .. } => self.remade.contains(service),
            NetworkMode::Stack { .. } | NetworkMode::None => false,
        };
        let before: Vec<String> = service.after.iter().map(|s| id::of("service", s)).collect();
        let setups: Vec<String> = service.after.iter().map(|s| id::of("setup", s)).collect();
        let same = current
            .as_ref()
            .is_some_and(|c| c.label(label::SPEC_HASH) == Some(&hash));
        let attached = current.as_ref().is_some_and(|c| attached(c, spec));
        if same && attached && !shares_remade && superseded.is_none() {
            let current = current.expect("has the wanted hash");
            let mut after: Vec<&str> = vec![files, id::NETWORK, id::FIREWALL];
            after.extend(before.iter().map(String::as_str));
            match current.state {
                ContainerState::Running => {
                    let step = Step::Gate(Box::new(self.at_its_address(&service.gate)));
                    self.push(ready, &after, Change::Verify, "runs as wanted", step);
                }
                _ if lost_network(spec) => {
                    return self.make(
                        service,
                        &hash,
                        current_id(Some(&current)),
                        None,
                        None,
                        &after,
                        "is stopped, and shares a network namespace that may be gone",
                    );
                }
                _ => {
                    let step = Step::Start {
                        id: current.id.clone(),
                        gate: Box::new(service.gate.clone()),
                    };
                    let why = format!("exists as wanted, but is {}", state(current.state));
                    self.push(ready, &after, Change::Update, &why, step);
                }
            }
            return false;
        }
        let provisions = self.provisions(service);
        let mut after: Vec<&str> = vec![
            files,
            image,
            id::SECRETS,
            id::DIRECTORIES,
            id::NETWORK,
            id::FIREWALL,
            id::CGROUP,
            id::PROFILES,
        ];
        after.extend(checked);
        after.extend(provisions.iter().map(String::as_str));
        after.extend(before.iter().map(String::as_str));
        after.extend(setups.iter().map(String::as_str));
        let why = match (&current, shares_remade) {
            (None, _) => "is not there yet".to_owned(),
            (Some(_), true) => {
                "shares the network namespace of a container that is made anew".to_owned()
            }
            (Some(c), _) if same && !attached => {
                let extra: Vec<_> = c.networks.keys().map(String::as_str).collect();
                format!(
                    "is attached to other networks than its own: {}",
                    extra.join(", ")
                )
            }
            (Some(_), _) => "its specification changed".to_owned(),
        };
        // a successor that an interrupted run left behind, next to the predecessor it was to replace
        let (replaces, discard) = match (&current, &superseded) {
            (Some(current), None) => (Some(current.id.clone()), None),
            (Some(current), Some(_)) => (None, Some(current.id.clone())),
            (None, _) => (None, None),
        };
        self.make(
            service,
            &hash,
            replaces,
            current_id(superseded.as_ref()),
            discard,
            &after,
            &why,
        )
    }

    /// The gate with the address that the container, or the one whose namespace it shares, was seen to have.
    fn at_its_address(&self, gate: &Gate) -> Gate {
        let seen = self
            .observed
            .containers
            .iter()
            .find(|c| c.name == gate.address_of.as_str());
        let at = seen.and_then(|c| c.networks.get(&gate.network).copied().flatten());
        Gate { at, ..gate.clone() }
    }

    #[allow(clippy::too_many_arguments)] // one place that fills the step's fields
    fn make(
        &mut self,
        service: &DesiredService,
        hash: &str,
        replaces: Option<String>,
        superseded: Option<String>,
        discard: Option<String>,
        after: &[&str],
        why: &str,
    ) -> bool {
        let change = if replaces.is_some() || superseded.is_some() || discard.is_some() {
            Change::Update
        } else {
            Change::Create
        };
        let step = Step::Container(Box::new(ContainerStep {
            spec: service.container.clone(),
            hash: hash.to_owned(),
            replaces,
            superseded,
            discard,
            gate: service.gate.clone(),
        }));
        self.push(id::of("service", &service.name), after, change, why, step);
        self.remade.insert(service.name.clone());
        true
    }

    /// Who holds a container's name, and a predecessor that an interrupted run renamed.
    fn held(&self, spec: &ContainerSpec) -> Result<Held, PlanProblem> {
        let named = |name: &str| self.observed.containers.iter().find(|c| c.name == name);
        let ours = |c: &ObservedContainer| c.belongs_to(self.id);
        let refuse = |c: &ObservedContainer| PlanProblem::ContainerHeld {
            name: c.name.clone(),
            holder: holder(&c.labels),
        };
        let current = named(spec.name.as_str());
        let superseded = named(&spec.name.superseded());
        if let Some(foreign) = [current, superseded]
            .into_iter()
            .flatten()
            .find(|c| !ours(c))
        {
            return Err(refuse(foreign));
        }
        Ok(Held {
            current: current.cloned(),
            superseded: superseded.cloned(),
        })
    }
}

struct Held {
    current: Option<ObservedContainer>,
    superseded: Option<ObservedContainer>,
}

fn current_id(container: Option<&ObservedContainer>) -> Option<String> {
    container.map(|c| c.id.clone())
}

/// Whether it is attached to its own network and to no other. A stopped container's attachment is not listed by all
/// engine versions, so only a running one is judged.
fn attached(container: &ObservedContainer, spec: &ContainerSpec) -> bool {
    let NetworkMode::Stack { network, .. } = &spec.network else {
        return true;
    };
    container.state != ContainerState::Running
        || container.networks.keys().eq(std::iter::once(network))
}

fn lost_network(spec: &ContainerSpec) -> bool {
    matches!(spec.network, NetworkMode::Container { .. })
}

fn state(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "not started",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Removing => "being removed",
        ContainerState::Exited => "stopped",
        ContainerState::Dead => "dead",
    }
}
