//! One service of the file.

use std::collections::BTreeMap;

use super::SecretsAs;
use super::model::{
    Attachment, BindOptions, Condition, Deploy, HealthCheck, LogOptions, Logging, Port, Service,
    Volume,
};
use super::text::{STACK_NETWORK, plain, value};
use crate::desired::{Desired, DesiredService};
use crate::spec::{
    Bind, ContainerSpec, EngineHealth, IpProtocol, NetworkMode, PublishedPort, Tmpfs,
};
use crate::text::Text;

/// What the engine is told in [`ContainerSpec`]'s place; rotation and health timing are those of the stack itself.
pub(super) fn of(wanted: &DesiredService, desired: &Desired, secrets: SecretsAs) -> Service {
    // every field by name, so that a new one of the specification cannot be forgotten here
    let ContainerSpec {
        service: _,
        name,
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
    } = &wanted.container;
    let texts = |all: &Vec<Text>| all.iter().map(|text| value(text, secrets)).collect();
    let (network_mode, networks) = attachment(network);
    let mut security_opt = vec!["no-new-privileges:true".to_owned()];
    security_opt.extend(apparmor.iter().map(|profile| format!("apparmor={profile}")));
    Service {
        image: plain(image),
        container_name: name.to_string(),
        entrypoint: entrypoint.as_ref().map(texts),
        command: command.as_ref().map(texts),
        user: format!("{}:{}", user.uid, user.gid),
        group_add: groups.iter().map(ToString::to_string).collect(),
        working_dir: workdir.as_deref().map(plain),
        environment: env
            .iter()
            .map(|(key, text)| (key.clone(), value(text, secrets)))
            .collect(),
        network_mode,
        networks,
        ports: ports.iter().map(port).collect(),
        volumes: binds.iter().map(bind).collect(),
        tmpfs: tmpfs.iter().map(in_memory).collect(),
        read_only: *read_only,
        cap_drop: vec!["ALL"],
        cap_add: capabilities.clone(),
        security_opt,
        init: *init,
        shm_size: *shm_bytes,
        mem_limit: limits.memory_bytes,
        memswap_limit: limits.memory_bytes,
        cpus: limits.milli_cpus.map(cpus),
        pids_limit: limits.pids,
        deploy: (!gpus.is_empty()).then(|| Deploy::of_gpus(gpus)),
        cgroup_parent: cgroup_parent.clone(),
        healthcheck: health(engine_health),
        depends_on: depends_on(wanted, desired),
        stop_signal: stop_signal.clone(),
        stop_grace_period: format!("{stop_seconds}s"),
        restart: "unless-stopped",
        logging: Logging {
            driver: "json-file",
            options: LogOptions {
                max_size: "10m",
                max_file: "3",
            },
        },
    }
}

#[allow(clippy::cast_precision_loss)] // thousandths of processors: far below 2^52
fn cpus(milli: u64) -> f64 {
    milli as f64 / 1000.0
}

fn attachment(network: &NetworkMode) -> (Option<String>, BTreeMap<&'static str, Attachment>) {
    match network {
        NetworkMode::Stack {
            network: _,
            aliases,
        } => {
            let attachment = Attachment {
                aliases: aliases.clone(),
            };
            (None, BTreeMap::from([(STACK_NETWORK, attachment)]))
        }
        NetworkMode::Container { service, name: _ } => {
            (Some(format!("service:{service}")), BTreeMap::new())
        }
        NetworkMode::None => (Some("none".to_owned()), BTreeMap::new()),
    }
}

fn port(port: &PublishedPort) -> Port {
    Port {
        host_ip: port.address.to_string(),
        published: port.host.to_string(),
        target: port.container,
        protocol: match port.protocol {
            IpProtocol::Tcp => "tcp",
            IpProtocol::Udp => "udp",
        },
    }
}

fn bind(bind: &Bind) -> Volume {
    Volume {
        kind: "bind",
        source: plain(&bind.source.to_string_lossy()),
        target: plain(&bind.target),
        read_only: bind.read_only,
        bind: BindOptions {
            propagation: "rprivate",
            create_host_path: false,
        },
    }
}

fn in_memory(tmpfs: &Tmpfs) -> String {
    let run = if tmpfs.exec { "exec" } else { "noexec" };
    format!(
        "{}:rw,nosuid,nodev,{run},size={},mode={:o},uid={},gid={}",
        plain(&tmpfs.target),
        tmpfs.bytes,
        tmpfs.mode,
        tmpfs.owner.uid,
        tmpfs.owner.gid
    )
}

fn health(health: &EngineHealth) -> HealthCheck {
    if health.test.is_empty() {
        return HealthCheck::Disabled { disable: true };
    }
    HealthCheck::Test {
        test: health.test.iter().map(|word| plain(word)).collect(),
        interval: format!("{}s", health.interval_seconds),
        timeout: "10s",
        retries: 3,
        start_period: format!("{}s", health.start_seconds),
    }
}

/// Compose knows the engine's health check only: what has none counts as ready when it is started.
fn depends_on(wanted: &DesiredService, desired: &Desired) -> BTreeMap<String, Condition> {
    let checked = |name: &_| {
        let service = desired.service(name);
        service.is_some_and(|service| !service.container.engine_health.test.is_empty())
    };
    let condition = |checked| {
        if checked {
            "service_healthy"
        } else {
            "service_started"
        }
    };
    wanted
        .after
        .iter()
        .map(|name| {
            (
                name.to_string(),
                Condition {
                    condition: condition(checked(name)),
                },
            )
        })
        .collect()
}
