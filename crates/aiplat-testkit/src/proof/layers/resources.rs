//! Limits, as the kernel's cgroups have them.

use std::path::PathBuf;

use aiplat_docker::host::Host;

use super::groups::{Groups, UNLIMITED};
use crate::proof::{Cell, Layer, Member, Scene, Stack};

pub(super) fn cells(scene: &Scene<'_>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for stack in &scene.stacks {
        for member in &stack.members {
            cells.extend(member_cells(scene, stack, member));
        }
        cells.extend(parent(scene, stack));
    }
    cells
}

fn member_cells(scene: &Scene<'_>, stack: &Stack, member: &Member) -> Vec<Cell> {
    let host = scene.bed.host;
    let groups = Groups::of(&host.proc, &host.cgroups, member.pid);
    let limits = &member.spec.limits;
    let cell = |tried: &str| Cell::new(Layer::Resources, &member.label, "host", tried);
    let page = rustix::param::page_size() as u64;
    let compare = |tried: &str, wanted: Option<u64>, found: Option<(u64, PathBuf)>| {
        let words = wanted.map_or_else(|| "no limit of its own".to_owned(), |w| w.to_string());
        let cell = cell(tried).expect(words);
        match (wanted, found) {
            (None, _) => cell.held("no limit of its own, as planned"),
            (Some(_), None) => cell.not_tried("the kernel's file for it cannot be read"),
            (Some(w), Some((f, path))) if w == f => cell
                .held(f.to_string())
                .evidence(path.display().to_string()),
            (Some(_), Some((f, path))) => {
                let seen = if f >= UNLIMITED {
                    "unlimited".to_owned()
                } else {
                    f.to_string()
                };
                cell.breach(seen).evidence(path.display().to_string())
            }
        }
    };
    let mut cells = vec![
        compare(
            "memory, bytes",
            limits.memory_bytes.map(|b| b / page * page),
            groups.number("memory", "memory.limit_in_bytes", "memory.max"),
        ),
        compare(
            "processes and threads",
            Some(u64::from(limits.pids)),
            groups.number("pids", "pids.max", "pids.max"),
        ),
        compare(
            "processor, thousandths",
            limits.milli_cpus,
            groups.milli_cpus(),
        ),
    ];
    if let Some(parent) = stack
        .config
        .cgroup_parent(&scene.observed.engine.cgroup_driver)
    {
        let path = groups.path("memory");
        let inside = path
            .to_string_lossy()
            .contains(parent.trim_start_matches('/'));
        let wrong = if inside {
            vec![]
        } else {
            vec!["it is in another".to_owned()]
        };
        cells.push(
            cell("the stack's parent cgroup")
                .expect(format!("inside `{parent}`"))
                .decided(&wrong, "inside")
                .evidence(path.display().to_string()),
        );
    }
    cells
}

fn parent(scene: &Scene<'_>, stack: &Stack) -> Option<Cell> {
    let wanted = stack.desired.cgroup.as_ref()?;
    let cell = Cell::new(
        Layer::Resources,
        &stack.name,
        "host",
        "the limits of the whole stack",
    )
    .expect(format!(
        "memory {:?}, thousandths of a processor {:?}, processes {:?}",
        wanted.memory_bytes, wanted.milli_cpus, wanted.pids
    ));
    let facts = scene.bed.host.cgroup(&wanted.parent);
    let Ok(Some(facts)) = facts else {
        return Some(cell.breach(format!("there is no cgroup `{}`", wanted.parent)));
    };
    let same = facts.memory_bytes == wanted.memory_bytes
        && facts.milli_cpus == wanted.milli_cpus
        && facts.pids == wanted.pids;
    let seen = format!(
        "{:?} {:?} {:?}",
        facts.memory_bytes, facts.milli_cpus, facts.pids
    );
    Some(
        if same {
            cell.held(seen)
        } else {
            cell.breach(seen)
        }
        .evidence(wanted.parent.clone()),
    )
}
