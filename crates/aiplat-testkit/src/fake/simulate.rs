//! What a plan leaves behind, as a function of what was there: the model that carrying out is held to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aiplat_core::observed::{
    CgroupFacts, ContainerState, ImageFacts, Observed, ObservedContainer, ObservedNetwork,
    ObservedPort, PathState, QuotaFacts,
};
use aiplat_core::plan::{ContainerStep, Plan, Step};
use aiplat_core::spec::{ContainerSpec, DirectorySpec, FileSpec, NetworkMode, ProfileFile, label};
use aiplat_core::text::Text;

/// What is there after a plan was carried out wholly on what `before` shows. Ids are made from names, and nothing takes
/// any time.
#[must_use]
pub fn simulate(plan: &Plan, before: &Observed) -> Observed {
    let mut world = Simulated(before.clone());
    for planned in &plan.steps {
        world.step(&planned.step);
    }
    world.0
}

struct Simulated(Observed);

impl Simulated {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Directories(all) => all.iter().for_each(|spec| self.directory(spec)),
            Step::Files(all) => all.iter().for_each(|spec| self.file(spec)),
            Step::RemoveFile { path } => {
                self.0.paths.remove(path);
            }
            Step::Cgroup(spec) => {
                self.0.host.cgroup = Some(CgroupFacts {
                    memory_bytes: spec.memory_bytes,
                    milli_cpus: spec.milli_cpus,
                    pids: spec.pids,
                });
            }
            Step::Quota(spec) => {
                self.0.host.quota = Some(QuotaFacts {
                    project: Some(spec.project),
                    limit_bytes: spec.bytes,
                    marked: true,
                    ..QuotaFacts::default()
                });
            }
            Step::RemoveQuota(_) => self.0.host.quota = None,
            Step::Network(spec) => self.0.networks.push(ObservedNetwork {
                id: format!("network-{}", spec.name),
                name: spec.name.clone(),
                driver: "bridge".to_owned(),
                subnets: vec![spec.subnet],
                labels: spec.labels.clone(),
            }),
            Step::Firewall(spec) => {
                let rules = &mut self.0.host.firewall;
                rules.guarded.insert(spec.bridge.clone());
                rules.named.insert(spec.bridge.clone());
            }
            Step::Profiles { files } => files.iter().for_each(|file| self.profile(file)),
            Step::Image { reference, .. } => {
                let facts = ImageFacts {
                    id: format!("sha256:{reference}"),
                    stand_in: false,
                    ..ImageFacts::default()
                };
                self.0.images.insert(reference.clone(), facts);
            }
            Step::Container(step) => self.container(step),
            Step::Start { id, .. } => {
                for container in self.0.containers.iter_mut().filter(|c| c.id == *id) {
                    container.state = ContainerState::Running;
                }
            }
            Step::Stop(stopped) => {
                for container in self.0.containers.iter_mut().filter(|c| c.id == stopped.id) {
                    container.state = ContainerState::Exited;
                }
            }
            Step::Configure(configure) => {
                configure.files.iter().for_each(|spec| self.file(spec));
                self.file(&configure.done);
            }
            Step::Renew(renewal) => self.file(&renewal.done),
            Step::SignIn(step) => self.file(&step.kept),
            Step::Check(once) => once.staged.iter().for_each(|path| self.gone(path)),
            Step::Gate(_)
            | Step::Provision(_)
            | Step::Withdraw(_)
            | Step::Secret(_)
            | Step::Reload(_)
            | Step::Release => {}
            Step::RemoveContainer(removed) => self.0.containers.retain(|c| c.id != removed.id),
            Step::RemoveNetwork { id, .. } => self.0.networks.retain(|n| n.id != *id),
            Step::RemoveFirewall(spec) => {
                let rules = &mut self.0.host.firewall;
                rules.guarded.remove(&spec.bridge);
                rules.named.remove(&spec.bridge);
            }
            Step::RemoveProfiles { files } => {
                for file in files {
                    self.0.host.apparmor.loaded.remove(&file.name);
                    self.0.host.apparmor.files.remove(&file.name);
                    self.0.paths.remove(&file.source);
                    self.0.paths.remove(&file.system);
                }
            }
            Step::RemoveCgroup { .. } => self.0.host.cgroup = None,
            Step::PurgeDirectory { path, .. } => self.0.paths.retain(|p, _| !p.starts_with(path)),
        }
    }

    fn directory(&mut self, spec: &DirectorySpec) {
        let inside = |path: &&PathBuf| path.starts_with(&spec.path) && **path != spec.path;
        let empty = self.0.paths.keys().find(inside).is_none();
        let state = PathState::Directory {
            owner: spec.owner,
            mode: spec.mode,
            empty,
        };
        self.0.paths.insert(spec.path.clone(), state);
        self.filled(&spec.path);
    }

    fn file(&mut self, spec: &FileSpec) {
        let FileSpec {
            path,
            content,
            owner,
            mode,
        } = spec;
        let sha256 = content.content_hash();
        let state = PathState::File {
            owner: *owner,
            mode: *mode,
            sha256,
        };
        self.0.paths.insert(path.clone(), state);
        self.filled(path);
    }

    fn gone(&mut self, path: &Path) {
        self.0.paths.insert(path.to_path_buf(), PathState::Absent);
        let Some(parent) = path.parent() else { return };
        let mut all = self.0.paths.iter();
        let left = all.any(|(p, s)| p.parent() == Some(parent) && *s != PathState::Absent);
        if let Some(PathState::Directory { empty, .. }) = self.0.paths.get_mut(parent) {
            *empty = !left;
        }
    }

    /// The directory of something that was made is not empty any more.
    fn filled(&mut self, path: &Path) {
        let parent = path.parent().and_then(|p| self.0.paths.get_mut(p));
        if let Some(PathState::Directory { empty, .. }) = parent {
            *empty = false;
        }
    }

    fn profile(&mut self, file: &ProfileFile) {
        let owner = aiplat_core::spec::Owner { uid: 0, gid: 0 };
        let sha256 = Text::plain(file.text.clone()).content_hash();
        let state = PathState::File {
            owner,
            mode: 0o644,
            sha256,
        };
        self.0.paths.insert(file.source.clone(), state.clone());
        self.filled(&file.source);
        self.0.paths.insert(file.system.clone(), state);
        self.0
            .host
            .apparmor
            .loaded
            .insert(file.name.clone(), "enforce".to_owned());
        self.0.host.apparmor.files.insert(file.name.clone());
    }

    fn container(&mut self, step: &ContainerStep) {
        let gone = [&step.replaces, &step.superseded, &step.discard];
        let is_gone = |id: &String| gone.iter().any(|g| g.as_ref() == Some(id));
        self.0.containers.retain(|c| !is_gone(&c.id));
        self.0.containers.push(made(&step.spec, &step.hash));
    }
}

/// A container as the engine lists it when it runs.
#[must_use]
pub fn made(spec: &ContainerSpec, hash: &str) -> ObservedContainer {
    let mut labels = spec.labels.clone();
    labels.insert(label::SPEC_HASH.to_owned(), hash.to_owned());
    labels.insert(label::SPEC_SECTIONS.to_owned(), spec.sections());
    labels.insert(label::SERVICE.to_owned(), spec.service.to_string());
    let networks = match &spec.network {
        NetworkMode::Stack { network, .. } => BTreeMap::from([(network.clone(), None)]),
        NetworkMode::Container { .. } | NetworkMode::None => BTreeMap::new(),
    };
    let ports = spec.ports.iter().map(|port| ObservedPort {
        address: port.address.into(),
        host: port.host,
        container: port.container,
        protocol: port.protocol,
    });
    ObservedContainer {
        id: format!("container-{}-{hash}", spec.name),
        name: spec.name.to_string(),
        image: spec.image.clone(),
        state: ContainerState::Running,
        status: "Up".to_owned(),
        labels,
        networks,
        ports: ports.collect(),
        mounts: None,
        limits: None,
        differs: None,
        created: 0,
    }
}
