//! From what is wanted and what is there to steps.

mod cgroup;
mod changed;
mod container;
mod data;
mod drift;
mod files;
mod ground;
mod leftovers;
mod notes;
mod quota;
mod secrets;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::problem::PlanProblem;
use super::step::{Change, Plan, PlannedStep, Step};
use crate::config::StackConfig;
use crate::desired::Desired;
use crate::names::{ServiceName, StackId};
use crate::observed::Observed;
use crate::spec::label;

pub(super) use files::Outdated;
pub(super) use leftovers::remove;

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
        stack: config.name().as_str(),
        base_dir: config.base_dir(),
        desired,
        observed,
        steps: Vec::new(),
        problems: Vec::new(),
        remade: BTreeSet::new(),
        kept: BTreeSet::new(),
    };
    // images first: a deploy that cannot have its images has changed nothing
    builder.images();
    // before anything is written, so that it counts from its first byte
    builder.quota();
    builder.directories();
    builder.secrets();
    builder.obsolete();
    builder.ground();
    for service in &desired.services {
        builder.service(service);
    }
    builder.leftovers();
    builder.leftover_profiles();
    builder.lowered();
    builder.proofs();
    builder.after_quota();
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
        notes: notes::notes(config, desired, observed),
    })
}

/// Step names, in one place.
mod id {
    use crate::names::ServiceName;

    pub(super) const DIRECTORIES: &str = "directories";
    pub(super) const SECRETS: &str = "secrets";
    pub(super) const NETWORK: &str = "network";
    pub(super) const FIREWALL: &str = "firewall";
    pub(super) const QUOTA: &str = "quota";
    pub(super) const CGROUP: &str = "cgroup";
    pub(super) const CGROUP_LOWERED: &str = "cgroup-lowered";
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
    stack: &'a str,
    base_dir: &'a Path,
    desired: &'a Desired,
    observed: &'a Observed,
    steps: Vec<PlannedStep>,
    problems: Vec<PlanProblem>,
    /// Services whose container is made anew: those that share its network namespace must be too.
    remade: BTreeSet<ServiceName>,
    /// Containers by id that a step takes care of under another name than the wanted one.
    kept: BTreeSet<String>,
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
}

fn refs(ids: &[String]) -> Vec<&str> {
    ids.iter().map(String::as_str).collect()
}

pub(super) fn holder(labels: &BTreeMap<String, String>) -> String {
    match (labels.get(label::STACK), labels.get(label::BASE_DIR)) {
        (Some(stack), Some(base)) => format!("stack `{stack}` in `{base}`"),
        _ => "an object that aiplat did not make".to_owned(),
    }
}

/// The kernel keeps limits in whole pages.
fn same_pages(a: Option<u64>, b: Option<u64>) -> bool {
    a.map(|bytes| bytes / 4096) == b.map(|bytes| bytes / 4096)
}
