//! What is there, asked in few calls: five of the engine at the same time, and the host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use aiplat_core::observed::{HostFacts, Observed, ObservedNetwork};
use futures_util::future::try_join4;

use crate::blocking::blocking;
use crate::engine::{Engine, EngineError};
use crate::host::{Host, HostError, HostQuestion};

/// What is asked beside the engine's own objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObserveQuestion {
    /// The stack's `BASE_DIR`; it need not exist.
    pub base_dir: PathBuf,
    /// The stack's parent cgroup as the engine is given it, when it has or had one.
    pub cgroup_parent: Option<String>,
    /// Paths whose state is wanted.
    pub paths: Vec<PathBuf>,
}

/// What could not be seen.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The engine did not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The host did not answer.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// Everything the planner may know, as it is at this moment.
///
/// # Errors
/// [`ObserveError`] with the first thing that could not be seen.
pub async fn observe<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    question: &ObserveQuestion,
) -> Result<Observed, ObserveError> {
    let (mut facts, containers, networks, images) = try_join4(
        engine.facts(),
        engine.containers(),
        engine.networks(),
        engine.images(),
    )
    .await?;
    let asked = HostQuestion {
        base_dir: question.base_dir.clone(),
        engine_root: Some(facts.root_dir.clone()),
    };
    let (host_facts, paths) = blocking(|| -> Result<_, HostError> {
        let mut paths = BTreeMap::new();
        for path in &question.paths {
            paths.insert(path.clone(), host.path_state(path)?);
        }
        let mut facts = host.facts(&asked)?;
        if let Some(parent) = &question.cgroup_parent {
            facts.cgroup = host.cgroup(parent)?;
        }
        Ok((facts, paths))
    })?;
    facts.reachable = facts.reachable && on_this_host(&networks, &host_facts);
    Ok(Observed {
        engine: facts,
        containers,
        networks,
        images,
        host: host_facts,
        paths,
        versions: BTreeMap::new(),
        stopping: BTreeSet::new(),
    })
}

/// Whether the engine's bridges are bridges of this host: an engine in a network namespace or machine of its own shows
/// networks on which this host has no address. An engine without any tells nothing, and counts as ours.
fn on_this_host(networks: &[ObservedNetwork], host: &HostFacts) -> bool {
    let mut bridges = networks
        .iter()
        .filter(|n| n.driver == "bridge" && !n.subnets.is_empty())
        .peekable();
    if bridges.peek().is_none() || host.addresses.is_empty() {
        return true;
    }
    bridges.any(|network| {
        network.subnets.iter().any(|subnet| {
            host.addresses
                .iter()
                .any(|own| subnet.contains(&own.addr()))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(subnet: &str) -> ObservedNetwork {
        ObservedNetwork {
            id: "1".into(),
            name: "bridge".into(),
            driver: "bridge".into(),
            subnets: vec![subnet.parse().unwrap()],
            labels: BTreeMap::new(),
        }
    }

    fn host(address: &str) -> HostFacts {
        HostFacts {
            addresses: [address.parse().unwrap()].into(),
            ..HostFacts::default()
        }
    }

    #[test]
    fn an_engine_whose_bridges_are_elsewhere_is_not_reachable() {
        assert!(on_this_host(
            &[network("172.17.0.0/16")],
            &host("172.17.0.1/16")
        ));
        assert!(!on_this_host(
            &[network("172.17.0.0/16")],
            &host("10.0.0.1/24")
        ));
        assert!(on_this_host(&[], &host("10.0.0.1/24")));
    }
}
