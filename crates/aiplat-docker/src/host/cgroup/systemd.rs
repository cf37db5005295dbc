//! Slices, where the engine leaves cgroups to systemd. The limits are kept by systemd, so they outlast a boot.

use aiplat_core::observed::CgroupFacts;

use crate::host::HostError;
use crate::host::program::Program;

pub(super) fn set(systemctl: &Program, slice: &str, wanted: &CgroupFacts) -> Result<(), HostError> {
    let limit = |value: Option<u64>| value.map_or("infinity".to_owned(), |v| v.to_string());
    // an empty quota is none; hundredths of a percent are systemd's finest
    let quota = wanted
        .milli_cpus
        .map_or(String::new(), |m| format!("{}.{}%", m / 10, m % 10));
    let properties = [
        format!("MemoryMax={}", limit(wanted.memory_bytes)),
        format!("CPUQuota={quota}"),
        format!("TasksMax={}", limit(wanted.pids.map(u64::from))),
    ];
    run(systemctl, &["start", slice])?;
    run(
        systemctl,
        &[
            "set-property",
            slice,
            &properties[0],
            &properties[1],
            &properties[2],
        ],
    )
}

pub(super) fn remove(systemctl: &Program, slice: &str) -> Result<(), HostError> {
    run(systemctl, &["stop", slice])?;
    run(systemctl, &["revert", slice])
}

fn run(systemctl: &Program, arguments: &[&str]) -> Result<(), HostError> {
    let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
    systemctl.run(&arguments, b"")?.checked().map(|_| ())
}
