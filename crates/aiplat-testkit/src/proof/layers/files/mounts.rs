//! What is mounted in a container, by the kernel's own list, against the plan.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;

use crate::proof::{Cell, Layer, Member, Scene, Stack};

/// What the engine itself puts into every container.
const ENGINE: [&str; 6] = [
    "/etc/resolv.conf",
    "/etc/hostname",
    "/etc/hosts",
    "/dev/shm",
    "/sbin/docker-init",
    "/usr/sbin/docker-init",
];

pub(super) fn cell(scene: &Scene<'_>, stack: &Stack, member: &Member) -> Cell {
    let process = scene.bed.host.proc.join(member.pid.to_string());
    let cell = Cell::new(Layer::Files, &member.label, "host", "what is mounted in it")
        .expect(format!(
            "{} planned directories and files, and the engine's own",
            member.spec.binds.len()
        ))
        .evidence(process.join("mountinfo").display().to_string());
    let Ok(text) = fs::read_to_string(process.join("mountinfo")) else {
        return cell.not_tried("its mounts cannot be read");
    };
    let inspected: Value = serde_json::from_str(&member.inspect).unwrap_or_default();
    let mounts = inspected["Mounts"].as_array().cloned().unwrap_or_default();
    let source =
        |target: &str| -> Option<&Value> { mounts.iter().find(|m| m["Destination"] == target) };
    let mut problems = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let (Some(below), Some(target), Some(options)) = (words.get(3), words.get(4), words.get(5))
        else {
            continue;
        };
        let planned = member.spec.binds.iter().find(|b| b.target == *target);
        if let Some(bind) = planned {
            if !same(
                &bind.source,
                &process.join("root").join(target.trim_start_matches('/')),
            ) {
                problems.push(format!("`{target}` is not `{}`", bind.source.display()));
            }
            if bind.read_only && options.split(',').any(|o| o == "rw") {
                problems.push(format!("`{target}` is writable"));
            }
            continue;
        }
        if expected(member, target) {
            continue;
        }
        let found = source(target);
        if found.is_some_and(|m| m["Type"] == "volume") && own_volume(scene, member, found) {
            continue;
        }
        let named = found.and_then(|m| m["Source"].as_str()).unwrap_or(below);
        let whose = whose(scene, stack, named);
        problems.push(format!("`{target}` is `{named}`{whose}"));
    }
    cell.decided(&problems, format!("{} mounts", text.lines().count()))
}

fn expected(member: &Member, target: &str) -> bool {
    let below = |place: &str| target == place || target.starts_with(&format!("{place}/"));
    target == "/"
        || ENGINE.contains(&target)
        || ["/proc", "/sys", "/dev"].iter().any(|p| below(p))
        || member.spec.tmpfs.iter().any(|t| t.target == target)
}

/// The same file or directory under two names.
fn same(one: &Path, other: &Path) -> bool {
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(a), Ok(b)) => {
            (a.dev(), a.ino()) == (b.dev(), b.ino())
                || a.is_file() && b.is_file() && replaced(&a, &b)
        }
        _ => false,
    }
}

/// A file that was written anew has another number than the one that a running container still holds.
fn replaced(now: &fs::Metadata, held: &fs::Metadata) -> bool {
    now.dev() == held.dev() && held.nlink() == 0
}

/// An image's own volume that the engine made for this container alone.
fn own_volume(scene: &Scene<'_>, member: &Member, mount: Option<&Value>) -> bool {
    let Some(name) = mount.and_then(|m| m["Name"].as_str()) else {
        return false;
    };
    let others = scene
        .stacks
        .iter()
        .flat_map(|s| &s.members)
        .filter(|m| m.detail.id != member.detail.id);
    let anonymous = name.len() == 64;
    anonymous && !others.into_iter().any(|m| m.inspect.contains(name))
}

fn whose(scene: &Scene<'_>, own: &Stack, source: &str) -> String {
    let path = Path::new(source);
    match scene
        .stacks
        .iter()
        .find(|s| path.starts_with(s.config.base_dir()))
    {
        Some(stack) if stack.config.id != own.config.id => {
            format!(", which is stack `{}`'s", stack.name)
        }
        Some(_) => ", which is another service's".to_owned(),
        None => ", which is the host's".to_owned(),
    }
}
