//! Who listens inside a container, as the kernel lists it, against what the catalogue says of the service.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aiplat_core::spec::IpProtocol;

use super::Standing;
use crate::proof::{Cell, Layer, Member, Scene};

/// Where the kernel begins to give out ports by itself, unless it is told otherwise: a datagram socket above it belongs to
/// somebody who asks, not to somebody who is asked.
const EPHEMERAL: u16 = 32_768;

/// A port and its transport.
type Port = (u16, IpProtocol);

/// Sockets inside the container that others of its network can reach: those of the catalogue, and no other.
pub(super) fn inside(scene: &Scene<'_>, standing: &Standing, member: &Member) -> Cell {
    let proc = &scene.bed.host.proc;
    let directory = proc.join(member.pid.to_string()).join("net");
    let cell = Cell::new(
        Layer::Ports,
        &member.label,
        "its own stack",
        "sockets that listen inside",
    )
    .evidence(format!("{}/{{tcp,tcp6,udp,udp6}}", directory.display()));
    let Some(open) = listening(&directory) else {
        return cell.not_tried("the kernel's list of its sockets cannot be read");
    };
    let mut allowed = BTreeSet::new();
    let mut ours = BTreeSet::new();
    for other in sharing(scene, member) {
        allowed.extend(other.ports.iter().chain(&other.listens).copied());
        // a listener of the proof itself stands there too
        if let Some(ready) = standing.listener(other) {
            ours.extend([(ready.tcp, IpProtocol::Tcp), (ready.udp, IpProtocol::Udp)]);
        }
    }
    let problems: Vec<String> = open
        .iter()
        .filter(|p| !allowed.contains(p) && !ours.contains(p))
        .map(|p| format!("it listens on {} too", words(*p)))
        .collect();
    let shown = |all: &mut dyn Iterator<Item = &Port>| {
        let each: Vec<String> = all.map(|p| words(*p)).collect();
        if each.is_empty() {
            "none".to_owned()
        } else {
            each.join(" ")
        }
    };
    let expected = shown(&mut allowed.iter());
    let mut seen = shown(&mut open.iter().filter(|p| !ours.contains(p)));
    let missing = shown(&mut member.ports.iter().filter(|p| !open.contains(p)));
    if missing != "none" {
        seen = format!("{seen}; not listening: {missing}");
    }
    cell.expect(format!("these at most: {expected}"))
        .decided(&problems, seen)
}

fn words((port, protocol): Port) -> String {
    match protocol {
        IpProtocol::Tcp => port.to_string(),
        IpProtocol::Udp => format!("{port}/udp"),
    }
}

/// Everybody who stands in the same network namespace.
fn sharing<'a>(scene: &'a Scene<'_>, member: &Member) -> Vec<&'a Member> {
    let proc = &scene.bed.host.proc;
    let network = |pid: u32| fs::read_link(proc.join(pid.to_string()).join("ns/net")).ok();
    let own = network(member.pid);
    let all = scene.stacks.iter().flat_map(|s| &s.members);
    all.filter(|m| m.pid == member.pid || (own.is_some() && network(m.pid) == own))
        .collect()
}

/// What listens on other addresses than loopback.
fn listening(directory: &Path) -> Option<BTreeSet<Port>> {
    let mut open = BTreeSet::new();
    for (file, listens, protocol) in [
        ("tcp", "0A", IpProtocol::Tcp),
        ("tcp6", "0A", IpProtocol::Tcp),
        // not connected to anybody
        ("udp", "07", IpProtocol::Udp),
        ("udp6", "07", IpProtocol::Udp),
    ] {
        let path = directory.join(file);
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            // a kernel without the newer protocol
            Err(_) if file.ends_with('6') => continue,
            Err(_) => return None,
        };
        open.extend(
            text.lines()
                .skip(1)
                .filter_map(|line| socket(line, listens))
                .filter(|port| protocol == IpProtocol::Tcp || *port < EPHEMERAL)
                .map(|port| (port, protocol)),
        );
    }
    Some(open)
}

/// The port of a line of the kernel's list in this state, loopback's left out.
fn socket(line: &str, state: &str) -> Option<u16> {
    let mut words = line.split_whitespace().skip(1);
    let (address, port) = words.next()?.split_once(':')?;
    // 127.x.y.z is written backwards, also behind what maps it into the newer protocol; ::1 ends in one
    let loopback = address.ends_with("7F") && (address.len() == 8 || address.contains("FFFF0000"))
        || address.len() == 32 && address == "00000000000000000000000001000000";
    (words.nth(1)? == state && !loopback)
        .then(|| u16::from_str_radix(port, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_and_other_states_are_left_out() {
        let line = |address: &str, state: &str| {
            format!(
                "   0: {address}:18EB 00000000:0000 {state} 00000000:00000000 00:00000000 00000000"
            )
        };
        let of = |address: &str, state: &str| socket(&line(address, state), "0A");
        assert_eq!(of("00000000", "0A"), Some(6379));
        assert_eq!(of("0B00007F", "0A"), None);
        assert_eq!(of("00000000", "01"), None);
        assert_eq!(of("00000000000000000000000000000000", "0A"), Some(6379));
        assert_eq!(of("00000000000000000000000001000000", "0A"), None);
        assert_eq!(of("0000000000000000FFFF00000100007F", "0A"), None);
        assert_eq!(
            of(
                "B80D01200000000000000000010000 00"
                    .replace(' ', "")
                    .as_str(),
                "0A"
            ),
            Some(6379)
        );
        assert_eq!(socket("", "0A"), None);
    }
}
