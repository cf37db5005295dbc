//! The step that ends with a healthy container: proved as it is, started, or made anew.

use super::changed::changed;
use super::drift::drift;
use super::service::provision_ids;
use super::{Builder, holder, id, refs};
use crate::desired::DesiredService;
use crate::observed::{ContainerState, ObservedContainer};
use crate::plan::problem::PlanProblem;
use crate::plan::step::{Change, ContainerStep, Step, StopContainer};
use crate::spec::{ContainerSpec, Gate, NetworkMode, label};

impl Builder<'_> {
    /// The step that ends with a healthy container; says whether the container is a new one. `edited` names
    /// configuration that somebody else wrote since the tool did, and that the container may have read.
    pub(super) fn container(
        &mut self,
        service: &DesiredService,
        files: &str,
        checked: Option<&str>,
        edited: Option<&str>,
    ) -> bool {
        let held = match self.held(service) {
            Ok(held) => held,
            Err(problem) => {
                self.problems.push(problem);
                return false;
            }
        };
        let spec = &service.container;
        let hash = spec.hash();
        let shares_remade = match &spec.network {
            NetworkMode::Container { service, .. } => self.remade.contains(service),
            NetworkMode::Stack { .. } | NetworkMode::None => false,
        };
        let why = match &held.current {
            None if held.superseded.is_some() => Some("was renamed by hand".to_owned()),
            None => Some("is not there yet".to_owned()),
            Some(_) if shares_remade => {
                Some("shares the network namespace of a container that is made anew".to_owned())
            }
            Some(c) => unlike(c, spec, &hash).or(edited.map(str::to_owned)),
        };
        match (&held.current, why) {
            (Some(current), None) if held.superseded.is_none() => {
                self.present(service, current, &hash, files)
            }
            // made by a run that was interrupted before it had proved it
            (Some(current), None) if current.state == ContainerState::Running => {
                let after = self.after_all(service, files, checked);
                let making = Making {
                    superseded: current_id(held.superseded.as_ref()),
                    resumes: Some(current.id.clone()),
                    ..Making::default()
                };
                self.make(
                    service,
                    &hash,
                    making,
                    &after,
                    "was not proved yet when a run was interrupted",
                )
            }
            (_, why) => {
                let after = self.after_all(service, files, checked);
                // a successor that an interrupted run left behind stands next to the predecessor it was to replace
                let current = current_id(held.current.as_ref());
                let (replaces, discard) = match held.superseded {
                    None => (current, None),
                    Some(_) => (None, current),
                };
                let making = Making {
                    replaces,
                    superseded: current_id(held.superseded.as_ref()),
                    discard,
                    resumes: None,
                };
                let why = why.unwrap_or_else(|| "a run was interrupted".to_owned());
                self.make(service, &hash, making, &after, &why)
            }
        }
    }

    /// A container that is as wanted: proved, or started first.
    fn present(
        &mut self,
        service: &DesiredService,
        current: &ObservedContainer,
        hash: &str,
        files: &str,
    ) -> bool {
        let ready = id::of("service", &service.name);
        let before = ids("service", service);
        let mut after: Vec<&str> = vec![files, id::NETWORK, id::FIREWALL];
        // one that never ran was perhaps made ahead by a run that died before it made what the service needs
        let provided = if current.state == ContainerState::Created {
            self.provisions(service)
        } else {
            provision_ids(service)
        };
        after.extend(provided.iter().map(String::as_str));
        after.extend(before.iter().map(String::as_str));
        let stopping = id::of("stop", &service.name);
        let anew = match current.state {
            ContainerState::Running if self.observed.stopping.contains(&current.id) => {
                let step = Step::Stop(StopContainer {
                    id: current.id.clone(),
                    name: current.name.clone(),
                    service: service.name.clone(),
                    stop_seconds: service.container.stop_seconds,
                });
                let why =
                    "a run that was interrupted was stopping it, and the engine may still be at it";
                self.push(stopping.clone(), &after, Change::Update, why, step);
                after.push(&stopping);
                None
            }
            ContainerState::Running => {
                let step = Step::Gate(Box::new(self.at_its_address(&service.gate)));
                self.push(ready, &after, Change::Verify, "runs as wanted", step);
                return false;
            }
            // its network namespace is where it was
            ContainerState::Paused => None,
            ContainerState::Dead | ContainerState::Removing => {
                Some("is what the engine could not remove")
            }
            _ if lost_network(&service.container) => {
                Some("is stopped, and shares a network namespace that may be gone")
            }
            _ => None,
        };
        if let Some(why) = anew {
            let making = Making {
                replaces: Some(current.id.clone()),
                ..Making::default()
            };
            let after: Vec<String> = after.into_iter().map(str::to_owned).collect();
            return self.make(service, hash, making, &after, why);
        }
        let step = Step::Start {
            id: current.id.clone(),
            gate: Box::new(service.gate.clone()),
        };
        let why = match current.state {
            ContainerState::Running => "is started again".to_owned(),
            other => format!("exists as wanted, but is {}", state(other)),
        };
        self.push(ready, &after, Change::Update, &why, step);
        false
    }

    /// All that a new container waits for; what is to be made in others for it is planned on the way.
    fn after_all(
        &mut self,
        service: &DesiredService,
        files: &str,
        checked: Option<&str>,
    ) -> Vec<String> {
        let provisions = self.provisions(service);
        let image = id::image(&service.container.image);
        let ground = [
            files,
            &image,
            id::SECRETS,
            id::DIRECTORIES,
            id::NETWORK,
            id::FIREWALL,
            id::CGROUP,
            id::PROFILES,
        ];
        let mut after: Vec<String> = ground
            .into_iter()
            .chain(checked)
            .map(str::to_owned)
            .collect();
        after.extend(provisions);
        after.extend(ids("service", service));
        after.extend(ids("setup", service));
        after
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

    fn make(
        &mut self,
        service: &DesiredService,
        hash: &str,
        making: Making,
        after: &[String],
        why: &str,
    ) -> bool {
        let change = if making == Making::default() {
            Change::Create
        } else {
            Change::Update
        };
        let Making {
            replaces,
            superseded,
            discard,
            resumes,
        } = making;
        let made_after = self.made_after(service, change, after);
        let before = superseded.as_deref().or(replaces.as_deref());
        let copy = before.and_then(|id| self.copy(service, id));
        let risk = before.and_then(|id| self.risk(service, id, copy.is_some()));
        let step = Step::Container(Box::new(ContainerStep {
            spec: service.container.clone(),
            hash: hash.to_owned(),
            replaces,
            superseded,
            discard,
            resumes,
            copy,
            made_after,
            gate: service.gate.clone(),
        }));
        let id = id::of("service", &service.name);
        self.push(id, &refs(after), change, why, step);
        if let Some(last) = self.steps.last_mut() {
            last.risk = risk;
        }
        self.remade.insert(service.name.clone());
        true
    }

    /// The steps after which a container that is made for the first time may be made: whatever it stands on, and not what
    /// it needs to be up. An engine makes it while those come up. `None` where nothing it needs takes any time.
    fn made_after(
        &self,
        service: &DesiredService,
        change: Change,
        after: &[String],
    ) -> Option<Vec<String>> {
        let shares = matches!(service.container.network, NetworkMode::Container { .. });
        if change != Change::Create || shares {
            return None;
        }
        let up = |id: &str| {
            ["service/", "setup/", "provision/"]
                .iter()
                .any(|kind| id.starts_with(kind))
        };
        let all = || self.steps.iter().filter(|s| after.contains(&s.id));
        let waits = all().any(|s| up(&s.id) && s.change != Change::Verify);
        let ground = all().filter(|s| !up(&s.id)).map(|s| s.id.clone());
        waits.then(|| ground.collect())
    }

    /// Who holds a container's name, and a predecessor that an interrupted run or somebody's hand renamed.
    fn held(&mut self, service: &DesiredService) -> Result<Held, PlanProblem> {
        let spec = &service.container;
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
        // under another name it holds the ports and the data all the same
        let renamed = self.observed.containers.iter().find(|c| {
            ours(c)
                && c.label(label::SERVICE) == Some(service.name.as_str())
                && c.label(label::PURPOSE).is_none()
                && ![current, superseded].contains(&Some(c))
        });
        let held = Held {
            current: current.cloned(),
            superseded: superseded.or(renamed).cloned(),
        };
        self.kept.extend(current_id(held.superseded.as_ref()));
        Ok(held)
    }
}

/// The containers that a new one takes the place of, as in [`ContainerStep`].
#[derive(Default, PartialEq, Eq)]
struct Making {
    replaces: Option<String>,
    superseded: Option<String>,
    discard: Option<String>,
    resumes: Option<String>,
}

/// Why a container is not the wanted one, when it is not.
fn unlike(current: &ObservedContainer, spec: &ContainerSpec, hash: &str) -> Option<String> {
    if current.label(label::SPEC_HASH) != Some(hash) {
        return Some(changed(current, spec));
    }
    let drift = drift(current, spec);
    (!drift.is_empty()).then(|| drift.join("; "))
}

fn ids(kind: &str, service: &DesiredService) -> Vec<String> {
    service.after.iter().map(|s| id::of(kind, s)).collect()
}

struct Held {
    current: Option<ObservedContainer>,
    superseded: Option<ObservedContainer>,
}

fn current_id(container: Option<&ObservedContainer>) -> Option<String> {
    container.map(|c| c.id.clone())
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
