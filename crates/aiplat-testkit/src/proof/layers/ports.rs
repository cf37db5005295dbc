//! What is reserved, and who listens on behalf of a stack.

use std::collections::BTreeSet;
use std::net::IpAddr;

use aiplat_core::allocation::Reservation;
use aiplat_core::observed::Listener;
use aiplat_core::spec::IpProtocol;

use super::{Standing, listeners};
use crate::proof::{Cell, Layer, Member, Scene, Stack};

pub(super) fn cells(scene: &Scene<'_>, standing: &Standing) -> Vec<Cell> {
    let mut cells = Vec::new();
    for stack in &scene.stacks {
        cells.push(reserved(scene, stack));
        for member in &stack.members {
            cells.push(published(scene, member));
            cells.push(listeners::inside(scene, standing, member));
        }
    }
    for (index, one) in scene.stacks.iter().enumerate() {
        for other in &scene.stacks[index + 1..] {
            cells.push(disjoint(one, other));
        }
    }
    cells
}

/// The register has the stack's reservation, and nobody else has any of it.
fn reserved(scene: &Scene<'_>, stack: &Stack) -> Cell {
    let cell = Cell::new(
        Layer::Ports,
        &stack.name,
        "host",
        "its entry in the register of the host",
    )
    .expect("there, and disjoint from every other stack's");
    let register = match aiplat_docker::stack::register(scene.bed.places) {
        Ok(register) => register,
        Err(error) => return cell.not_tried(error.to_string()),
    };
    let Some(own) = register.get(&stack.config.id) else {
        return cell.breach("it has none: the next stack may be given the same");
    };
    let mut problems = Vec::new();
    if own.subnet != stack.desired.network.subnet {
        problems.push(format!("the subnet there is {}", own.subnet));
    }
    if !own.uids.contains(&stack.config.allocation.uid) {
        problems.push("the user there is another".to_owned());
    }
    for port in stack.config.allocation.ports.values() {
        if !own.ports.iter().any(|p| p.port == *port) {
            problems.push(format!("port {port} is not there"));
        }
    }
    for other in register
        .stacks
        .iter()
        .filter(|r| r.stack_id != own.stack_id)
    {
        problems.extend(overlap(own, other));
    }
    let seen = format!("{} ports, {}", own.ports.len(), own.subnet);
    cell.decided(&problems, seen)
        .evidence(scene.bed.places.state_dir.display().to_string())
}

fn overlap(one: &Reservation, other: &Reservation) -> Vec<String> {
    let mut found = Vec::new();
    let mut note = |what: &str| found.push(format!("{what} is stack `{}`'s too", other.stack));
    if one.subnet.contains(&other.subnet) || other.subnet.contains(&one.subnet) {
        note("its subnet");
    }
    if !one.uids.is_disjoint(&other.uids) {
        note("its user");
    }
    if one.container_prefix == other.container_prefix {
        note("its prefix");
    }
    if one.domain == other.domain {
        note("its domain");
    }
    for port in &one.ports {
        let same = |p: &&aiplat_core::allocation::ReservedPort| {
            let everywhere = p.address.is_unspecified() || port.address.is_unspecified();
            p.port == port.port
                && p.protocol == port.protocol
                && (p.address == port.address || everywhere)
        };
        if other.ports.iter().any(|p| same(&p)) {
            note(&format!("port {}", port.port));
        }
    }
    found
}

/// By their manifests two stacks have nothing in common.
fn disjoint(one: &Stack, other: &Stack) -> Cell {
    let cell = Cell::new(
        Layer::Ports,
        &one.name,
        &other.name,
        "users, groups, subnet, prefix, domain and directory of both",
    )
    .expect("nothing in common")
    .evidence("both manifests");
    let mut problems = Vec::new();
    let (a, b) = (&one.config.allocation, &other.config.allocation);
    let set = |all: [u32; 2]| BTreeSet::from(all);
    if !set([a.uid, a.openclaw_uid]).is_disjoint(&set([b.uid, b.openclaw_uid])) {
        problems.push(format!("both run as user {}", a.uid));
    }
    if !set([a.gid, a.openclaw_gid]).is_disjoint(&set([b.gid, b.openclaw_gid])) {
        problems.push(format!("both run as group {}", a.gid));
    }
    if a.subnet.contains(&b.subnet) || b.subnet.contains(&a.subnet) {
        problems.push(format!("subnets {} and {} overlap", a.subnet, b.subnet));
    }
    if one.config.settings.container_prefix.get().to_string()
        == other.config.settings.container_prefix.get().to_string()
    {
        problems.push("both have one prefix".to_owned());
    }
    if one.config.domain() == other.config.domain() {
        problems.push("both have one domain".to_owned());
    }
    let (x, y) = (one.config.base_dir(), other.config.base_dir());
    if x.starts_with(y) || y.starts_with(x) {
        problems.push("one directory is inside the other".to_owned());
    }
    cell.decided(&problems, "nothing")
}

/// The host ports that the engine holds for a container are the planned ones, and the kernel listens just there.
fn published(scene: &Scene<'_>, member: &Member) -> Cell {
    let planned: BTreeSet<(IpAddr, u16, IpProtocol)> = if member.planned {
        member
            .spec
            .ports
            .iter()
            .map(|p| (IpAddr::V4(p.address), p.host, p.protocol))
            .collect()
    } else {
        BTreeSet::new()
    };
    let words = |all: &BTreeSet<(IpAddr, u16, IpProtocol)>| -> String {
        let each: Vec<String> = all.iter().map(|(a, p, _)| format!("{a}:{p}")).collect();
        if each.is_empty() {
            "none".to_owned()
        } else {
            each.join(" ")
        }
    };
    let cell = Cell::new(Layer::Ports, &member.label, "host", "its ports on the host")
        .expect(words(&planned))
        .evidence("the engine's list, and /proc/net/{tcp,udp}");
    let container = scene
        .observed
        .containers
        .iter()
        .find(|c| c.id == member.detail.id);
    let held: BTreeSet<_> = container
        .iter()
        .flat_map(|c| &c.ports)
        .map(|p| (p.address, p.host, p.protocol))
        .collect();
    let mut problems = Vec::new();
    for (address, port, _) in held.difference(&planned) {
        problems.push(format!("{address}:{port} is published too"));
    }
    for (address, port, _) in planned.difference(&held) {
        problems.push(format!("{address}:{port} is not published"));
    }
    for (address, port, protocol) in &planned {
        let wide = Listener {
            address: if address.is_ipv4() {
                [0, 0, 0, 0].into()
            } else {
                [0_u16; 8].into()
            },
            port: *port,
            protocol: *protocol,
        };
        if !address.is_unspecified() && scene.observed.host.listeners.contains(&wide) {
            problems.push(format!("something listens on every address on port {port}"));
        }
    }
    cell.decided(&problems, words(&held))
}
