//! A process's control groups, in either of the kernel's layouts.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A limit that is no limit: the older layout writes the largest page-aligned number.
pub(super) const UNLIMITED: u64 = 1 << 60;

/// Where a process's limits are.
#[derive(Debug)]
pub(super) struct Groups {
    unified: bool,
    root: PathBuf,
    /// (controllers, path) of each line of `/proc/PID/cgroup`.
    lines: Vec<(String, String)>,
}

impl Groups {
    /// Of a process.
    pub(super) fn of(proc: &Path, root: &Path, pid: u32) -> Self {
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

    /// The directory that holds a controller's files for it.
    pub(super) fn path(&self, controller: &str) -> PathBuf {
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

    /// A limit or a count, and the file it stands in; what is unlimited is the largest number.
    pub(super) fn number(
        &self,
        controller: &str,
        older: &str,
        newer: &str,
    ) -> Option<(u64, PathBuf)> {
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

    /// The processor's limit in thousandths.
    pub(super) fn milli_cpus(&self) -> Option<(u64, PathBuf)> {
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

    /// A count in a file of `name value` lines.
    pub(super) fn count(
        &self,
        controller: &str,
        older: &str,
        newer: &str,
        name: &str,
    ) -> Option<u64> {
        let file = if self.unified { newer } else { older };
        let text = fs::read_to_string(self.path(controller).join(file)).ok()?;
        text.lines().find_map(|line| {
            let (word, value) = line.split_once(' ')?;
            (word == name).then(|| value.trim().parse().ok())?
        })
    }

    /// How often the kernel killed one of its processes for want of memory.
    pub(super) fn oom_kills(&self) -> Option<u64> {
        self.count("memory", "memory.oom_control", "memory.events", "oom_kill")
    }

    /// How often the kernel refused it another process.
    pub(super) fn refused(&self) -> Option<u64> {
        self.count("pids", "pids.events", "pids.events", "max")
    }

    /// The directories above it that hold a limit of memory or of processes.
    pub(super) fn limited_above(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        for (controller, older, newer) in [
            ("memory", "memory.limit_in_bytes", "memory.max"),
            ("pids", "pids.max", "pids.max"),
        ] {
            let file = if self.unified { newer } else { older };
            let path = self.path(controller);
            for above in path.ancestors().skip(1) {
                if !above.starts_with(&self.root) {
                    break;
                }
                let limit = fs::read_to_string(above.join(file)).unwrap_or_default();
                if limit.trim().parse::<u64>().is_ok_and(|l| l < UNLIMITED) {
                    found.insert(above.to_owned());
                }
            }
        }
        found
    }
}
