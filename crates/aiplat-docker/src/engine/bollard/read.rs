//! The engine's answers in our words. A field that an older engine does not send gets a harmless value.

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use aiplat_core::observed::{
    ContainerState, EngineFacts, ImageFacts, ObservedContainer, ObservedNetwork, ObservedPort,
};
use aiplat_core::spec::{Bind, IpProtocol, label};
use bollard::ClientVersion;
use bollard::container::LogOutput;
use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerSummary,
    ContainerSummaryStateEnum, EndpointSettings, Health as WireHealth, HealthStatusEnum,
    ImageInspect, ImageSummary, Ipam, MountPoint, Network, NetworkInspect, PortSummary,
    PortSummaryTypeEnum, SystemInfo, SystemInfoCgroupVersionEnum, SystemVersion,
};

use crate::engine::{ContainerDetail, Health, HealthState, LogLine, NetworkDetail};

fn sorted(map: Option<HashMap<String, String>>) -> BTreeMap<String, String> {
    map.unwrap_or_default().into_iter().collect()
}

pub(super) fn facts(
    version: SystemVersion,
    info: SystemInfo,
    api: ClientVersion,
    local: bool,
) -> EngineFacts {
    let options = info.security_options.unwrap_or_default();
    let has = |name: &str| {
        options
            .iter()
            .any(|o| o.split(',').any(|part| part == format!("name={name}")))
    };
    let podman = version
        .components
        .iter()
        .flatten()
        .any(|c| c.name.to_lowercase().contains("podman"));
    // a desktop product keeps its containers inside a virtual machine
    let desktop = info
        .operating_system
        .as_deref()
        .is_some_and(|os| os.contains("Desktop"));
    let rootless = has("rootless");
    EngineFacts {
        version: version.version.or(info.server_version).unwrap_or_default(),
        api_version: format!("{}.{}", api.major_version, api.minor_version),
        product: if podman { "podman" } else { "docker" }.to_owned(),
        apparmor: has("apparmor"),
        rootless,
        reachable: local && !rootless && !desktop,
        cgroup_driver: info
            .cgroup_driver
            .map_or_else(|| "none".to_owned(), |driver| driver.to_string()),
        cgroup_version: match info.cgroup_version {
            Some(SystemInfoCgroupVersionEnum::_2) => 2,
            _ => 1,
        },
        root_dir: info.docker_root_dir.unwrap_or_default().into(),
        cpus: info
            .ncpu
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(1)
            .max(1),
        memory_bytes: info
            .mem_total
            .and_then(|n| u64::try_from(n).ok())
            .unwrap_or_default(),
    }
}

pub(super) fn container(summary: ContainerSummary) -> Option<ObservedContainer> {
    let networks = summary
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default();
    let mut ports: Vec<_> = summary
        .ports
        .unwrap_or_default()
        .iter()
        .filter_map(port)
        .collect();
    ports.sort_unstable();
    ports.dedup();
    Some(ObservedContainer {
        id: summary.id?,
        name: own_name(summary.names.unwrap_or_default()),
        image: summary.image.unwrap_or_default(),
        state: summary_state(summary.state),
        status: summary.status.unwrap_or_default(),
        labels: sorted(summary.labels),
        networks: networks
            .into_iter()
            .map(|(name, endpoint)| (name, address(&endpoint)))
            .collect(),
        ports,
        mounts: summary
            .mounts
            .map(|all| all.into_iter().filter_map(mount).collect()),
        limits: None,
        differs: None,
        created: summary.created.unwrap_or_default(),
    })
}

/// A container is listed under its own name and under every link to it, which has a second slash.
fn own_name(names: Vec<String>) -> String {
    let bare: Vec<String> = names
        .into_iter()
        .map(|n| n.trim_start_matches('/').to_owned())
        .collect();
    bare.iter()
        .find(|n| !n.contains('/'))
        .or(bare.first())
        .cloned()
        .unwrap_or_default()
}

/// A directory or file of the host; a volume that an image made the engine add is none of ours.
fn mount(point: MountPoint) -> Option<Bind> {
    (point.typ.as_deref() == Some("bind")).then_some(Bind {
        source: point.source?.into(),
        target: point.destination?,
        read_only: !point.rw.unwrap_or(true),
    })
}

fn address(endpoint: &EndpointSettings) -> Option<Ipv4Addr> {
    endpoint
        .ip_address
        .as_deref()
        .and_then(|text| text.parse().ok())
}

fn port(port: &PortSummary) -> Option<ObservedPort> {
    let protocol = match port.typ {
        Some(PortSummaryTypeEnum::UDP) => IpProtocol::Udp,
        Some(PortSummaryTypeEnum::SCTP) => return None,
        _ => IpProtocol::Tcp,
    };
    let text = port
        .ip
        .as_deref()
        .filter(|text| !text.is_empty())
        .unwrap_or("0.0.0.0");
    Some(ObservedPort {
        address: text.parse().ok()?,
        host: port.public_port.filter(|port| *port != 0)?,
        container: port.private_port,
        protocol,
    })
}

fn summary_state(state: Option<ContainerSummaryStateEnum>) -> ContainerState {
    use ContainerSummaryStateEnum as Wire;
    match state {
        Some(Wire::RUNNING | Wire::STOPPING) => ContainerState::Running,
        Some(Wire::PAUSED) => ContainerState::Paused,
        Some(Wire::RESTARTING) => ContainerState::Restarting,
        Some(Wire::REMOVING) => ContainerState::Removing,
        Some(Wire::EXITED) => ContainerState::Exited,
        Some(Wire::DEAD) => ContainerState::Dead,
        Some(Wire::CREATED | Wire::EMPTY) | None => ContainerState::Created,
    }
}

fn detail_state(state: Option<ContainerStateStatusEnum>) -> ContainerState {
    use ContainerStateStatusEnum as Wire;
    match state {
        Some(Wire::RUNNING | Wire::STOPPING) => ContainerState::Running,
        Some(Wire::PAUSED) => ContainerState::Paused,
        Some(Wire::RESTARTING) => ContainerState::Restarting,
        Some(Wire::REMOVING) => ContainerState::Removing,
        Some(Wire::EXITED) => ContainerState::Exited,
        Some(Wire::DEAD) => ContainerState::Dead,
        Some(Wire::CREATED | Wire::EMPTY) | None => ContainerState::Created,
    }
}

pub(super) fn container_detail(found: ContainerInspectResponse) -> ContainerDetail {
    let state = found.state.unwrap_or_default();
    let config = found.config.unwrap_or_default();
    let networks = found
        .network_settings
        .and_then(|settings| settings.networks)
        .unwrap_or_default();
    ContainerDetail {
        id: found.id.unwrap_or_default(),
        name: found
            .name
            .unwrap_or_default()
            .trim_start_matches('/')
            .to_owned(),
        labels: sorted(config.labels),
        image_id: found.image.unwrap_or_default(),
        image: config.image.unwrap_or_default(),
        state: detail_state(state.status),
        pid: state
            .pid
            .and_then(|pid| u32::try_from(pid).ok())
            .filter(|pid| *pid != 0),
        exit_code: state.exit_code.unwrap_or_default(),
        out_of_memory: state.oom_killed.unwrap_or_default(),
        error: state.error.unwrap_or_default(),
        restart_count: found
            .restart_count
            .and_then(|n| u64::try_from(n).ok())
            .unwrap_or_default(),
        health: state.health.and_then(health),
        addresses: networks
            .iter()
            .filter_map(|(name, e)| Some((name.clone(), address(e)?)))
            .collect(),
        network_mode: found
            .host_config
            .and_then(|host| host.network_mode)
            .unwrap_or_default(),
        apparmor_profile: found.app_armor_profile.unwrap_or_default(),
        started_at: state
            .started_at
            .filter(|at| !at.starts_with("0001-"))
            .unwrap_or_default(),
        finished_at: state
            .finished_at
            .filter(|at| !at.starts_with("0001-"))
            .unwrap_or_default(),
    }
}

fn health(health: WireHealth) -> Option<Health> {
    let state = match health.status? {
        HealthStatusEnum::STARTING => HealthState::Starting,
        HealthStatusEnum::HEALTHY => HealthState::Healthy,
        // so the engine marks a check that it stopped, as it does when a container is paused: no check has failed, and
        // only the next one, after a whole interval, says more
        HealthStatusEnum::UNHEALTHY if health.failing_streak == Some(0) => HealthState::Starting,
        HealthStatusEnum::UNHEALTHY => HealthState::Unhealthy,
        HealthStatusEnum::EMPTY | HealthStatusEnum::NONE => return None,
    };
    let last = health
        .log
        .unwrap_or_default()
        .pop()
        .and_then(|result| result.output);
    Some(Health {
        state,
        last_output: last.unwrap_or_default().trim().to_owned(),
    })
}

fn subnets(ipam: Option<Ipam>) -> Vec<String> {
    ipam.and_then(|ipam| ipam.config)
        .unwrap_or_default()
        .into_iter()
        .filter_map(|config| config.subnet)
        .collect()
}

pub(super) fn network(network: Network) -> ObservedNetwork {
    ObservedNetwork {
        id: network.id.unwrap_or_default(),
        name: network.name.unwrap_or_default(),
        driver: network.driver.unwrap_or_default(),
        subnets: subnets(network.ipam)
            .iter()
            .filter_map(|subnet| subnet.parse().ok())
            .collect(),
        labels: sorted(network.labels),
    }
}

pub(super) fn network_detail(network: NetworkInspect) -> NetworkDetail {
    let mut attached: Vec<_> = network
        .containers
        .unwrap_or_default()
        .into_values()
        .filter_map(|endpoint| endpoint.name)
        .collect();
    attached.sort_unstable();
    NetworkDetail {
        id: network.id.unwrap_or_default(),
        name: network.name.unwrap_or_default(),
        driver: network.driver.unwrap_or_default(),
        subnets: subnets(network.ipam),
        options: sorted(network.options),
        labels: sorted(network.labels),
        attached,
    }
}

fn imitation(labels: &HashMap<String, String>) -> bool {
    labels
        .get(label::STAND_IN)
        .is_some_and(|value| value == "true")
}

pub(super) fn images(list: Vec<ImageSummary>) -> BTreeMap<String, ImageFacts> {
    let mut images = BTreeMap::new();
    for image in list {
        let facts = ImageFacts {
            stand_in: imitation(&image.labels),
            id: image.id.clone(),
            ..ImageFacts::default()
        };
        let references = image.repo_tags.into_iter().chain(image.repo_digests);
        // "<none>:<none>" is how older engines write that there is none
        for reference in references
            .filter(|reference| !reference.starts_with("<none>"))
            .chain([image.id])
        {
            images.insert(reference, facts.clone());
        }
    }
    images
}

pub(super) fn image(found: ImageInspect) -> ImageFacts {
    let config = found.config.unwrap_or_default();
    let env = config.env.unwrap_or_default();
    ImageFacts {
        id: found.id.unwrap_or_default(),
        stand_in: imitation(&config.labels.unwrap_or_default()),
        volumes: Some(config.volumes.into_iter().flatten().collect()),
        env: env
            .iter()
            .filter_map(|entry| entry.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    }
}

pub(super) fn log_line(output: LogOutput) -> LogLine {
    let stderr = matches!(output, LogOutput::StdErr { .. });
    let bytes = output.into_bytes();
    let text = String::from_utf8_lossy(&bytes);
    LogLine {
        stderr,
        text: text.trim_end_matches(['\n', '\r']).to_owned(),
    }
}
