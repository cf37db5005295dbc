//! The engine.

use aiplat_core::observed::EngineFacts;

use super::Finding;
use crate::words::bytes;

/// Memory below which a whole stack hardly fits.
const LITTLE_MEMORY: u64 = 4 << 30;

pub(super) fn look(engine: &EngineFacts, findings: &mut Vec<Finding>) {
    let EngineFacts {
        product,
        version,
        api_version,
        ..
    } = engine;
    findings.push(Finding::ok(
        "engine",
        format!("{product} {version}, API {api_version}"),
    ));
    findings.push(
        match (engine.cgroup_version, engine.cgroup_driver.as_str()) {
            (_, "none") => Finding::warning(
                "cgroup",
                "the engine has no cgroup driver: limits are not enforced",
                "run the engine as root, or delegate cgroups to its user",
            ),
            (1, driver) => Finding::note("cgroup", format!("version 1, driver {driver}")),
            (version, driver) => {
                Finding::ok("cgroup", format!("version {version}, driver {driver}"))
            }
        },
    );
    if !engine.reachable {
        findings.push(Finding::warning(
            "network",
            "this host cannot reach containers by their addresses: the engine's own slow health checks are used",
            "run aiplat on the engine's host, with an engine that runs as root",
        ));
    }
    if engine.rootless {
        findings.push(Finding::note("engine", "it runs without root"));
    }
    if engine.memory_bytes > 0 && engine.memory_bytes < LITTLE_MEMORY {
        findings.push(Finding::warning(
            "memory",
            format!("{} for all stacks", bytes(engine.memory_bytes)),
            "run fewer services (`SERVICES`), or give the machine more",
        ));
    }
}
