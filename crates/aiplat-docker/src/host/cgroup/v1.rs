//! The older layout: one hierarchy a controller.

use std::path::{Path, PathBuf};

use aiplat_core::observed::{CgroupFacts, CgroupUse};

use super::{PERIOD, get, make, milli, put, quota, without_files};
use crate::host::HostError;

/// What the kernel prints for no limit: the largest number of whole pages, and so not always the same.
const UNLIMITED: u64 = 1 << 62;

pub(super) fn read(root: &Path, below: &Path) -> Result<Option<CgroupFacts>, HostError> {
    let file = |controller: &str, name: &str| get(&root.join(controller).join(below).join(name));
    let memory = file("memory", "memory.limit_in_bytes")?;
    let quota = file("cpu", "cpu.cfs_quota_us")?;
    let period = file("cpu", "cpu.cfs_period_us")?;
    let pids = file("pids", "pids.max")?;
    if [&memory, &quota, &pids].into_iter().all(Option::is_none) {
        return Ok(None);
    }
    Ok(Some(CgroupFacts {
        memory_bytes: memory
            .and_then(|m| m.parse().ok())
            .filter(|m| *m < UNLIMITED),
        // no limit is -1, which is no `u64`
        milli_cpus: quota
            .and_then(|q| q.parse().ok())
            .zip(period.and_then(|p| p.parse().ok()))
            .and_then(|(quota, period)| milli(quota, period)),
        pids: pids.and_then(|p| p.parse().ok()),
    }))
}

pub(super) fn used(root: &Path, below: &Path) -> Result<CgroupUse, HostError> {
    let file = |controller: &str, name: &str| get(&root.join(controller).join(below).join(name));
    let memory = file("memory", "memory.usage_in_bytes")?;
    let pids = file("pids", "pids.current")?;
    Ok(CgroupUse {
        memory_bytes: without_files(memory, file("memory", "memory.stat")?, "total_"),
        pids: pids.and_then(|p| p.parse().ok()).unwrap_or(0),
    })
}

pub(super) fn write(root: &Path, name: &str, wanted: &CgroupFacts) -> Result<(), HostError> {
    let or_none = |limit: Option<u64>| limit.map_or("-1".to_owned(), |l| l.to_string());
    if let Some(place) = place(root, "memory", name, wanted.memory_bytes.is_some())? {
        // before Linux 5.11 a parent's limit held its children only where this was set before they were made
        let hierarchy = place.join("memory.use_hierarchy");
        if get(&hierarchy)?.is_some_and(|value| value == "0") {
            put(&hierarchy, "1")?;
        }
        put(
            &place.join("memory.limit_in_bytes"),
            &or_none(wanted.memory_bytes),
        )?;
    }
    if let Some(place) = place(root, "cpu", name, wanted.milli_cpus.is_some())? {
        put(&place.join("cpu.cfs_period_us"), &PERIOD.to_string())?;
        put(
            &place.join("cpu.cfs_quota_us"),
            &or_none(wanted.milli_cpus.map(quota)),
        )?;
    }
    if let Some(place) = place(root, "pids", name, wanted.pids.is_some())? {
        put(
            &place.join("pids.max"),
            &wanted.pids.map_or("max".to_owned(), |p| p.to_string()),
        )?;
    }
    Ok(())
}

/// Makes the cgroup in a controller's hierarchy; nothing where the kernel has none and none is needed.
fn place(
    root: &Path,
    controller: &str,
    name: &str,
    needed: bool,
) -> Result<Option<PathBuf>, HostError> {
    let hierarchy = root.join(controller);
    if !hierarchy.is_dir() {
        let what = format!("limit `{controller}` of a cgroup");
        return if needed {
            Err(HostError::Unsupported { what })
        } else {
            Ok(None)
        };
    }
    let place = hierarchy.join(name);
    make(&place)?;
    Ok(Some(place))
}

/// Where the cgroup may be in any hierarchy: the engine makes it in all of them.
pub(super) fn places(root: &Path, below: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        // some hierarchies have a second name, a link
        .filter(|entry| entry.file_type().is_ok_and(|t| t.is_dir()))
        .map(|entry| entry.path().join(below))
        .filter(|place| place.is_dir())
        .collect()
}
