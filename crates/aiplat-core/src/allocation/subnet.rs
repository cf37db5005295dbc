//! Subnets: small, explicit and ours, so that the engine's own pools (which end at 30 networks) are never used.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use sha2::{Digest, Sha256};

use super::{AllocationProblem, Request, Reservation, Wanted};
use crate::names::StackId;
use crate::observed::Observed;
use crate::spec::label;

/// Where subnets are taken from, in this order, when none is given: 2304 in all.
pub const POOLS: [(Ipv4Addr, u8); 3] = [
    (Ipv4Addr::new(10, 213, 0, 0), 16),
    (Ipv4Addr::new(172, 29, 0, 0), 16),
    (Ipv4Addr::new(192, 168, 192, 0), 18),
];

/// Length of a stack's subnet: 62 addresses, for some 25 containers and short-lived ones.
pub const SUBNET_PREFIX: u8 = 26;

pub(super) fn allocate(
    request: &Request,
    observed: &Observed,
    others: &[&Reservation],
) -> Result<Ipv4Net, AllocationProblem> {
    let used = used(&request.stack_id, observed, others);
    let conflict = |subnet: &Ipv4Net| used.iter().find(|(net, _)| overlap(*net, *subnet));
    let given = |subnet: Ipv4Net| match conflict(&subnet) {
        None => Ok(subnet),
        Some((_, with)) => Err(AllocationProblem::SubnetOverlaps {
            subnet,
            with: with.clone(),
        }),
    };
    match request.subnet {
        Wanted::Given(subnet) => given(subnet),
        Wanted::Preferred(subnet) if conflict(&subnet).is_none() => Ok(subnet),
        Wanted::Preferred(_) | Wanted::Any => {
            let candidates = candidates(request.stack.as_str());
            let tried = candidates.len();
            candidates
                .into_iter()
                .find(|net| conflict(net).is_none())
                .ok_or_else(|| AllocationProblem::SubnetsExhausted {
                    tried,
                    pools: POOLS.map(|(a, l)| format!("{a}/{l}")).join(", "),
                })
        }
    }
}

fn overlap(a: Ipv4Net, b: Ipv4Net) -> bool {
    a.contains(&b) || b.contains(&a)
}

/// Every subnet of the pools, beginning in each at a place derived from the stack's name: the same stack on a new
/// host tends to the same subnet, and two stacks tend to different ones.
fn candidates(stack: &str) -> Vec<Ipv4Net> {
    let digest = Sha256::digest(stack.as_bytes());
    let start = usize::from(u16::from_be_bytes([digest[0], digest[1]]));
    POOLS
        .iter()
        .filter_map(|(address, length)| Ipv4Net::new(*address, *length).ok())
        .flat_map(|pool| {
            let mut nets: Vec<_> = pool.subnets(SUBNET_PREFIX).into_iter().flatten().collect();
            let from = start % nets.len().max(1);
            nets.rotate_left(from);
            nets
        })
        .collect()
}

/// Everything a subnet must not overlap with, in words for the error.
fn used(own: &StackId, observed: &Observed, others: &[&Reservation]) -> Vec<(Ipv4Net, String)> {
    let ours: Vec<Ipv4Net> = observed
        .networks
        .iter()
        .filter(|n| {
            n.labels
                .get(label::STACK_ID)
                .is_some_and(|id| id == own.as_str())
        })
        .flat_map(|n| n.subnets.iter().map(Ipv4Net::trunc))
        .collect();
    let reserved = others
        .iter()
        .map(|r| (r.subnet.trunc(), format!("stack `{}`", r.stack)));
    let networks = observed.networks.iter().flat_map(|n| {
        n.subnets
            .iter()
            .map(move |s| (s.trunc(), format!("network `{}`", n.name)))
    });
    let addresses = observed
        .host
        .addresses
        .iter()
        .map(|a| (a.trunc(), format!("the host's address {}", a.addr())));
    let routes = observed
        .host
        .routes
        .iter()
        .map(|r| (r.trunc(), format!("the host's route to {r}")));
    reserved
        .chain(
            networks
                .chain(addresses)
                .chain(routes)
                .filter(|(net, _)| !ours.contains(net)),
        )
        .filter(|(net, _)| net.prefix_len() > 0)
        .collect()
}
