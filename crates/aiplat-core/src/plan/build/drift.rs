//! What was changed by hand on a container whose label still says what it was made from.

use std::collections::BTreeSet;

use super::same_pages;
use crate::observed::{CgroupFacts, ContainerState, ObservedContainer, ObservedPort};
use crate::spec::{Bind, ContainerSpec, Limits, NetworkMode, PublishedPort};

/// Everything that is not as the specification says, in words; what was not looked at counts as it should be.
pub(super) fn drift(container: &ObservedContainer, spec: &ContainerSpec) -> Vec<String> {
    let mut found = Vec::new();
    if !attached(container, spec) {
        let names: Vec<_> = container.networks.keys().map(String::as_str).collect();
        found.push(if names.is_empty() {
            "is attached to no network".to_owned()
        } else {
            format!(
                "is attached to other networks than its own: {}",
                names.join(", ")
            )
        });
    }
    let mut changed: BTreeSet<String> = container.differs.iter().flatten().cloned().collect();
    let wanted: BTreeSet<Bind> = spec.binds.iter().cloned().collect();
    if container.mounts.as_ref().is_some_and(|m| *m != wanted) {
        changed.insert("mounts".to_owned());
    }
    if container.state == ContainerState::Running && !ports(&container.ports, &spec.ports) {
        changed.insert("ports".to_owned());
    }
    if let Some(limits) = &container.limits {
        changed.extend(limited(limits, &spec.limits).map(str::to_owned));
    }
    if !changed.is_empty() {
        let all: Vec<_> = changed.into_iter().collect();
        found.push(format!("was changed by hand: {}", all.join(", ")));
    }
    found
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

/// Whether a running container holds its ports and no others.
fn ports(found: &[ObservedPort], wanted: &[PublishedPort]) -> bool {
    let is = |w: &PublishedPort, f: &ObservedPort| {
        let here = w.address.is_unspecified() || f.address == w.address;
        here && (w.host, w.container, w.protocol) == (f.host, f.container, f.protocol)
    };
    wanted.iter().all(|w| found.iter().any(|f| is(w, f)))
        && found.iter().all(|f| wanted.iter().any(|w| is(w, f)))
}

fn limited(found: &CgroupFacts, wanted: &Limits) -> impl Iterator<Item = &'static str> {
    let differ = [
        (
            "memory limit",
            !same_pages(found.memory_bytes, wanted.memory_bytes),
        ),
        ("processor limit", found.milli_cpus != wanted.milli_cpus),
        ("process limit", found.pids != Some(wanted.pids)),
    ];
    differ
        .into_iter()
        .filter(|(_, is)| *is)
        .map(|(what, _)| what)
}
