//! From inside a container, as its user.

use std::path::{Path, PathBuf};

use super::super::batch::{Batch, Judge};
use crate::proof::cleanup::LINK;
use crate::proof::prober::{Attempt, How};
use crate::proof::{Cell, Layer, Member, Scene, Stack};

/// What of the host no container may see, besides the engine's own places.
const HOST_READ: [&str; 9] = [
    "/etc/shadow",
    "/run/docker.sock",
    "/var/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/var/lib/docker",
    "/root/.ssh",
    "/proc/kcore",
    "/dev/mem",
    "/dev/kmsg",
];

/// What of the kernel no container may write.
const HOST_WRITE: [&str; 5] = [
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/domainname",
    "/sys/kernel/uevent_helper",
    "/sys/fs/cgroup/release_agent",
];

/// Where a read-only image must stay as it is.
const SYSTEM: [&str; 5] = ["/", "/etc", "/usr", "/usr/bin", "/opt"];

fn read(path: impl Into<PathBuf>) -> Attempt {
    Attempt::Path {
        path: path.into(),
        how: How::Read,
    }
}

/// None of these may work.
fn none(paths: Vec<String>) -> Judge {
    Box::new(move |cell, seen| {
        let open: Vec<String> = paths
            .iter()
            .zip(seen)
            .filter(|(_, seen)| seen.through())
            .map(|(path, seen)| format!("`{path}`: {}", seen.text))
            .collect();
        cell.decided(&open, format!("{} tried, none of them works", seen.len()))
    })
}

fn shown(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|p| p.display().to_string()).collect()
}

/// Every path of another stack.
pub(super) fn paths(member: &Member, other: &Stack, batch: &mut Batch) {
    let paths = other.paths();
    let cell = Cell::new(
        Layer::Files,
        &member.label,
        &other.name,
        format!("reading each of its {} paths", paths.len()),
    )
    .expect("none can be read")
    .evidence(format!("below {}", other.config.base_dir().display()));
    batch.push(cell, paths.iter().map(read).collect(), none(shown(&paths)));
}

/// Host paths of the same stack: what is not mounted is not there.
pub(super) fn neighbours(stack: &Stack, member: &Member, batch: &mut Batch) {
    let visible: Vec<&str> = member
        .spec
        .binds
        .iter()
        .map(|b| b.target.as_str())
        .collect();
    let paths: Vec<PathBuf> = stack
        .paths()
        .into_iter()
        .filter(|p| !visible.iter().any(|v| p.starts_with(v)))
        .collect();
    let cell = Cell::new(
        Layer::Files,
        &member.label,
        &stack.name,
        format!("reading {} host paths of its own stack", paths.len()),
    )
    .expect("none can be read: only what is its own is mounted, elsewhere")
    .evidence(format!("below {}", stack.config.base_dir().display()));
    batch.push(cell, paths.iter().map(read).collect(), none(shown(&paths)));
}

/// The host's secrets, the engine, and the kernel's levers.
pub(super) fn host(scene: &Scene<'_>, member: &Member, batch: &mut Batch) {
    let mut places: Vec<PathBuf> = HOST_READ.iter().map(PathBuf::from).collect();
    places.push(scene.observed.engine.root_dir.clone());
    places.push(scene.bed.places.state_dir.clone());
    if let Some(socket) = scene.bed.engine.address().strip_prefix("unix://") {
        places.push(socket.into());
    }
    let mut attempts: Vec<Attempt> = places.iter().map(read).collect();
    let mut names = shown(&places);
    for path in HOST_WRITE {
        attempts.push(Attempt::Path {
            path: path.into(),
            how: How::Write,
        });
        names.push(format!("{path} (write)"));
    }
    let cell = Cell::new(
        Layer::Files,
        &member.label,
        "host",
        format!("{} of the host's secrets and levers", attempts.len()),
    )
    .expect("none works")
    .evidence("the engine's socket and directories, /etc/shadow, devices, /proc and /sys");
    batch.push(cell, attempts, none(names));
}

/// Writing where the image's own programs are.
pub(super) fn system(member: &Member, batch: &mut Batch) {
    let cell = Cell::new(
        Layer::Files,
        &member.label,
        "its own image",
        "making files where its programs are",
    );
    if !member.spec.read_only {
        batch.settled(
            cell.expect("writable, by an exception of the service")
                .held("not tried: it may"),
        );
        return;
    }
    let own = |p: &str| {
        member.spec.tmpfs.iter().any(|t| t.target == p)
            || member
                .spec
                .binds
                .iter()
                .any(|b| b.target == p && !b.read_only)
    };
    let places: Vec<PathBuf> = SYSTEM
        .iter()
        .filter(|p| !own(p))
        .map(PathBuf::from)
        .collect();
    let attempts = places
        .iter()
        .map(|p| Attempt::Path {
            path: p.clone(),
            how: How::Create,
        })
        .collect();
    batch.push(
        cell.expect("none can be made"),
        attempts,
        none(shown(&places)),
    );
}

/// Links that lead to another stack, planted where the container may write.
pub(super) fn links(member: &Member, other: &Stack, batch: &mut Batch) {
    let target = member
        .spec
        .binds
        .iter()
        .find(|b| !b.read_only && b.source.is_dir());
    let cell = Cell::new(
        Layer::Files,
        &member.label,
        &other.name,
        "a symbolic and a hard link to its manifest and a secret",
    )
    .expect("neither leads anywhere");
    let Some(bind) = target else {
        batch.settled(cell.held("it has no directory to plant one in"));
        return;
    };
    let mut goals = vec![other.config.path("config/.env")];
    goals.extend(
        other
            .desired
            .files
            .iter()
            .map(|f| f.path.clone())
            .find(|p| p.starts_with(other.config.path("config/secrets"))),
    );
    let at = |kind: &str| Path::new(&bind.target).join(format!("{LINK}{kind}"));
    let mut attempts = Vec::new();
    let mut names = Vec::new();
    for (number, goal) in goals.iter().enumerate() {
        for (kind, hard) in [("soft", false), ("hard", true)] {
            let at = at(&format!("{kind}{number}"));
            names.push(format!("{} -> {}", at.display(), goal.display()));
            attempts.push(Attempt::Plant {
                at,
                to: goal.clone(),
                hard,
            });
        }
    }
    let judged = none(names);
    let judge: Judge = Box::new(move |cell, seen| {
        if let Some(left) = seen.iter().find(|s| s.text.contains("stays behind")) {
            return cell.not_tried(left.text.clone());
        }
        judged(cell, seen)
    });
    batch.push(
        cell.evidence(format!("in {}", bind.target)),
        attempts,
        judge,
    );
}
