//! The plan that has the front door get new certificates before it would by itself.

use std::path::PathBuf;

use serde::Serialize;

use super::build::Outdated;
use super::problem::PlanProblem;
use super::step::{Change, Plan, PlannedStep, Step};
use crate::catalogue::Catalogue;
use crate::config::StackConfig;
use crate::desired::Desired;
use crate::names::ServiceName;
use crate::observed::{ContainerState, Observed};
use crate::spec::{DirectorySpec, FileSpec, Reload, ReloadAction};

/// Getting new certificates for the host names of a front door, while it serves the old ones.
///
/// A front door renews only what is due, and does not look for a certificate that it has in memory. So it is lent the old
/// one as somebody else's, under which it serves on; the file of the old one goes; and it gets a new one. Then it
/// reads its own configuration again. Where no new one comes, the file is put back first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Renewal {
    /// How the front door reads its own configuration again, even where nothing changed.
    pub reload: Reload,
    /// The command that writes its own configuration, as JSON, to its standard output.
    pub adapt: Vec<String>,
    /// The command that has it read a configuration, as JSON, from its standard input.
    pub load: Vec<String>,
    /// The certificates.
    pub certificates: Vec<RenewedCertificate>,
    /// Where the old ones are kept meanwhile, on the host.
    pub kept: DirectorySpec,
    /// The same folder as the front door sees it.
    pub kept_inside: String,
    /// Absent while the front door does not run with its own configuration, so that a deploy has it read that again.
    pub done: FileSpec,
    /// Whether its configuration is on disk as wanted, which that record says then.
    pub current: bool,
    /// Seconds in which the new ones must have come.
    pub deadline_seconds: u32,
}

/// One host name's certificate, by its files on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenewedCertificate {
    /// Host name.
    pub name: String,
    /// Where the front door keeps it.
    pub folder: PathBuf,
}

impl RenewedCertificate {
    /// The certificate, its key, and what the front door notes of them: the file names' ends.
    pub const PARTS: [&'static str; 3] = ["crt", "key", "json"];

    /// The file of one part.
    pub fn file(&self, part: &str) -> PathBuf {
        self.folder.join(format!("{}.{part}", self.name))
    }
}

/// Makes the plan that renews the certificates of the front door for these host names.
///
/// # Errors
/// All reasons at once why there is none; nothing has been touched then.
pub fn renew(
    config: &StackConfig,
    catalogue: &Catalogue,
    desired: &Desired,
    observed: &Observed,
    service: &ServiceName,
    certificates: Vec<RenewedCertificate>,
) -> Result<Plan, Vec<PlanProblem>> {
    let absent = || {
        vec![PlanProblem::NotRunning {
            service: service.clone(),
        }]
    };
    let table = catalogue.get(service).and_then(|s| s.renew.as_ref());
    let wanted = desired.service(service);
    let (Some(table), Some(wanted)) = (table, wanted) else {
        return Err(absent());
    };
    let Some(reload) = &wanted.reload else {
        return Err(absent());
    };
    let running = observed.containers.iter().any(|c| {
        c.name == wanted.container.name.as_str()
            && c.belongs_to(&config.id)
            && c.state == ContainerState::Running
    });
    if !running {
        return Err(absent());
    }
    let mut forced = reload.reload.clone();
    if let ReloadAction::Exec(argv) = &mut forced.action {
        argv.extend(reload.force.iter().cloned());
    }
    let owner = reload.done.owner;
    let names: Vec<&str> = certificates.iter().map(|c| c.name.as_str()).collect();
    let step = PlannedStep {
        id: format!("renew/{service}"),
        after: Vec::new(),
        change: Change::Update,
        why: format!("gets new certificates for {}", names.join(", ")),
        risk: None,
        step: Step::Renew(Box::new(Renewal {
            reload: forced,
            adapt: table.adapt.clone(),
            load: table.load.clone(),
            certificates,
            kept: DirectorySpec {
                path: config.path("caddy/data/renewal"),
                owner,
                mode: 0o700,
            },
            kept_inside: table.kept.clone(),
            done: reload.done.clone(),
            current: Outdated::of(&wanted.files, observed).files.is_empty(),
            deadline_seconds: table.deadline_seconds,
        })),
    };
    Ok(Plan {
        stack: config.name().clone(),
        stack_id: config.id.clone(),
        base_dir: config.base_dir().to_path_buf(),
        services: vec![(service.clone(), wanted.container.name.clone())],
        steps: vec![step],
        notes: Vec::new(),
    })
}
