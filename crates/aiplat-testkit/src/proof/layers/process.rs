//! Users, capabilities, seccomp and namespaces of every process, as the host's kernel has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use aiplat_core::spec::{NetworkMode, label};

use crate::proof::{Cell, Layer, Member, Scene};

/// Namespaces that are always a container's own.
const OWN: [&str; 6] = ["mnt", "pid", "ipc", "uts", "cgroup", "net"];

pub(super) fn cells(scene: &Scene<'_>) -> Vec<Cell> {
    let proc = &scene.bed.host.proc;
    // the first process's, and ours, which are the engine's: they differ where the whole host is somebody's container
    let host = ["1", "self"].map(|who| namespaces(&proc.join(who)));
    let seen: Vec<(&Member, Namespaces)> = members(scene)
        .map(|m| (m, namespaces(&proc.join(m.pid.to_string()))))
        .collect();
    let mut cells = Vec::new();
    for member in members(scene) {
        let states: Vec<(u32, Status)> = member
            .processes
            .iter()
            .filter_map(|pid| Some((*pid, Status::read(&proc.join(pid.to_string()))?)))
            .collect();
        let cell = |tried: &str| Cell::new(Layer::Process, &member.label, "host", tried);
        if states.is_empty() {
            cells.push(cell("its processes").not_tried("none of its processes can be read"));
            continue;
        }
        cells.push(users(
            member,
            &states,
            cell("users and groups of its processes"),
        ));
        cells.push(capabilities(
            member,
            &states,
            cell("capabilities of its processes"),
        ));
        let all = |wrong: &dyn Fn(&Status) -> bool, words: &str| -> Vec<String> {
            let bad = states.iter().filter(|(_, s)| wrong(s));
            bad.map(|(pid, s)| format!("process {pid} ({}) {words}", s.name))
                .collect()
        };
        cells.push(
            cell("no_new_privs of its processes")
                .expect("NoNewPrivs: 1")
                .decided(
                    &all(&|s| s.no_new_privs != "1", "may gain rights"),
                    count(&states),
                )
                .evidence(format!("/proc/{}/status", member.pid)),
        );
        cells.push(
            cell("seccomp of its processes")
                .expect("Seccomp: 2, a filter")
                .decided(
                    &all(&|s| s.seccomp != "2", "has no system call filter"),
                    count(&states),
                )
                .evidence(format!("/proc/{}/status", member.pid)),
        );
        cells.push(own_namespaces(member, &seen, &host, cell("its namespaces")));
        cells.push(root_file_system(proc, member, cell("its root file system")));
        cells.push(devices(
            member,
            cell("devices and privileges the engine gave it"),
        ));
    }
    cells
}

fn members<'a>(scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Member> {
    scene.stacks.iter().flat_map(|s| &s.members)
}

fn count(states: &[(u32, Status)]) -> String {
    format!("{} processes", states.len())
}

/// What is looked at in `/proc/PID/status`.
#[derive(Debug, Default)]
struct Status {
    name: String,
    uids: Vec<u32>,
    gids: Vec<u32>,
    groups: Vec<u32>,
    /// Inheritable, permitted, effective, bounding, ambient.
    capabilities: u64,
    no_new_privs: String,
    seccomp: String,
}

impl Status {
    /// Nothing of a process that ended, or that is only waiting to be buried.
    fn read(process: &Path) -> Option<Self> {
        let text = fs::read_to_string(process.join("status")).ok()?;
        let mut found = Self::default();
        for line in text.lines() {
            let (key, value) = line.split_once(':')?;
            let value = value.trim();
            let numbers = || {
                value
                    .split_whitespace()
                    .filter_map(|n| n.parse().ok())
                    .collect()
            };
            match key {
                "Name" => value.clone_into(&mut found.name),
                "State" if value.starts_with('Z') || value.starts_with('X') => return None,
                "Uid" => found.uids = numbers(),
                "Gid" => found.gids = numbers(),
                "Groups" => found.groups = numbers(),
                "NoNewPrivs" => value.clone_into(&mut found.no_new_privs),
                "Seccomp" => value.clone_into(&mut found.seccomp),
                "CapInh" | "CapPrm" | "CapEff" | "CapBnd" | "CapAmb" => {
                    found.capabilities |= u64::from_str_radix(value, 16).unwrap_or(u64::MAX);
                }
                _ => {}
            }
        }
        Some(found)
    }
}

/// The effective user, group and further groups of a process.
pub(super) fn user_of(proc: &Path, pid: u32) -> Option<(u32, u32, Vec<u32>)> {
    let state = Status::read(&proc.join(pid.to_string()))?;
    Some((*state.uids.get(1)?, *state.gids.get(1)?, state.groups))
}

fn users(member: &Member, states: &[(u32, Status)], cell: Cell) -> Cell {
    let user = member.spec.user;
    let allowed: BTreeSet<u32> = member
        .spec
        .groups
        .iter()
        .copied()
        .chain([user.gid])
        .collect();
    let mut problems = Vec::new();
    for (pid, state) in states {
        if state.uids.iter().any(|u| *u != user.uid) {
            problems.push(format!(
                "process {pid} ({}) has users {:?}",
                state.name, state.uids
            ));
        }
        if state.gids.iter().any(|g| *g != user.gid) {
            problems.push(format!(
                "process {pid} ({}) has groups {:?}",
                state.name, state.gids
            ));
        }
        if state.groups.iter().any(|g| !allowed.contains(g)) {
            problems.push(format!(
                "process {pid} ({}) is also in {:?}",
                state.name, state.groups
            ));
        }
    }
    cell.expect(format!("{}:{} and nothing else", user.uid, user.gid))
        .decided(&problems, count(states))
        .evidence(format!("/proc/{}/status", member.pid))
}

fn capabilities(member: &Member, states: &[(u32, Status)], cell: Cell) -> Cell {
    let planned: BTreeSet<&str> = member
        .spec
        .capabilities
        .iter()
        .map(String::as_str)
        .collect();
    let names = |bits: u64| -> Vec<String> {
        let known = caps::all();
        let mut held: Vec<String> = known
            .into_iter()
            .filter(|c| bits & c.bitmask() != 0)
            .map(|c| c.to_string().trim_start_matches("CAP_").to_owned())
            .filter(|c| !planned.contains(c.as_str()))
            .collect();
        held.sort();
        held
    };
    let mut problems = Vec::new();
    for (pid, state) in states {
        let held = names(state.capabilities);
        if !held.is_empty() {
            problems.push(format!(
                "process {pid} ({}) holds {}",
                state.name,
                held.join(", ")
            ));
        }
    }
    let expected = if planned.is_empty() {
        "none, the bounding set included".to_owned()
    } else {
        format!("at most {}", member.spec.capabilities.join(", "))
    };
    cell.expect(expected)
        .decided(&problems, count(states))
        .evidence(format!("/proc/{}/status", member.pid))
}

/// Links such as `net:[4026531840]` by kind.
type Namespaces = BTreeMap<String, String>;

fn namespaces(process: &Path) -> Namespaces {
    let entries = fs::read_dir(process.join("ns"))
        .into_iter()
        .flatten()
        .filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let link = fs::read_link(entry.path()).ok()?;
            Some((
                entry.file_name().to_string_lossy().into_owned(),
                link.display().to_string(),
            ))
        })
        .collect()
}

fn own_namespaces(
    member: &Member,
    seen: &[(&Member, Namespaces)],
    host: &[Namespaces],
    cell: Cell,
) -> Cell {
    let cell = cell.expect("none shared with the host or with another container, but as planned");
    let own = seen
        .iter()
        .find(|(m, own)| m.label == member.label && !own.is_empty());
    let Some((_, own)) = own else {
        return cell.not_tried("its namespaces cannot be read");
    };
    let mut problems = Vec::new();
    for kind in OWN {
        let Some(mine) = own.get(kind) else { continue };
        if host.iter().any(|h| h.get(kind) == Some(mine)) {
            problems.push(format!("shares the host's {kind} namespace"));
        }
        for (other, theirs) in seen.iter().filter(|(other, _)| other.label != member.label) {
            let planned = kind == "net" && (guest_of(member, other) || guest_of(other, member));
            if theirs.get(kind) == Some(mine) && !planned {
                problems.push(format!("shares its {kind} namespace with {}", other.label));
            }
        }
    }
    let words: Vec<String> = own.values().cloned().collect();
    cell.decided(&problems, "all its own")
        .evidence(words.join(" "))
}

/// Whether the plan puts one container into the network of the other.
fn guest_of(guest: &Member, host: &Member) -> bool {
    let same = guest.spec.labels.get(label::STACK_ID) == host.spec.labels.get(label::STACK_ID);
    let within = matches!(&guest.spec.network, NetworkMode::Container { service, .. } if *service == host.service);
    same && within && guest.planned && host.planned
}

fn root_file_system(proc: &Path, member: &Member, cell: Cell) -> Cell {
    let path = proc.join(member.pid.to_string()).join("mountinfo");
    let text = fs::read_to_string(&path).unwrap_or_default();
    let root = text.lines().find(|l| l.split(' ').nth(4) == Some("/"));
    let Some(options) = root.and_then(|l| l.split(' ').nth(5)) else {
        return cell.not_tried("its mounts cannot be read");
    };
    let writable = options.split(',').any(|o| o == "rw");
    let cell = cell.evidence(path.display().to_string());
    match (member.spec.read_only, writable) {
        (true, true) => cell.expect("read-only").breach("writable"),
        (true, false) => cell.expect("read-only").held("read-only"),
        (false, _) => cell
            .expect("writable, by an exception of the service")
            .held(options),
    }
}

fn devices(member: &Member, cell: Cell) -> Cell {
    let Ok(inspect) = serde_json::from_str::<serde_json::Value>(&member.inspect) else {
        return cell.not_tried("the engine's account of it is no JSON");
    };
    let host = &inspect["HostConfig"];
    let mut problems = Vec::new();
    if host["Privileged"] == true {
        problems.push("it is privileged".to_owned());
    }
    for list in [
        "Devices",
        "DeviceRequests",
        "DeviceCgroupRules",
        "Links",
        "VolumesFrom",
    ] {
        if host[list].as_array().is_some_and(|l| !l.is_empty()) {
            problems.push(format!("`{list}` is not empty"));
        }
    }
    let options = host["SecurityOpt"].as_array().cloned().unwrap_or_default();
    for option in options
        .iter()
        .filter_map(|o| o.as_str())
        .filter(|o| o.contains("unconfined"))
    {
        problems.push(format!("`{option}`"));
    }
    cell.expect("not privileged, no devices, no filter turned off")
        .decided(&problems, "none")
        .evidence(format!("inspection of {}", member.detail.name))
}
