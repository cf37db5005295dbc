//! The engine's JSON for what is to be made. The only place where a secret of a specification is exposed.

use std::collections::HashMap;

use aiplat_core::spec::{
    Bind, ContainerSpec, EngineHealth, IpProtocol, Limits, NetworkMode, NetworkSpec, Owner,
    PublishedPort, Tmpfs, label,
};
use aiplat_core::text::Text;
use bollard::models::{
    ContainerCreateBody, DeviceRequest, EndpointSettings, HealthConfig, HostConfig,
    HostConfigCgroupnsModeEnum, HostConfigLogConfig, Ipam, IpamConfig, Mount, MountBindOptions,
    MountBindOptionsPropagationEnum, MountType, NetworkCreateRequest, NetworkingConfig,
    PortBinding, PortMap, RestartPolicy, RestartPolicyNameEnum,
};

use crate::engine::Life;

/// Size of one log file and their number: a chatty service must not fill the engine's disk.
const LOG_SIZE: &str = "10m";
const LOG_FILES: &str = "3";

/// Longest time of one engine health check, and failures in a row until it counts.
const HEALTH_TIMEOUT_SECONDS: i64 = 10;
const HEALTH_RETRIES: i64 = 3;

const NANOS: i64 = 1_000_000_000;

/// The body that makes a container.
pub(super) fn container(spec: &ContainerSpec, life: Life<'_>) -> ContainerCreateBody {
    // every field by name, so that a new one of the specification cannot be forgotten here
    let ContainerSpec {
        service: _,
        name: _,
        image,
        entrypoint,
        command,
        env,
        user,
        groups,
        workdir,
        network,
        ports,
        binds,
        tmpfs,
        read_only,
        capabilities,
        apparmor,
        init,
        shm_bytes,
        limits,
        gpus,
        cgroup_parent,
        engine_health,
        stop_signal,
        stop_seconds,
        labels: _,
        config_fingerprint: _,
    } = spec;
    let (network_mode, endpoints) = attachment(network);
    let host = HostConfig {
        network_mode: Some(network_mode),
        port_bindings: (!ports.is_empty()).then(|| bindings(ports)),
        publish_all_ports: Some(false),
        mounts: Some(binds.iter().map(bind).collect()),
        tmpfs: (!tmpfs.is_empty()).then(|| tmpfs.iter().map(in_memory).collect()),
        readonly_rootfs: Some(*read_only),
        cap_drop: Some(vec!["ALL".to_owned()]),
        cap_add: (!capabilities.is_empty()).then(|| capabilities.clone()),
        security_opt: Some(security(apparmor.as_deref())),
        privileged: Some(false),
        group_add: (!groups.is_empty()).then(|| groups.iter().map(u32::to_string).collect()),
        ipc_mode: Some("private".to_owned()),
        cgroupns_mode: Some(HostConfigCgroupnsModeEnum::PRIVATE),
        init: Some(*init),
        shm_size: shm_bytes.map(signed),
        cgroup_parent: cgroup_parent.clone(),
        device_requests: (!gpus.is_empty()).then(|| vec![graphics(gpus)]),
        restart_policy: Some(restart(life)),
        log_config: Some(log_rotation()),
        auto_remove: Some(false),
        ..limited(limits)
    };
    ContainerCreateBody {
        image: Some(image.clone()),
        entrypoint: entrypoint.as_deref().map(exposed),
        cmd: command.as_deref().map(exposed),
        env: Some(
            env.iter()
                .map(|(key, value)| format!("{key}={}", value.expose()))
                .collect(),
        ),
        user: Some(numeric(*user)),
        working_dir: workdir.clone(),
        healthcheck: Some(health(engine_health)),
        stop_signal: stop_signal.clone(),
        stop_timeout: Some(i64::from(*stop_seconds)),
        exposed_ports: (!ports.is_empty()).then(|| ports.iter().map(container_port).collect()),
        labels: Some(worn(spec, life)),
        host_config: Some(host),
        networking_config: endpoints.map(|all| NetworkingConfig {
            endpoints_config: Some(all),
        }),
        ..ContainerCreateBody::default()
    }
}

fn exposed(texts: &[Text]) -> Vec<String> {
    texts.iter().map(|text| text.expose().to_owned()).collect()
}

fn numeric(owner: Owner) -> String {
    format!("{}:{}", owner.uid, owner.gid)
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn worn(spec: &ContainerSpec, life: Life<'_>) -> HashMap<String, String> {
    let mut worn: HashMap<String, String> = spec.labels.clone().into_iter().collect();
    worn.insert(label::SERVICE.to_owned(), spec.service.to_string());
    match life {
        Life::Service { hash } => {
            worn.insert(label::SPEC_HASH.to_owned(), hash.to_owned());
            worn.insert(label::SPEC_SECTIONS.to_owned(), spec.sections());
        }
        Life::Once { purpose } => {
            worn.entry(label::PURPOSE.to_owned())
                .or_insert_with(|| purpose.to_owned());
        }
    }
    worn
}

fn restart(life: Life<'_>) -> RestartPolicy {
    let name = match life {
        Life::Service { .. } => RestartPolicyNameEnum::UNLESS_STOPPED,
        Life::Once { .. } => RestartPolicyNameEnum::NO,
    };
    RestartPolicy {
        name: Some(name),
        maximum_retry_count: None,
    }
}

fn attachment(network: &NetworkMode) -> (String, Option<HashMap<String, EndpointSettings>>) {
    match network {
        NetworkMode::Stack { network, aliases } => {
            let endpoint = EndpointSettings {
                aliases: Some(aliases.clone()),
                ..EndpointSettings::default()
            };
            (
                network.clone(),
                Some(HashMap::from([(network.clone(), endpoint)])),
            )
        }
        NetworkMode::Container { service: _, name } => (format!("container:{name}"), None),
        NetworkMode::None => ("none".to_owned(), None),
    }
}

fn container_port(port: &PublishedPort) -> String {
    let protocol = match port.protocol {
        IpProtocol::Tcp => "tcp",
        IpProtocol::Udp => "udp",
    };
    format!("{}/{protocol}", port.container)
}

fn bindings(ports: &[PublishedPort]) -> PortMap {
    let mut map = PortMap::new();
    for port in ports {
        let binding = PortBinding {
            host_ip: Some(port.address.to_string()),
            host_port: Some(port.host.to_string()),
        };
        map.entry(container_port(port))
            .or_default()
            .get_or_insert_default()
            .push(binding);
    }
    map
}

fn bind(bind: &Bind) -> Mount {
    let Bind {
        source,
        target,
        read_only,
    } = bind;
    Mount {
        typ: Some(MountType::BIND),
        source: Some(source.to_string_lossy().into_owned()),
        target: Some(target.clone()),
        read_only: Some(*read_only),
        bind_options: Some(MountBindOptions {
            propagation: Some(MountBindOptionsPropagationEnum::RPRIVATE),
            ..MountBindOptions::default()
        }),
        ..Mount::default()
    }
}

/// The Mounts form of a tmpfs knows neither owner nor `exec`, so the older map is used.
fn in_memory(tmpfs: &Tmpfs) -> (String, String) {
    let Tmpfs {
        target,
        bytes,
        exec,
        mode,
        owner,
    } = tmpfs;
    let run = if *exec { "exec" } else { "noexec" };
    let options = format!(
        "rw,nosuid,nodev,{run},size={bytes},mode={mode:o},uid={},gid={}",
        owner.uid, owner.gid
    );
    (target.clone(), options)
}

fn security(apparmor: Option<&str>) -> Vec<String> {
    let mut options = vec!["no-new-privileges".to_owned()];
    options.extend(apparmor.map(|profile| format!("apparmor={profile}")));
    options
}

fn limited(limits: &Limits) -> HostConfig {
    let Limits {
        memory_bytes,
        milli_cpus,
        pids,
    } = limits;
    HostConfig {
        memory: memory_bytes.map(signed),
        // the same number: no swap on top
        memory_swap: memory_bytes.map(signed),
        nano_cpus: milli_cpus.map(|milli| signed(milli.saturating_mul(1_000_000))),
        pids_limit: Some(i64::from(*pids)),
        ..HostConfig::default()
    }
}

/// By number: a count would be the engine's choice, and it does not know who has which.
fn graphics(gpus: &[u32]) -> DeviceRequest {
    DeviceRequest {
        driver: Some("nvidia".to_owned()),
        count: None,
        device_ids: Some(gpus.iter().map(u32::to_string).collect()),
        capabilities: Some(vec![vec!["gpu".to_owned()]]),
        options: None,
    }
}

fn log_rotation() -> HostConfigLogConfig {
    HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(HashMap::from([
            ("max-size".to_owned(), LOG_SIZE.to_owned()),
            ("max-file".to_owned(), LOG_FILES.to_owned()),
        ])),
    }
}

fn health(health: &EngineHealth) -> HealthConfig {
    let EngineHealth {
        test,
        interval_seconds,
        start_seconds,
    } = health;
    if test.is_empty() {
        // the image's own check would run at the image's own, often fast, pace
        return HealthConfig {
            test: Some(vec!["NONE".to_owned()]),
            ..HealthConfig::default()
        };
    }
    HealthConfig {
        test: Some(test.clone()),
        interval: Some(i64::from(*interval_seconds) * NANOS),
        timeout: Some(HEALTH_TIMEOUT_SECONDS * NANOS),
        retries: Some(HEALTH_RETRIES),
        start_period: Some(i64::from(*start_seconds) * NANOS),
        start_interval: None,
    }
}

/// The body that makes a network.
pub(super) fn network(spec: &NetworkSpec) -> NetworkCreateRequest {
    let NetworkSpec {
        name,
        subnet,
        gateway,
        bridge,
        labels,
    } = spec;
    NetworkCreateRequest {
        name: name.clone(),
        driver: Some("bridge".to_owned()),
        internal: Some(false),
        attachable: Some(false),
        enable_ipv6: Some(false),
        ipam: Some(Ipam {
            driver: Some("default".to_owned()),
            config: Some(vec![IpamConfig {
                subnet: Some(subnet.to_string()),
                gateway: Some(gateway.to_string()),
                ..IpamConfig::default()
            }]),
            options: None,
        }),
        options: Some(HashMap::from([(
            "com.docker.network.bridge.name".to_owned(),
            bridge.clone(),
        )])),
        labels: Some(labels.iter().map(|(k, v)| (k.clone(), v.clone())).collect()),
        ..NetworkCreateRequest::default()
    }
}
