//! From what is wanted and what is there to steps.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use aiplat_apparmor::InForce;

use super::problem::PlanProblem;
use super::step::{Change, ContainerStep, Plan, PlannedStep, RemoveContainer, Step};
use crate::config::StackConfig;
use crate::desired::{Desired, DesiredService};
use crate::names::{ServiceName, StackId};
use crate::observed::{ContainerState, Observed, ObservedContainer, PathState};
use crate::spec::{ContainerSpec, DirectorySpec, FileSpec, Gate, NetworkMode, label};

/// Makes the plan that leads from `observed` to `desired`.
///
/// # Errors
/// All reasons at once why there is none; nothing has been touched then.
pub fn plan(
    config: &StackConfig,
    desired: &Desired,
    observed: &Observed,
) -> Result<Plan, Vec<PlanProblem>> {
    let mut builder = Builder {
        id: &config.id,
        desired,
        observed,
        steps: Vec::new(),
        problems: Vec::new(),
        remade: BTreeSet::new(),
    };
    // images first: a deploy that cannot have its images has changed nothing
    builder.images();
    builder.directories();
    builder.secrets();
    builder.ground();
    for service in &desired.services {
        builder.service(service);
    }
    builder.leftovers();
    if !builder.problems.is_empty() {
        return Err(builder.problems);
    }
    Ok(Plan {
        stack: config.name().clone(),
        stack_id: config.id.clone(),
        base_dir: config.base_dir().to_path_buf(),
        services: desired
            .services
            .iter()
            .map(|s| (s.name.clone(), s.container.name.clone()))
            .collect(),
        steps: builder.steps,
        notes: notes(config, desired, observed),
    })
}

/// Step names, in one place.
mod id {
    use crate::names::ServiceName;

    pub(super) const DIRECTORIES: &str = "directories";
    pub(super) const SECRETS: &str = "secrets";
    pub(super) const NETWORK: &str = "network";
    pub(super) const FIREWALL: &str = "firewall";
    pub(super) const CGROUP: &str = "cgroup";
    pub(super) const PROFILES: &str = "profiles";

    pub(super) fn of(kind: &str, service: &ServiceName) -> String {
        format!("{kind}/{service}")
    }

    pub(super) fn image(reference: &str) -> String {
        format!("image/{reference}")
    }
}

struct Builder<'a> {
    id: &'a StackId,
    desired: &'a Desired,
    observed: &'a Observed,
    steps: Vec<PlannedStep>,
    problems: Vec<PlanProblem>,
    /// Services whose container is made anew: those that share its network namespace must be too.
    remade: BTreeSet<ServiceName>,
}

impl Builder<'_> {
    fn has(&self, id: &str) -> bool {
        self.steps.iter().any(|s| s.id == id)
    }

    fn push(&mut self, id: String, after: &[&str], change: Change, why: &str, step: Step) {
        let after = after
            .iter()
            .filter(|a| self.has(a))
            .map(|a| (*a).to_owned())
            .collect();
        self.steps.push(PlannedStep {
            id,
            after,
            change,
            why: why.to_owned(),
            risk: None,
            step,
        });
    }

    fn image_ids(&self) -> Vec<String> {
        self.steps
            .iter()
            .map(|s| s.id.clone())
            .filter(|id| id.starts_with("image/"))
            .collect()
    }

    fn directories(&mut self) {
        let mut wanted: Vec<&DirectorySpec> = self.desired.directories.iter().collect();
        for check in self
            .desired
            .services
            .iter()
            .filter_map(|s| s.check.as_ref())
        {
            wanted.extend(&check.directories);
        }
        let missing: Vec<_> = wanted
            .into_iter()
            .filter(|d| self.missing(d))
            .cloned()
            .collect();
        if !missing.is_empty() {
            let why = format!("{} directories are not there yet", missing.len());
            let step = Step::Directories(missing);
            let images = self.image_ids();
            self.push(
                id::DIRECTORIES.to_owned(),
                &refs(&images),
                Change::Create,
                &why,
                step,
            );
        }
    }

    fn missing(&mut self, wanted: &DirectorySpec) -> bool {
        let wrong = |found| PlanProblem::WrongPath {
            path: wanted.path.clone(),
            found,
            expected: "a directory",
        };
        match self.observed.path(&wanted.path) {
            PathState::Absent => true,
            // what a fresh volume is: nothing in it, and root's
            PathState::Directory {
                owner, empty: true, ..
            } if owner.uid == 0 => *owner != wanted.owner,
            PathState::Directory { owner, .. } if *owner != wanted.owner => {
                self.problems.push(PlanProblem::WrongOwner {
                    path: wanted.path.clone(),
                    found: *owner,
                    expected: wanted.owner,
                });
                false
            }
            // a service may narrow its own directory, as databases do
            PathState::Directory { mode, .. } => *mode & !wanted.mode & 0o777 != 0,
            PathState::File { .. } => {
                self.problems.push(wrong("a file"));
                false
            }
            PathState::Link => {
                self.problems.push(wrong("a symbolic link"));
                false
            }
            PathState::Other => {
                self.problems.push(wrong("a socket, device or pipe"));
                false
            }
        }
    }

    /// The files that are not on disk as wanted, and whether any of them exists at all.
    fn outdated(&mut self, wanted: &[FileSpec]) -> (Vec<FileSpec>, Change) {
        let mut change = Change::Create;
        let mut outdated = Vec::new();
        for file in wanted {
            match self.observed.path(&file.path) {
                PathState::File {
                    owner,
                    mode,
                    sha256,
                } => {
                    let same = *owner == file.owner
                        && *mode == file.mode
                        && *sha256 == file.content.content_hash();
                    if !same {
                        change = Change::Update;
                        outdated.push(file.clone());
                    }
                }
                PathState::Absent => outdated.push(file.clone()),
                PathState::Directory { .. } | PathState::Link | PathState::Other => {
                    self.problems.push(PlanProblem::WrongPath {
                        path: file.path.clone(),
                        found: "no regular file",
                        expected: "a file that the tool writes",
                    });
                }
            }
        }
        (outdated, change)
    }

    fn files(&mut self, id: String, after: &[&str], what: &str, wanted: &[FileSpec]) {
        let (outdated, change) = self.outdated(wanted);
        if !outdated.is_empty() {
            let names: Vec<_> = outdated
                .iter()
                .filter_map(|f| f.path.file_name())
                .map(|n| n.to_string_lossy().into_owned())
                .collect();
            let verb = if change == Change::Create {
                "new"
            } else {
                "changed"
            };
            let why = format!("{verb} {what}: {}", names.join(", "));
            self.push(id, after, change, &why, Step::Files(outdated));
        }
    }

    fn secrets(&mut self) {
        let files = self.desired.files.clone();
        let mut after = self.image_ids();
        after.push(id::DIRECTORIES.to_owned());
        self.files(
            id::SECRETS.to_owned(),
            &refs(&after),
            "files of the stack",
            &files,
        );
    }

    /// What all containers stand on: cgroup, profiles, firewall, network.
    fn ground(&mut self) {
        if let Some(cgroup) = &self.desired.cgroup {
            let held = self.observed.host.cgroup.as_ref().is_some_and(|found| {
                same_pages(found.memory_bytes, cgroup.memory_bytes)
                    && found.milli_cpus == cgroup.milli_cpus
                    && found.pids == cgroup.pids
            });
            if !held {
                let change = if self.observed.host.cgroup.is_some() {
                    Change::Update
                } else {
                    Change::Create
                };
                let why = "the stack has limits of its own";
                let step = Step::Cgroup(cgroup.clone());
                let images = self.image_ids();
                self.push(id::CGROUP.to_owned(), &refs(&images), change, why, step);
            }
        }
        self.profiles();
        let firewall = &self.desired.firewall;
        let host = &self.observed.host.firewall;
        if host.available && !host.guarded.contains(&firewall.bridge) {
            let why =
                "the host's own listeners must be closed to the stack before it has a network";
            let step = Step::Firewall(firewall.clone());
            let images = self.image_ids();
            self.push(
                id::FIREWALL.to_owned(),
                &refs(&images),
                Change::Create,
                why,
                step,
            );
        }
        self.network();
    }

    fn profiles(&mut self) {
        let loaded = &self.observed.host.apparmor.loaded;
        let current = |path: &PathBuf, text: &str| {
            let wanted = crate::text::Text::plain(text).content_hash();
            matches!(self.observed.path(path), PathState::File { sha256, .. } if *sha256 == wanted)
        };
        let changed: Vec<_> = self
            .desired
            .profiles
            .iter()
            .filter(|p| {
                !(current(&p.source, &p.text)
                    && current(&p.system, &p.text)
                    && loaded.get(&p.name).is_some_and(|mode| mode == "enforce"))
            })
            .cloned()
            .collect();
        if !changed.is_empty() {
            let known = changed.iter().any(|p| loaded.contains_key(&p.name));
            let change = if known {
                Change::Update
            } else {
                Change::Create
            };
            let why = format!("{} profiles are not loaded as wanted", changed.len());
            let step = Step::Profiles { files: changed };
            self.push(
                id::PROFILES.to_owned(),
                &[id::DIRECTORIES],
                change,
                &why,
                step,
            );
        }
    }

    fn network(&mut self) {
        let wanted = &self.desired.network;
        let found = self
            .observed
            .networks
            .iter()
            .find(|n| n.name == wanted.name);
        let Some(found) = found else {
            let step = Step::Network(wanted.clone());
            let why = "the stack has no network yet";
            let mut after = self.image_ids();
            after.push(id::FIREWALL.to_owned());
            self.push(
                id::NETWORK.to_owned(),
                &refs(&after),
                Change::Create,
                why,
                step,
            );
            return;
        };
        if found.labels.get(label::STACK_ID).map(String::as_str) != Some(self.id.as_str()) {
            self.problems.push(PlanProblem::NetworkHeld {
                name: wanted.name.clone(),
                holder: holder(&found.labels),
            });
        } else if !found.subnets.contains(&wanted.subnet) {
            let list: Vec<_> = found.subnets.iter().map(ToString::to_string).collect();
            self.problems.push(PlanProblem::SubnetChanged {
                found: list.join(", "),
                wanted: wanted.subnet.to_string(),
            });
        }
    }

    fn images(&mut self) {
        let references: BTreeSet<_> = self
            .desired
            .services
            .iter()
            .map(|s| s.container.image.clone())
            .collect();
        for reference in references {
            if !self.observed.has_image(&reference) {
                let why = "the engine does not have this image";
                let step = Step::Image {
                    reference: reference.clone(),
                };
                self.push(id::image(&reference), &[], Change::Create, why, step);
            }
        }
    }

    fn service(&mut self, service: &DesiredService) {
        let name = &service.name;
        let image = id::image(&service.container.image);
        self.format(service);
        let (outdated, _) = self.outdated(&service.files);
        let checked = self.check(service, !outdated.is_empty(), &image);
        let files = id::of("files", name);
        let after: Vec<&str> = [id::DIRECTORIES, id::SECRETS]
            .into_iter()
            .chain(checked.as_deref())
            .collect();
        let all: Vec<_> = service
            .files
            .iter()
            .chain(&service.format)
            .cloned()
            .collect();
        self.files(files.clone(), &after, "configuration", &all);
        let ready = id::of("service", name);
        let made = self.container(service, &files, &image, checked.as_deref());
        self.setup(service, &ready);
        self.reload(service, &ready, made);
    }

    fn format(&mut self, service: &DesiredService) {
        let Some(marker) = &service.format else {
            return;
        };
        if let PathState::File { sha256, .. } = self.observed.path(&marker.path)
            && *sha256 != marker.content.content_hash()
        {
            self.problems.push(PlanProblem::DataFormat {
                service: service.name.clone(),
                marker: marker.path.clone(),
                expected: marker.content.shown().trim().to_owned(),
            });
        }
    }

    /// Stages and checks configuration that is about to change; gives the id of the check.
    fn check(&mut self, service: &DesiredService, outdated: bool, image: &str) -> Option<String> {
        let check = service.check.as_ref().filter(|_| outdated)?;
        let staged = id::of("stage", &service.name);
        let after = [id::DIRECTORIES, id::SECRETS];
        let why = "the new configuration is checked before it is used";
        let step = Step::Files(
            check
                .staged
                .iter()
                .chain(service.files.iter().filter(|f| identity(f)))
                .cloned()
                .collect(),
        );
        self.push(staged.clone(), &after, Change::Create, why, step);
        let id = id::of("check", &service.name);
        let after = [staged.as_str(), image, id::PROFILES, id::CGROUP];
        let step = Step::Check(Box::new(check.run.clone()));
        self.push(id.clone(), &after, Change::Verify, why, step);
        Some(id)
    }

    /// The step that ends with a healthy container; says whether the container is a new one.
    fn container(
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

    fn provisions(&mut self, service: &DesiredService) -> Vec<String> {
        let mut ids = Vec::new();
        for (provider, provision) in &service.provisions {
            let id = format!("provision/{}/{provider}", service.name);
            let ready = id::of("service", provider);
            let why = format!("made in {provider} for {}", service.name);
            let step = Step::Provision(Box::new(provision.clone()));
            self.push(
                id.clone(),
                &[&ready, id::SECRETS],
                Change::Update,
                &why,
                step,
            );
            ids.push(id);
        }
        ids
    }

    fn setup(&mut self, service: &DesiredService, ready: &str) {
        let Some(setup) = &service.setup else { return };
        let (outdated, _) = self.outdated(std::slice::from_ref(&setup.done));
        if outdated.is_empty() {
            return;
        }
        let id = id::of("setup", &service.name);
        let step = Step::Provision(Box::new(setup.provision.clone()));
        let why = "set up once, before anybody else can";
        self.push(id.clone(), &[ready], Change::Update, why, step);
        let done = id::of("setup-done", &service.name);
        let why = "records that it was set up";
        self.push(done, &[&id], Change::Update, why, Step::Files(outdated));
    }

    /// A running service is told of its new configuration; a new container has read it already.
    fn reload(&mut self, service: &DesiredService, ready: &str, made: bool) {
        let Some(plan) = &service.reload else { return };
        let (outdated, _) = self.outdated(std::slice::from_ref(&plan.done));
        if outdated.is_empty() {
            return;
        }
        let id = id::of("reload", &service.name);
        let files = id::of("files", &service.name);
        if !made {
            let step = Step::Reload(Box::new(plan.reload.clone()));
            let why = "reads its new configuration without a restart";
            self.push(id.clone(), &[ready, &files], Change::Update, why, step);
        }
        let done = id::of("loaded", &service.name);
        let why = "records which configuration it runs with";
        self.push(
            done,
            &[ready, &files, &id],
            Change::Update,
            why,
            Step::Files(outdated),
        );
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

    /// Containers of this stack that nothing wants any more, and short-lived ones of interrupted runs.
    fn leftovers(&mut self) {
        let wanted: BTreeSet<&str> = self
            .desired
            .services
            .iter()
            .map(|s| s.container.name.as_str())
            .collect();
        let superseded: BTreeSet<String> = self
            .desired
            .services
            .iter()
            .map(|s| s.container.name.superseded())
            .collect();
        let leftovers: Vec<_> = self
            .observed
            .containers
            .iter()
            .filter(|c| c.belongs_to(self.id))
            .filter(|c| !wanted.contains(c.name.as_str()) && !superseded.contains(&c.name))
            .filter(|c| {
                c.label(label::PURPOSE)
                    .is_none_or(|purpose| purpose == "check")
            })
            .collect();
        let edge: Vec<String> = self
            .desired
            .services
            .iter()
            .map(|s| id::of("service", &s.name))
            .collect();
        for container in leftovers {
            let check = container.label(label::PURPOSE).is_some();
            let why = if check {
                "left over from an interrupted check"
            } else {
                "is no longer selected"
            };
            let step = remove(container);
            // what is no longer wanted goes when everything that is wanted works; a left-over check goes first
            let after: Vec<&str> = if check {
                Vec::new()
            } else {
                edge.iter().map(String::as_str).collect()
            };
            let id = format!("remove/{}", container.name);
            self.push(id.clone(), &after, Change::Remove, why, step);
            if check {
                for step in self.steps.iter_mut().filter(|s| s.id.starts_with("check/")) {
                    step.after.push(id.clone());
                }
                // a step stands after all it waits for
                let last = self.steps.len() - 1;
                let step = self.steps.remove(last);
                self.steps.insert(0, step);
            }
        }
    }
}

/// The kernel keeps limits in whole pages.
fn same_pages(a: Option<u64>, b: Option<u64>) -> bool {
    a.map(|bytes| bytes / 4096) == b.map(|bytes| bytes / 4096)
}

fn refs(ids: &[String]) -> Vec<&str> {
    ids.iter().map(String::as_str).collect()
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

/// Whether a file is the passwd or group line, which a check needs as well.
fn identity(file: &FileSpec) -> bool {
    file.path
        .file_name()
        .is_some_and(|n| n == "passwd" || n == "group")
}

pub(super) fn remove(container: &ObservedContainer) -> Step {
    Step::RemoveContainer(RemoveContainer {
        id: container.id.clone(),
        name: container.name.clone(),
        service: container.label(label::SERVICE).and_then(|s| s.parse().ok()),
        stop_seconds: 30,
    })
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

fn holder(labels: &BTreeMap<String, String>) -> String {
    match (labels.get(label::STACK), labels.get(label::BASE_DIR)) {
        (Some(stack), Some(base)) => format!("stack `{stack}` in `{base}`"),
        _ => "an object that aiplat did not make".to_owned(),
    }
}

/// What the operator should know before agreeing.
fn notes(config: &StackConfig, desired: &Desired, observed: &Observed) -> Vec<String> {
    let mut notes: Vec<String> = config
        .selection
        .left_out()
        .iter()
        .map(|l| format!("{} is left out: {}", l.service, l.reason))
        .collect();
    match desired.apparmor {
        InForce::Enforced => {}
        InForce::TurnedOff => notes.push("AppArmor is turned off (`APPARMOR=off`): no profile confines the containers".to_owned()),
        InForce::Unavailable => notes.push("AppArmor is not available here: no profile confines the containers; `APPARMOR=require` would refuse to deploy".to_owned()),
    }
    if !observed.host.firewall.available {
        notes.push("no firewall tool was found: programs of this host that listen on all addresses can be reached from the stack's containers".to_owned());
    }
    let volume = &observed.host.volume;
    if volume.exists && !volume.mount_point {
        notes.push("`BASE_DIR` is not a mount point of its own: a full disk there is a full disk for the whole host".to_owned());
    }
    let imitations: Vec<_> = desired
        .services
        .iter()
        .filter(|s| {
            observed
                .image(&s.container.image)
                .is_some_and(|i| i.stand_in)
        })
        .map(|s| s.name.as_str())
        .collect();
    if !imitations.is_empty() {
        notes.push(format!(
            "stand-ins, not the real programs: {}",
            imitations.join(", ")
        ));
    }
    notes
}
