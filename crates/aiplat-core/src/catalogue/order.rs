//! The order in which services start.

use std::collections::BTreeMap;

use aiplat_vectordb::Wiring;
use petgraph::algo::toposort;
use petgraph::graph::DiGraph;

use super::{Catalogue, Service};
use crate::names::ServiceName;

/// Services that this one must come after: what it needs, wants, or shares a network namespace with.
pub(crate) fn predecessors(service: &Service) -> impl Iterator<Item = &ServiceName> {
    service
        .needs
        .iter()
        .chain(&service.wants)
        .chain(&service.run.network_of)
}

impl Service {
    /// Whether it cannot be without another one: it names it, it works in its directories, it is wired to it, or both
    /// are parts of one bundle.
    pub fn depends_on(&self, other: &Self) -> bool {
        let shared = self.mounts.iter().filter_map(|mount| mount.of.as_ref());
        let mut named = self.needs.iter().chain(&self.run.network_of).chain(shared);
        let wired = other
            .vector_store
            .is_some_and(|store| matches!(self.vector.get(store), Wiring::Env { .. }));
        let bundled = self.bundle.is_some() && self.bundle == other.bundle;
        wired || bundled || named.any(|name| *name == other.name)
    }
}

/// The selected services, each after those it needs or wants; by tier and name where that leaves a choice.
///
/// # Errors
/// A service that is part of a circle.
pub(crate) fn sorted(
    catalogue: &Catalogue,
    selected: impl Fn(&Service) -> bool,
) -> Result<Vec<&Service>, ServiceName> {
    let mut services: Vec<_> = catalogue.services().filter(|s| selected(s)).collect();
    // a topological sort visits the last added roots first
    services.sort_by(|a, b| (b.tier, &b.name).cmp(&(a.tier, &a.name)));
    let mut graph = DiGraph::<&Service, ()>::new();
    let nodes: BTreeMap<_, _> = services
        .into_iter()
        .map(|s| (s.name.clone(), graph.add_node(s)))
        .collect();
    for node in graph.node_indices() {
        for before in predecessors(graph[node]) {
            if let Some(before) = nodes.get(before) {
                graph.update_edge(*before, node, ());
            }
        }
    }
    let order = toposort(&graph, None).map_err(|cycle| graph[cycle.node_id()].name.clone())?;
    let mut order: Vec<_> = order.into_iter().map(|node| graph[node]).collect();
    stable_by_tier(&mut order);
    Ok(order)
}

/// Moves each service as far forward as its tier allows without passing one it comes after.
fn stable_by_tier(order: &mut Vec<&Service>) {
    let mut done: Vec<&Service> = Vec::with_capacity(order.len());
    while !order.is_empty() {
        let ready = |s: &Service, rest: &[&Service]| {
            predecessors(s).all(|before| rest.iter().all(|r| r.name != *before))
        };
        let next = (0..order.len())
            .filter(|i| ready(order[*i], order))
            .min_by_key(|i| (order[*i].tier, &order[*i].name))
            .unwrap_or(0);
        done.push(order.remove(next));
    }
    *order = done;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_service_cannot_be_without_is_known() {
        let catalogue = Catalogue::built_in().unwrap();
        let get = |name: &str| catalogue.get(&name.parse().unwrap()).unwrap();
        assert!(get("litellm").depends_on(get("redis")), "it says so");
        assert!(
            get("openwebui").depends_on(get("qdrant")),
            "it is wired to it"
        );
        assert!(
            get("dify-api").depends_on(get("dify-web")),
            "parts of one bundle"
        );
        let mut shares = get("n8n").clone();
        assert!(!shares.depends_on(get("grafana")));
        shares.mounts[0].of = Some("grafana".parse().unwrap());
        assert!(
            shares.depends_on(get("grafana")),
            "it works in its directory"
        );
        assert!(!get("redis").depends_on(get("litellm")));
        assert!(!get("caddy").depends_on(get("n8n")));
    }
}
