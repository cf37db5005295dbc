//! What is wanted of the host and the engine for one stack, complete, whatever is there now.

mod container;
mod data;
mod files;
mod host;
mod limits;
mod probes;
mod profile;
mod secrets;
mod sign_in;
mod withdraw;

use std::collections::BTreeSet;
use std::path::PathBuf;

use aiplat_apparmor::InForce;

use crate::catalogue::{Catalogue, Service, order};
use crate::config::StackConfig;
use crate::names::ServiceName;
use crate::observed::{EngineFacts, ObservedContainer};
use crate::render::{RenderError, Renderer};
use crate::spec::{
    CgroupSpec, ContainerSpec, DataCopy, DirectorySpec, FileSpec, FirewallSpec, Gate, ImageGuard,
    NetworkSpec, OwnDatabases, Owner, ProfileFile, Provision, QuotaSpec, Reload, RunOnce,
    SecretAct, SignIn, label,
};

pub use withdraw::{Deposit, deposits};
pub(crate) use withdraw::{own_databases, own_vectors};

/// Where the host's boot loads profiles from.
pub const APPARMOR_SYSTEM_DIR: &str = "/etc/apparmor.d";

/// The whole target state of a stack.
#[derive(Debug, Clone)]
pub struct Desired {
    /// Directories, parents first.
    pub directories: Vec<DirectorySpec>,
    /// Files of secrets, and the stack's identity.
    pub files: Vec<FileSpec>,
    /// Network.
    pub network: NetworkSpec,
    /// Rules that close the host to the network.
    pub firewall: FirewallSpec,
    /// Parent cgroup, when the stack has limits of its own.
    pub cgroup: Option<CgroupSpec>,
    /// Project and limit of the stack's directory.
    pub quota: QuotaSpec,
    /// `AppArmor` on this host.
    pub apparmor: InForce,
    /// Profiles, none where none is in force.
    pub profiles: Vec<ProfileFile>,
    /// Services, each after those it needs.
    pub services: Vec<DesiredService>,
    /// What has to be done inside services about secrets that are on their way to another value.
    pub acts: Vec<SecretAct>,
    /// Whether any secret is on its way: then what is made inside services for others is made again.
    pub in_flight: bool,
    /// Files of secrets' other values that hold no more.
    pub obsolete: Vec<PathBuf>,
    /// Services whose data is copied before a container with another image is started on it.
    pub copied: BTreeSet<ServiceName>,
}

/// The target state of one service.
#[derive(Debug, Clone)]
pub struct DesiredService {
    /// Name.
    pub name: ServiceName,
    /// Services that must be healthy first.
    pub after: Vec<ServiceName>,
    /// Its configuration files, passwd line included.
    pub files: Vec<FileSpec>,
    /// The marker of its data's format, beside its data.
    pub format: Option<FileSpec>,
    /// The directories that it keeps its data in.
    pub data: Vec<PathBuf>,
    /// What it keeps in the stack's `PostgreSQL` besides vectors.
    pub databases: Option<OwnDatabases>,
    /// What must hold of its image.
    pub guard: ImageGuard,
    /// Its container.
    pub container: ContainerSpec,
    /// Proof of health.
    pub gate: Gate,
    /// What must exist in other services before it starts, with the service each is made in.
    pub provisions: Vec<(ServiceName, Provision)>,
    /// Requests sent to it once after it became healthy.
    pub setup: Option<Setup>,
    /// Check of its configuration before it is used: staged files, then a container that reads them.
    pub check: Option<Check>,
    /// How it takes new configuration while it runs.
    pub reload: Option<ReloadPlan>,
    /// How it is signed in again, where it is a node of somewhere.
    pub sign_in: Option<SignIn>,
}

/// A check of configuration.
#[derive(Debug, Clone)]
pub struct Check {
    /// Directories of the staged copy.
    pub directories: Vec<DirectorySpec>,
    /// The configuration, beside the place where it will be used.
    pub staged: Vec<FileSpec>,
    /// The container that reads it.
    pub run: RunOnce,
}

/// Requests sent once, and the file that records that they were.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The requests.
    pub provision: Provision,
    /// Written when they succeeded; its content tells one set of requests from another.
    pub done: FileSpec,
}

/// A reload, and the file that records which configuration the running service has.
#[derive(Debug, Clone)]
pub struct ReloadPlan {
    /// The act.
    pub reload: Reload,
    /// Arguments with which a command reads again what did not change.
    pub force: Vec<String>,
    /// Written when it succeeded.
    pub done: FileSpec,
}

/// Everything wrong with what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DesiredProblem {
    /// A template of a service file.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// `APPARMOR=require` on a host that cannot.
    #[error(
        "`APPARMOR`: {0}; use a kernel and an engine with AppArmor, or set `auto` to run without"
    )]
    AppArmor(#[from] aiplat_apparmor::Required),
    /// A profile's name or a path in it.
    #[error("service `{service}`: no AppArmor profile can be made: {what}")]
    Profile {
        /// The service.
        service: ServiceName,
        /// Why.
        what: String,
    },
}

/// Makes the target state of a stack for an engine.
///
/// # Errors
/// All problems of all services at once.
pub fn desired(
    config: &StackConfig,
    catalogue: &Catalogue,
    engine: &EngineFacts,
) -> Result<Desired, Vec<DesiredProblem>> {
    let apparmor = config
        .apparmor(engine.apparmor)
        .map_err(|e| vec![e.into()])?;
    let services: Vec<&Service> = config
        .selection
        .services()
        .iter()
        .filter_map(|name| catalogue.get(name))
        .collect();
    let context = Context {
        config,
        catalogue,
        engine,
        enforced: apparmor == InForce::Enforced,
        renderer: Renderer::new(config, catalogue),
    };
    let mut problems = Vec::new();
    let mut wanted = Vec::new();
    let mut profiles = Vec::new();
    for service in &services {
        match context.service(service) {
            Ok(service) => wanted.push(service),
            Err(found) => problems.extend(found),
        }
        if context.enforced {
            match profile::file(&context, service) {
                Ok(file) => profiles.push(file),
                Err(problem) => problems.push(problem),
            }
        }
    }
    let acts = secrets::acts(&context, &services).unwrap_or_else(|found| {
        problems.extend(found.into_iter().map(DesiredProblem::from));
        Vec::new()
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(Desired {
        directories: host::directories(config, &services, catalogue),
        files: host::files(config, catalogue),
        network: host::network(config),
        firewall: host::firewall(config),
        cgroup: host::cgroup(config, engine),
        quota: host::quota(config),
        apparmor,
        profiles,
        services: wanted,
        acts,
        in_flight: config.secrets.in_flight().next().is_some(),
        obsolete: config
            .secrets
            .obsolete()
            .map(|(name, stage)| host::companion(config, name, stage))
            .collect(),
        copied: BTreeSet::new(),
    })
}

/// What all parts of a service's target state are made from.
struct Context<'a> {
    config: &'a StackConfig,
    catalogue: &'a Catalogue,
    engine: &'a EngineFacts,
    enforced: bool,
    renderer: Renderer<'a>,
}

impl Context<'_> {
    fn owner(&self, service: &Service) -> Owner {
        self.config.owner(service.run.identity)
    }

    /// The graphics processors that a service sees: all of the stack's, where it computes on any.
    fn gpus(&self, service: &Service) -> Vec<u32> {
        let all = self.config.allocation.gpus.iter();
        all.copied().filter(|_| service.run.gpu).collect()
    }

    fn config_dir(&self, service: &Service) -> PathBuf {
        self.config.path("config").join(service.name.as_str())
    }

    fn service(&self, service: &Service) -> Result<DesiredService, Vec<DesiredProblem>> {
        let mut problems: Vec<DesiredProblem> = Vec::new();
        let rendered = files::rendered(self, service)
            .map_err(|found| problems.extend(found.into_iter().map(DesiredProblem::from)))
            .unwrap_or_default();
        let fingerprint = files::fingerprint(&rendered);
        let reloads = service.reload.is_some();
        let read = (!reloads && !rendered.is_empty()).then(|| fingerprint.clone());
        let mounted = secrets::mounted_fingerprint(self, service);
        let marks: Vec<_> = read.into_iter().chain(mounted).collect();
        let config_fingerprint = (!marks.is_empty()).then(|| marks.concat());
        let container = container::spec(self, service, config_fingerprint);
        let probes = probes::of(self, service);
        let sign_in = probes
            .as_ref()
            .ok()
            .map(|probes| sign_in::of(self, service, &probes.gate));
        let sign_in = sign_in.transpose().unwrap_or_else(|problem| {
            problems.push(problem.into());
            None
        });
        match (container, probes) {
            (Ok(container), Ok(probes)) if problems.is_empty() => {
                let mut files = rendered.clone();
                files.extend(files::identity(self, service));
                Ok(DesiredService {
                    name: service.name.clone(),
                    after: self.after(service),
                    format: files::format_marker(self, service),
                    data: data::directories(self, service),
                    databases: self.kept_in_postgres(service),
                    guard: data::guard(self, service, &container),
                    check: files::check(self, service, &rendered, &container),
                    reload: files::reload(self, service, &fingerprint, &probes.gate),
                    files,
                    container,
                    gate: probes.gate,
                    provisions: probes.provisions,
                    setup: probes.setup,
                    sign_in: sign_in.flatten(),
                })
            }
            (container, probes) => {
                problems.extend(
                    container
                        .err()
                        .into_iter()
                        .flatten()
                        .map(DesiredProblem::from),
                );
                problems.extend(probes.err().into_iter().flatten().map(DesiredProblem::from));
                Err(problems)
            }
        }
    }

    /// The selected services that come before this one: what it names, the store it is wired to, and the service in
    /// which something is made for it.
    fn after(&self, service: &Service) -> Vec<ServiceName> {
        let store = self
            .config
            .vector(service)
            .and_then(|v| v.kind.spec().service.parse::<ServiceName>().ok());
        let mut after: Vec<_> = order::predecessors(service)
            .chain(store.iter())
            .filter(|name| **name != service.name && self.config.selection.has(name))
            .cloned()
            .collect();
        after.sort();
        after.dedup();
        after
    }
}

impl Desired {
    /// Every path whose state the planner must know.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths: Vec<PathBuf> = self.directories.iter().map(|d| d.path.clone()).collect();
        paths.extend(self.files.iter().map(|f| f.path.clone()));
        paths.extend(
            self.profiles
                .iter()
                .flat_map(|p| [p.source.clone(), p.system.clone()]),
        );
        for service in &self.services {
            paths.extend(
                service
                    .files
                    .iter()
                    .chain(&service.format)
                    .map(|f| f.path.clone()),
            );
            paths.extend(service.setup.iter().map(|s| s.done.path.clone()));
            paths.extend(service.reload.iter().map(|r| r.done.path.clone()));
            if let Some(check) = &service.check {
                paths.extend(check.directories.iter().map(|d| d.path.clone()));
                paths.extend(check.staged.iter().map(|f| f.path.clone()));
            }
        }
        paths
    }

    /// Where copies of data would be that stand for the stack's containers: the planner must know of these, too.
    pub fn copies(&self, config: &StackConfig, containers: &[ObservedContainer]) -> Vec<PathBuf> {
        let own = containers.iter().filter(|c| c.belongs_to(&config.id));
        let copies = own.filter_map(|container| {
            let name = container.label(label::SERVICE)?.parse().ok()?;
            let data = self.service(&name)?.data.clone();
            let copy = DataCopy::of_container(config.base_dir(), &name, &container.id, data);
            Some([copy.partial(), copy.at])
        });
        copies.flatten().collect()
    }

    /// The service of this name.
    pub fn service(&self, name: &ServiceName) -> Option<&DesiredService> {
        self.services.iter().find(|s| s.name == *name)
    }
}
