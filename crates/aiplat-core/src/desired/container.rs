//! A service's container, hardened by default; every departure is an exception in its service file.

use std::collections::BTreeMap;

use super::{Context, host, limits, profile, secrets};
use crate::catalogue::{Allowance, Identity, MountKind, Service, bytes};
use crate::render::RenderError;
use crate::settings::Publish;
use crate::spec::{Bind, ContainerSpec, EngineHealth, NetworkMode, PublishedPort, Tmpfs, label};
use crate::text::Text;

/// Seconds between two of the engine's own probes: each costs it some 40 ms of processor.
const ENGINE_PROBE_SECONDS: u32 = 60;
/// Processors of a service without a limit of its own.
const STOP_SECONDS: u32 = 10;

pub(super) fn spec(
    context: &Context<'_>,
    service: &Service,
    config_fingerprint: Option<String>,
) -> Result<ContainerSpec, Vec<RenderError>> {
    let config = context.config;
    let mut problems = Vec::new();
    let mut render = |place: &str, template: &str| {
        context
            .renderer
            .text(service, place, template)
            .unwrap_or_else(|problem| {
                problems.push(problem);
                Text::plain("")
            })
    };
    let mut argv = |place: &str, words: &Option<Vec<String>>| {
        words
            .as_ref()
            .map(|w| w.iter().map(|word| render(place, word)).collect::<Vec<_>>())
    };
    let entrypoint = argv("run.entrypoint", &service.run.entrypoint);
    let command = argv("run.command", &service.run.command);
    let env = env(context, service, &mut render);
    if !problems.is_empty() {
        return Err(problems);
    }
    let owner = context.owner(service);
    let allows = |wanted: &Allowance| service.exceptions.iter().any(|e| e.allow == *wanted);
    let mut labels = host::labels(config);
    labels.insert(label::SERVICE.to_owned(), service.name.to_string());
    Ok(ContainerSpec {
        service: service.name.clone(),
        name: config.container(&service.name),
        image: config.image(service),
        entrypoint,
        command,
        env,
        user: owner,
        groups: service
            .exceptions
            .iter()
            .filter_map(|e| {
                if let Allowance::Group(gid) = e.allow {
                    Some(gid)
                } else {
                    None
                }
            })
            .collect(),
        workdir: service.run.workdir.clone(),
        network: network(context, service),
        ports: ports(context, service),
        binds: binds(context, service),
        tmpfs: service
            .tmpfs
            .iter()
            .map(|t| Tmpfs {
                target: t.target.clone(),
                bytes: bytes(&t.size).unwrap_or(64 << 20),
                exec: t.exec && allows(&Allowance::Exec(t.target.clone())),
                mode: t
                    .mode
                    .as_deref()
                    .and_then(|m| u32::from_str_radix(m, 8).ok())
                    .unwrap_or(0o1777),
                owner,
            })
            .collect(),
        read_only: !allows(&Allowance::WritableRoot),
        capabilities: service
            .exceptions
            .iter()
            .filter_map(|e| match &e.allow {
                Allowance::Capability(name) => Some(name.clone()),
                _ => None,
            })
            .collect(),
        apparmor: context
            .enforced
            .then(|| profile::name(context, service).ok().map(|n| n.to_string()))
            .flatten(),
        init: service.run.init,
        shm_bytes: service.run.shm.as_deref().and_then(bytes),
        limits: limits::limits(config, service, context.engine),
        gpus: context.gpus(service),
        cgroup_parent: config.cgroup_parent(&context.engine.cgroup_driver),
        engine_health: EngineHealth {
            test: service.health.engine.clone(),
            interval_seconds: ENGINE_PROBE_SECONDS,
            start_seconds: service.health.start_seconds,
        },
        stop_signal: service.run.stop_signal.clone(),
        stop_seconds: service.run.stop_seconds.unwrap_or(STOP_SECONDS),
        labels,
        config_fingerprint,
    })
}

/// What every process may expect, then what the service inherits, its own entries, and its wiring to the store.
fn env(
    context: &Context<'_>,
    service: &Service,
    render: &mut impl FnMut(&str, &str) -> Text,
) -> BTreeMap<String, Text> {
    let mut env = BTreeMap::new();
    if let Some(home) = &service.run.home {
        env.insert("HOME".to_owned(), Text::plain(home.clone()));
    }
    env.insert("SHELL".to_owned(), Text::plain("/bin/sh"));
    if service.run.gpu {
        // such images ask for all of them, and a host's run time may hand them out for the asking
        let numbers: Vec<String> = context.gpus(service).iter().map(u32::to_string).collect();
        let seen = if numbers.is_empty() {
            "void".to_owned()
        } else {
            numbers.join(",")
        };
        env.insert("NVIDIA_VISIBLE_DEVICES".to_owned(), Text::plain(seen));
    }
    let inherited = service
        .inherits_env
        .as_ref()
        .and_then(|name| context.catalogue.get(name));
    for (key, template) in inherited.iter().flat_map(|s| &s.env).chain(&service.env) {
        env.insert(key.clone(), render(&format!("env.{key}"), template));
    }
    let store = context.config.vector_store();
    if let aiplat_vectordb::Wiring::Env { env: wiring, .. } = service.vector.get(store) {
        for (key, template) in wiring {
            env.insert(
                key.clone(),
                render(&format!("vector.{store}.env.{key}"), template),
            );
        }
    }
    env
}

fn network(context: &Context<'_>, service: &Service) -> NetworkMode {
    let config = context.config;
    if let Some(owner) = &service.run.network_of {
        return NetworkMode::Container {
            service: owner.clone(),
            name: config.container(owner),
        };
    }
    // those that share the namespace are reached by its address, under their own names
    let guests = guests(context, service).map(|s| s.name.to_string());
    let own = std::iter::once(service.name.to_string()).chain(service.run.aliases.iter().cloned());
    NetworkMode::Stack {
        network: config.name().to_string(),
        aliases: own.chain(guests).collect(),
    }
}

/// Selected services that share this one's network namespace.
fn guests<'a>(context: &'a Context<'_>, service: &'a Service) -> impl Iterator<Item = &'a Service> {
    let selected = context.config.selection.services().iter();
    selected
        .filter_map(|name| context.catalogue.get(name))
        .filter(|s| s.run.network_of.as_ref() == Some(&service.name))
}

fn ports(context: &Context<'_>, service: &Service) -> Vec<PublishedPort> {
    if service.run.network_of.is_some() {
        return Vec::new();
    }
    let config = context.config;
    let settings = &config.settings;
    let all = std::iter::once(service)
        .chain(guests(context, service))
        .flat_map(|s| &s.ports);
    let mut published: Vec<_> = all
        .filter_map(|port| {
            let key = port.key.as_ref()?;
            let host = *config.allocation.ports.get(key)?;
            let edge = key.starts_with("CADDY_");
            let open = edge || *settings.publish.get() == Publish::All;
            let address = if edge {
                &settings.front_door_address
            } else {
                &settings.bind_address
            };
            open.then(|| PublishedPort {
                address: *address.get(),
                host,
                container: port.container,
                protocol: port.protocol,
            })
        })
        .collect();
    published.sort();
    published
}

fn binds(context: &Context<'_>, service: &Service) -> Vec<Bind> {
    let config = context.config;
    let mut binds: Vec<_> = service
        .mounts
        .iter()
        .map(|mount| Bind {
            source: host::mount_source(config, service, mount),
            target: mount.target.clone(),
            read_only: mount.read_only || mount.kind == MountKind::Config,
        })
        .collect();
    for name in secrets::mounted(context, service) {
        binds.push(Bind {
            source: config.path("config/secrets").join(name.as_str()),
            target: format!("/run/secrets/{name}"),
            read_only: true,
        });
    }
    if service.run.identity != Identity::Root {
        for (name, target) in [("passwd", "/etc/passwd"), ("group", "/etc/group")] {
            binds.push(Bind {
                source: context.config_dir(service).join(name),
                target: target.to_owned(),
                read_only: true,
            });
        }
    }
    binds.sort_by(|a, b| a.target.cmp(&b.target));
    binds.dedup();
    binds
}
