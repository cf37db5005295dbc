//! What a container is, against what it is asked to be: the names of what differs, and no value.

use std::collections::BTreeSet;

use bollard::models::{ContainerCreateBody, ContainerInspectResponse, HostConfig, PortMap};

/// The settings that differ, in words. Only what the tool sets is compared; an engine's own defaults are its own.
pub(super) fn differences(
    wanted: &ContainerCreateBody,
    found: &ContainerInspectResponse,
) -> Vec<String> {
    let mut all = Vec::new();
    let mut expect = |same: bool, what: &str| {
        if !same {
            all.push(what.to_owned());
        }
    };
    let config = found.config.clone().unwrap_or_default();
    expect(wanted.image == config.image, "image");
    expect(wanted.user == config.user, "user");
    expect(
        wanted.entrypoint.is_none() || wanted.entrypoint == config.entrypoint,
        "entry point",
    );
    expect(wanted.cmd.is_none() || wanted.cmd == config.cmd, "command");
    expect(
        wanted.working_dir.is_none() || wanted.working_dir == config.working_dir,
        "working directory",
    );
    expect(
        wanted.stop_signal.is_none() || wanted.stop_signal == config.stop_signal,
        "stop signal",
    );
    let has = config.env.unwrap_or_default();
    let missing = wanted
        .env
        .iter()
        .flatten()
        .filter(|entry| !has.contains(entry))
        .filter_map(|entry| entry.split_once('='))
        .map(|(key, _)| format!("environment {key}"));
    let missing: Vec<String> = missing.collect();
    let empty = HostConfig::default();
    host(
        wanted.host_config.as_ref().unwrap_or(&empty),
        found.host_config.as_ref().unwrap_or(&empty),
        &mut expect,
    );
    all.extend(missing);
    all
}

fn host(wanted: &HostConfig, found: &HostConfig, expect: &mut impl FnMut(bool, &str)) {
    expect(
        wanted.memory.unwrap_or(0) == found.memory.unwrap_or(0),
        "memory limit",
    );
    expect(
        wanted.nano_cpus.unwrap_or(0) == processors(found),
        "processor limit",
    );
    expect(wanted.pids_limit == found.pids_limit, "process limit");
    let policy = |host: &HostConfig| host.restart_policy.as_ref().and_then(|p| p.name);
    expect(policy(wanted) == policy(found), "restart policy");
    expect(
        found.privileged != Some(true) && wanted.readonly_rootfs == found.readonly_rootfs,
        "root file system or privileges",
    );
    expect(
        names(wanted.cap_add.as_ref()) == names(found.cap_add.as_ref())
            && names(wanted.cap_drop.as_ref()) == names(found.cap_drop.as_ref()),
        "capabilities",
    );
    expect(
        security(wanted.security_opt.as_ref()) == security(found.security_opt.as_ref()),
        "security options",
    );
    expect(
        ports(wanted.port_bindings.as_ref()) == ports(found.port_bindings.as_ref()),
        "ports",
    );
    expect(mounts(wanted) == mounts(found), "mounts");
    expect(
        keys(wanted.tmpfs.as_ref()) == keys(found.tmpfs.as_ref()),
        "in-memory file systems",
    );
    expect(found.devices.as_ref().is_none_or(Vec::is_empty), "devices");
    expect(graphics(wanted) == graphics(found), "graphics processors");
    expect(
        wanted.cgroup_parent.clone().unwrap_or_default()
            == found.cgroup_parent.clone().unwrap_or_default(),
        "parent cgroup",
    );
}

/// Driver, number of devices and their names of each request.
fn graphics(host: &HostConfig) -> Vec<(String, i64, BTreeSet<String>)> {
    let all = host.device_requests.iter().flatten();
    all.map(|request| {
        (
            request.driver.clone().unwrap_or_default(),
            request.count.unwrap_or_default(),
            request.device_ids.iter().flatten().cloned().collect(),
        )
    })
    .collect()
}

/// Billionths of a processor, however they were given.
fn processors(host: &HostConfig) -> i64 {
    let by_quota = host
        .cpu_quota
        .filter(|quota| *quota > 0)
        .map(|quota| quota * 1_000_000_000 / host.cpu_period.filter(|p| *p > 0).unwrap_or(100_000));
    host.nano_cpus.filter(|n| *n > 0).or(by_quota).unwrap_or(0)
}

fn names(list: Option<&Vec<String>>) -> BTreeSet<String> {
    let bare = |name: &String| name.trim_start_matches("CAP_").to_owned();
    list.into_iter().flatten().map(bare).collect()
}

/// Engines write `no-new-privileges` with and without its value.
fn security(list: Option<&Vec<String>>) -> BTreeSet<String> {
    let plain = |option: &String| {
        let option = option.replacen(':', "=", 1);
        option.strip_suffix("=true").unwrap_or(&option).to_owned()
    };
    list.into_iter().flatten().map(plain).collect()
}

fn ports(map: Option<&PortMap>) -> BTreeSet<(String, String, String)> {
    let all = map.into_iter().flatten();
    all.flat_map(|(port, bindings)| {
        bindings.iter().flatten().map(|binding| {
            (
                port.clone(),
                binding.host_ip.clone().unwrap_or_default(),
                binding.host_port.clone().unwrap_or_default(),
            )
        })
    })
    .collect()
}

/// Source, target, and whether it is read-only. The older form of a bind counts too.
fn mounts(host: &HostConfig) -> BTreeSet<(String, String, bool)> {
    let newer = host.mounts.iter().flatten().map(|mount| {
        (
            mount.source.clone().unwrap_or_default(),
            mount.target.clone().unwrap_or_default(),
            mount.read_only.unwrap_or_default(),
        )
    });
    let older = host.binds.iter().flatten().map(|text| {
        let mut parts = text.splitn(3, ':').map(str::to_owned);
        let (source, target) = (parts.next(), parts.next());
        let read_only = parts
            .next()
            .is_some_and(|options| options.split(',').any(|option| option == "ro"));
        (
            source.unwrap_or_default(),
            target.unwrap_or_default(),
            read_only,
        )
    });
    newer.chain(older).collect()
}

fn keys<V>(map: Option<&std::collections::HashMap<String, V>>) -> BTreeSet<String> {
    map.into_iter()
        .flat_map(|map| map.keys().cloned())
        .collect()
}
