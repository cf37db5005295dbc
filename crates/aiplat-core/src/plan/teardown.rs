//! The plan that removes exactly one stack, and nothing that does not carry its identity.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aiplat_apparmor::ProfileName;

use super::build::remove;
use super::step::{Change, Plan, PlannedStep, Step};
use crate::catalogue::{Catalogue, order};
use crate::desired::APPARMOR_SYSTEM_DIR;
use crate::names::{ServiceName, StackId, StackName};
use crate::observed::{Observed, ObservedContainer};
use crate::spec::{FIREWALL_CHAIN, FirewallSpec, ProfileFile, QuotaSpec, label};

/// What a purge takes away besides the containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purge {
    /// The stack's directories that exist, all directly below its `BASE_DIR`.
    pub directories: Vec<PathBuf>,
}

/// Makes the plan that removes a stack. Data stays unless `purge` names it.
pub fn teardown(
    stack: &StackName,
    id: &StackId,
    base_dir: &Path,
    apparmor_dir: &Path,
    catalogue: &Catalogue,
    observed: &Observed,
    purge: Option<&Purge>,
) -> Plan {
    let mut steps: Vec<PlannedStep> = Vec::new();
    let containers: Vec<_> = observed
        .containers
        .iter()
        .filter(|c| c.belongs_to(id))
        .collect();
    // what needs others goes before them
    let dependants = dependants(catalogue, &containers);
    for container in &containers {
        let own = container.label(label::SERVICE).unwrap_or_default();
        let after = dependants
            .get(own)
            .into_iter()
            .flatten()
            .flat_map(|service| {
                containers
                    .iter()
                    .filter(move |c| c.label(label::SERVICE) == Some(service.as_str()))
            })
            .filter(|c| c.id != container.id)
            .map(|c| format!("remove/{}", c.name))
            .collect();
        steps.push(step(
            &format!("remove/{}", container.name),
            after,
            remove(container),
        ));
    }
    steps.sort_by_key(|s| depth(s, &containers, &dependants));
    let all: Vec<String> = steps.iter().map(|s| s.id.clone()).collect();
    let mut last = all.clone();
    for network in observed.networks.iter().filter(|n| {
        n.labels
            .get(label::STACK_ID)
            .is_some_and(|i| i == id.as_str())
    }) {
        let act = Step::RemoveNetwork {
            id: network.id.clone(),
            name: network.name.clone(),
        };
        let id = format!("network/{}", network.name);
        steps.push(step(&id, all.clone(), act));
        last.push(id);
    }
    let bridge = id.bridge();
    if observed.host.firewall.named.contains(&bridge) {
        let act = Step::RemoveFirewall(FirewallSpec {
            bridge,
            chain: FIREWALL_CHAIN.to_owned(),
        });
        steps.push(step("firewall", last.clone(), act));
    }
    let prefix = ProfileName::stack_prefix(stack.as_str());
    // one that somebody took out of the kernel would be back after the next boot
    let apparmor = &observed.host.apparmor;
    let names: BTreeSet<&String> = apparmor.loaded.keys().chain(&apparmor.files).collect();
    let files: Vec<_> = names
        .into_iter()
        .filter(|name| name.starts_with(&prefix))
        .map(|name| ProfileFile {
            name: name.clone(),
            text: String::new(),
            source: apparmor_dir.join(name),
            system: Path::new(APPARMOR_SYSTEM_DIR).join(name),
        })
        .collect();
    if !files.is_empty() {
        steps.push(step(
            "profiles",
            all.clone(),
            Step::RemoveProfiles { files },
        ));
    }
    if observed.host.cgroup.is_some() {
        let parent = id.cgroup_parent(&observed.engine.cgroup_driver);
        steps.push(step("cgroup", all, Step::RemoveCgroup { parent }));
    }
    for path in purge.iter().flat_map(|p| &p.directories) {
        let act = Step::PurgeDirectory {
            path: path.clone(),
            base_dir: base_dir.to_path_buf(),
        };
        let name = path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        let mut purge = step(&format!("purge/{name}"), ids(&steps, "purge/"), act);
        purge.risk = Some(format!("everything below `{}` is lost", path.display()));
        steps.push(purge);
    }
    // kept with the data that it holds
    let limited = observed.host.quota.as_ref().and_then(|q| q.project);
    if let (Some(project), true) = (limited, purge.is_some()) {
        let act = Step::RemoveQuota(QuotaSpec {
            base_dir: base_dir.to_path_buf(),
            project,
            bytes: None,
        });
        let purged = ids(&steps, "");
        steps.push(step("quota", purged, act));
    }
    // Only with its data: files of this stack's user must not fall to a stack that gets the same number. Given back
    // last, because until then nobody else may take the ports.
    if purge.is_some() {
        let everything = ids(&steps, "");
        steps.push(step("release", everything, Step::Release));
    }
    Plan {
        stack: stack.clone(),
        stack_id: id.clone(),
        base_dir: base_dir.to_path_buf(),
        services: Vec::new(),
        steps,
        notes: if purge.is_none() {
            vec![format!(
                "data, configuration and secrets stay in `{}`, and its users, ports and subnet stay reserved",
                base_dir.display()
            )]
        } else {
            Vec::new()
        },
    }
}

fn step(id: &str, after: Vec<String>, act: Step) -> PlannedStep {
    PlannedStep {
        id: id.to_owned(),
        after,
        change: Change::Remove,
        why: "the stack is torn down".to_owned(),
        risk: None,
        step: act,
    }
}

fn ids(steps: &[PlannedStep], without: &str) -> Vec<String> {
    let keep = |id: &str| without.is_empty() || !id.starts_with(without);
    steps
        .iter()
        .map(|s| s.id.clone())
        .filter(|id| keep(id))
        .collect()
}

type Dependants = BTreeMap<String, BTreeSet<ServiceName>>;

/// For each service the present ones that come after it.
fn dependants(catalogue: &Catalogue, containers: &[&ObservedContainer]) -> Dependants {
    let mut all = Dependants::new();
    for name in containers.iter().filter_map(|c| c.label(label::SERVICE)) {
        let Some(service) = name.parse().ok().and_then(|n| catalogue.get(&n)) else {
            continue;
        };
        for before in order::predecessors(service) {
            all.entry(before.to_string())
                .or_default()
                .insert(service.name.clone());
        }
    }
    all
}

/// The longest chain of services that must go before this step's container.
fn depth(step: &PlannedStep, containers: &[&ObservedContainer], dependants: &Dependants) -> usize {
    fn of(service: &str, dependants: &Dependants, limit: usize) -> usize {
        let next = dependants.get(service).into_iter().flatten();
        if limit == 0 {
            return 0;
        }
        next.map(|s| 1 + of(s.as_str(), dependants, limit - 1))
            .max()
            .unwrap_or(0)
    }
    let name = step.id.trim_start_matches("remove/");
    let container = containers.iter().find(|c| c.name == name);
    container
        .and_then(|c| c.label(label::SERVICE))
        .map_or(0, |s| of(s, dependants, 64))
}
