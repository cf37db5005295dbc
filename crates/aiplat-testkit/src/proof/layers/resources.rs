//! Limits, as the kernel's cgroups have them.

use std::fs;
use std::path::{Path, PathBuf};

use aiplat_docker::host::{Host, HostQuestion};

use crate::proof::{Cell, Layer, Member, Scene, Stack};

/// A limit that is no limit: the older layout writes the largest page-aligned number.
const UNLIMITED: u64 = 1 << 60;

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
    let question = HostQuestion {
        base_dir: "/".into(),
        cgroup_parent: Some(wanted.parent.clone()),
        ..HostQuestion::default()
    };
    let facts = scene.bed.host.facts(&question).ok().and_then(|f| f.cgroup);
    let Some(facts) = facts else {
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

/// Where a process's limits are, in either layout.
struct Groups {
    unified: bool,
    root: PathBuf,
    /// (controllers, path) of each line of `/proc/PID/cgroup`.
    lines: Vec<(String, String)>,
}

impl Groups {
    fn of(proc: &Path, root: &Path, pid: u32) -> Self {
        let text =
            fs::read_to_string(proc.join(pid.to_string()).join("cgroup")).unwrap_or_default();
        Self {
            unified: root.join("cgroup.controllers").exists(),
            root: root.to_owned(),
            lines: text
                .lines()
                .filter_map(|line| {
                    let (_, rest) = line.split_once(':')?;
                    let (controllers, path) = rest.split_once(':')?;
                    Some((
                        controllers.to_owned(),
                        path.trim_start_matches('/').to_owned(),
                    ))
                })
                .collect(),
        }
    }

    fn path(&self, controller: &str) -> PathBuf {
        let wanted = if self.unified { "" } else { controller };
        let line = self
            .lines
            .iter()
            .find(|(c, _)| c.split(',').any(|c| c == wanted));
        let below = line.map(|(_, path)| path.as_str()).unwrap_or_default();
        if self.unified {
            self.root.join(below)
        } else {
            self.root.join(controller).join(below)
        }
    }

    fn number(&self, controller: &str, older: &str, newer: &str) -> Option<(u64, PathBuf)> {
        let path = self
            .path(controller)
            .join(if self.unified { newer } else { older });
        let text = fs::read_to_string(&path).ok()?;
        let number = if text.trim() == "max" {
            u64::MAX
        } else {
            text.trim().parse().ok()?
        };
        Some((number, path))
    }

    fn milli_cpus(&self) -> Option<(u64, PathBuf)> {
        let milli =
            |quota: u64, period: u64| (quota * 1000).checked_div(period).unwrap_or(u64::MAX);
        if self.unified {
            let path = self.path("cpu").join("cpu.max");
            let text = fs::read_to_string(&path).ok()?;
            let (quota, period) = text.trim().split_once(' ')?;
            let quota = quota
                .parse()
                .map_or(u64::MAX, |q| milli(q, period.parse().unwrap_or(0)));
            return Some((quota, path));
        }
        let directory = self.path("cpu");
        let read = |name: &str| fs::read_to_string(directory.join(name)).ok();
        let path = directory.join("cpu.cfs_quota_us");
        let quota: i64 = read("cpu.cfs_quota_us")?.trim().parse().ok()?;
        let period: u64 = read("cpu.cfs_period_us")?.trim().parse().ok()?;
        let found = u64::try_from(quota).map_or(u64::MAX, |q| milli(q, period));
        Some((found, path))
    }
}
