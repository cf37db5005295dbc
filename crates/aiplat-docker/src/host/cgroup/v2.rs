//! The unified layout: one hierarchy for all controllers.

use std::path::Path;

use aiplat_core::observed::{CgroupFacts, CgroupUse};

use super::{PERIOD, get, make, milli, put, quota, without_files};
use crate::host::HostError;

pub(super) fn read(place: &Path) -> Result<Option<CgroupFacts>, HostError> {
    if !place.is_dir() {
        return Ok(None);
    }
    let file = |name: &str| get(&place.join(name));
    let cpu = file("cpu.max")?.unwrap_or_default();
    // no limit is `max` in each of them, which is no number
    let milli_cpus = cpu
        .split_once(' ')
        .and_then(|(quota, period)| milli(quota.parse().ok()?, period.parse().ok()?));
    Ok(Some(CgroupFacts {
        memory_bytes: file("memory.max")?.and_then(|m| m.parse().ok()),
        milli_cpus,
        pids: file("pids.max")?.and_then(|p| p.parse().ok()),
    }))
}

pub(super) fn used(place: &Path) -> Result<CgroupUse, HostError> {
    let file = |name: &str| get(&place.join(name));
    let pids = file("pids.current")?;
    Ok(CgroupUse {
        memory_bytes: without_files(file("memory.current")?, file("memory.stat")?, ""),
        pids: pids.and_then(|p| p.parse().ok()).unwrap_or(0),
    })
}

pub(super) fn write(root: &Path, name: &str, wanted: &CgroupFacts) -> Result<(), HostError> {
    let place = root.join(name);
    let limits = [
        (
            "memory",
            "memory.max",
            wanted.memory_bytes.map(|b| b.to_string()),
        ),
        (
            "cpu",
            "cpu.max",
            wanted.milli_cpus.map(|m| format!("{} {PERIOD}", quota(m))),
        ),
        ("pids", "pids.max", wanted.pids.map(|p| p.to_string())),
    ];
    for (controller, ..) in &limits {
        // where the kernel lacks it, the limit's file is missing below, and that is reported
        let _ = put(
            &root.join("cgroup.subtree_control"),
            &format!("+{controller}"),
        );
    }
    make(&place)?;
    for (_, file, limit) in limits {
        let path = place.join(file);
        match limit {
            Some(limit) => put(&path, &limit)?,
            None if path.exists() => put(&path, "max")?,
            None => {}
        }
    }
    Ok(())
}
