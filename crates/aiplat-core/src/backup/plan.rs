//! The plan of a backup: pure, shown before it is carried out.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Serialize;

use super::Method;
use crate::catalogue::{Catalogue, MountKind, Service};
use crate::config::StackConfig;
use crate::names::{ContainerName, ServiceName};
use crate::observed::{ContainerState, Observed};

/// What is seen of the stack's own directories.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// Names of the directories in `data/`.
    pub data: BTreeSet<String>,
    /// Bytes below each directory that may be copied, by its path below `BASE_DIR`.
    pub bytes: BTreeMap<PathBuf, u64>,
}

/// What a backup will do, in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackupPlan {
    /// Containers of the stack that an interrupted run left paused: they go on before anything else.
    pub thaw: Vec<ContainerName>,
    /// Each service that keeps data, and what lies there of services that are gone.
    pub services: Vec<ServiceBackup>,
    /// Data that is left out, with the reason.
    pub left_out: BTreeMap<String, String>,
    /// Files and directories of the stack itself, below `BASE_DIR`.
    pub files: Vec<PathBuf>,
}

/// How one service's data is copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceBackup {
    /// The service, or the name of the directory in `data/` of one that is gone.
    pub service: String,
    /// By what means.
    pub method: Method,
    /// Its directories below `BASE_DIR`.
    pub directories: Vec<PathBuf>,
    /// Containers that are paused together, all of which write there; those of the stack that run.
    pub pause: Vec<Frozen>,
    /// Bytes in its directories now, as far as known: what the copy needs at most.
    pub bytes: u64,
    /// Why its data goes back into the same stack only.
    pub bound: Option<String>,
}

/// A container that is paused for a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frozen {
    /// The service.
    pub service: ServiceName,
    /// Its container.
    pub container: ContainerName,
}

/// Why a stack cannot be backed up as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BackupProblem {
    /// A store that gives its data out itself does not run.
    #[error(
        "`{service}` is {state}: expected it to run, since it gives its data out itself; `aiplat deploy` starts it"
    )]
    NotRunning {
        /// The service.
        service: ServiceName,
        /// What it is.
        state: &'static str,
    },
    /// A name that was asked for is no service of the stack.
    #[error("`--with {name}`: expected a service of this stack that keeps data")]
    Unknown {
        /// The name.
        name: String,
    },
}

/// What is always in a backup beside the services' data, below `BASE_DIR`. The identity, the lock and the journal are the
/// stack's own and stay with it; everything else in `config/` is rendered again.
const OWN: [&str; 4] = ["config/.env", "config/secrets", "config/services", "ssl"];

/// Decides what is backed up. `with` names services whose data would be left out otherwise.
///
/// # Errors
/// All problems at once.
pub fn plan(
    config: &StackConfig,
    catalogue: &Catalogue,
    observed: &Observed,
    seen: &Seen,
    with: &BTreeSet<String>,
) -> Result<BackupPlan, Vec<BackupProblem>> {
    let planner = Planner {
        config,
        catalogue,
        observed,
        seen,
    };
    let mut problems = Vec::new();
    let mut services = Vec::new();
    let mut left_out = BTreeMap::new();
    let mut asked = with.clone();
    for service in planner.selected() {
        let Some(mut item) = planner.item(service) else {
            continue;
        };
        asked.remove(service.name.as_str());
        let none = service.backup.as_ref().and_then(|b| b.none.as_ref());
        if let Some(reason) = none.filter(|_| !with.contains(service.name.as_str())) {
            left_out.insert(service.name.to_string(), reason.clone());
            continue;
        }
        if item.method.by_the_store() {
            match planner.state(&service.name) {
                // thawed before it is asked
                Some(ContainerState::Running | ContainerState::Paused) => item.pause.clear(),
                other => problems.push(BackupProblem::NotRunning {
                    service: service.name.clone(),
                    state: if other.is_some() {
                        "stopped"
                    } else {
                        "not there"
                    },
                }),
            }
        }
        services.push(item);
    }
    for name in planner.orphans() {
        asked.remove(&name);
        let directory = PathBuf::from("data").join(&name);
        services.push(ServiceBackup {
            bytes: seen.bytes.get(&directory).copied().unwrap_or(0),
            service: name,
            method: Method::Files,
            directories: vec![directory],
            pause: Vec::new(),
            bound: None,
        });
    }
    problems.extend(
        asked
            .into_iter()
            .map(|name| BackupProblem::Unknown { name }),
    );
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut files: Vec<PathBuf> = OWN.iter().map(PathBuf::from).collect();
    files.extend(
        planner
            .selected()
            .filter(|s| !s.setup.is_empty())
            .map(|s| PathBuf::from("config").join(s.name.as_str()).join(".setup")),
    );
    Ok(BackupPlan {
        thaw: planner.thaw(),
        services,
        left_out,
        files,
    })
}

struct Planner<'a> {
    config: &'a StackConfig,
    catalogue: &'a Catalogue,
    observed: &'a Observed,
    seen: &'a Seen,
}

impl<'a> Planner<'a> {
    fn selected(&self) -> impl Iterator<Item = &'a Service> {
        self.config
            .selection
            .services()
            .iter()
            .filter_map(|name| self.catalogue.get(name))
    }

    fn state(&self, service: &ServiceName) -> Option<ContainerState> {
        let name = self.config.container(service);
        self.observed
            .containers
            .iter()
            .find(|c| c.name == name.as_str() && c.belongs_to(&self.config.id))
            .map(|c| c.state)
    }

    /// The directory below `BASE_DIR` that holds a service's data; none for what keeps nothing of its own.
    fn directory(service: &Service) -> Option<PathBuf> {
        let own = |kind| {
            service
                .mounts
                .iter()
                .any(|m| m.kind == kind && m.of.is_none() && !m.read_only)
        };
        if own(MountKind::Data) {
            Some(PathBuf::from("data").join(service.name.as_str()))
        } else {
            own(MountKind::Caddy).then(|| PathBuf::from("caddy"))
        }
    }

    fn item(&self, service: &Service) -> Option<ServiceBackup> {
        let directory = Self::directory(service)?;
        let table = service.backup.as_ref();
        let pause = self.writers(service);
        let method = match table.and_then(|b| b.method).unwrap_or(Method::Freeze) {
            Method::Freeze if pause.is_empty() => Method::Files,
            other => other,
        };
        Some(ServiceBackup {
            service: service.name.to_string(),
            method,
            bytes: self.seen.bytes.get(&directory).copied().unwrap_or(0),
            directories: vec![directory],
            pause,
            bound: table.and_then(|b| b.bound.clone()),
        })
    }

    /// Running containers of the stack that write into a service's directory.
    fn writers(&self, owner: &Service) -> Vec<Frozen> {
        self.selected()
            .filter(|s| {
                s.mounts.iter().any(|m| {
                    let of = m.of.as_ref().unwrap_or(&s.name);
                    *of == owner.name
                        && !m.read_only
                        && matches!(m.kind, MountKind::Data | MountKind::Caddy)
                })
            })
            .filter(|s| {
                matches!(
                    self.state(&s.name),
                    Some(
                        ContainerState::Running
                            | ContainerState::Paused
                            | ContainerState::Restarting
                    )
                )
            })
            .map(|s| Frozen {
                service: s.name.clone(),
                container: self.config.container(&s.name),
            })
            .collect()
    }

    /// Directories in `data/` that no selected service has: what a removed service left is not lost by a restore.
    fn orphans(&self) -> Vec<String> {
        let known: BTreeSet<&str> = self
            .selected()
            .flat_map(|s| {
                std::iter::once(s.name.as_str()).chain(
                    s.mounts
                        .iter()
                        .filter_map(|m| m.of.as_ref().map(ServiceName::as_str)),
                )
            })
            .collect();
        self.seen
            .data
            .iter()
            .filter(|name| !known.contains(name.as_str()))
            .cloned()
            .collect()
    }

    fn thaw(&self) -> Vec<ContainerName> {
        self.observed
            .containers
            .iter()
            .filter(|c| c.belongs_to(&self.config.id) && c.state == ContainerState::Paused)
            .filter_map(|c| c.name.parse().ok())
            .collect()
    }
}
