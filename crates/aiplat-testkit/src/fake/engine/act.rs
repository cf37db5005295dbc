//! What each call does to the state, as the real engine would.

use aiplat_core::observed::{
    ContainerState, ImageFacts, ObservedContainer, ObservedNetwork, ObservedPort,
};
use aiplat_core::spec::{ContainerSpec, NetworkMode, NetworkSpec, label};
use aiplat_docker::engine::{
    Answer, ContainerDetail, EngineError, ExecOutput, Health, HealthState, Life, LogLine,
    NetworkDetail,
};

use super::{live, node};
use crate::fake::answers::{self, serve};
use crate::fake::doors::Door;
use crate::fake::state::{Container, Node, State};

pub(super) fn absent(kind: &str, id: &str) -> EngineError {
    EngineError::NotFound {
        what: format!("{kind} `{id}`"),
    }
}

pub(super) fn refused(what: &str, status: u16, words: impl Into<String>) -> EngineError {
    EngineError::Refused {
        what: what.to_owned(),
        status,
        words: words.into(),
    }
}

pub(super) fn find(state: &State, id: &str) -> Answer<String> {
    state.find(id).ok_or_else(|| absent("container", id))
}

fn get<'s>(state: &'s mut State, id: &str) -> Answer<&'s mut Container> {
    let id = find(state, id)?;
    state
        .containers
        .get_mut(&id)
        .ok_or_else(|| absent("container", &id))
}

pub(super) fn pull(state: &mut State, reference: &str) -> Answer<()> {
    if state
        .registry
        .as_ref()
        .is_some_and(|all| !all.contains(reference))
    {
        return Err(EngineError::PullFailed {
            reference: reference.to_owned(),
            words: "no registry has it".to_owned(),
        });
    }
    let facts = ImageFacts {
        id: format!("sha256:{reference}"),
        stand_in: false,
        ..ImageFacts::default()
    };
    state.images.insert(reference.to_owned(), facts);
    Ok(())
}

pub(super) fn listed(state: &State) -> Vec<ObservedContainer> {
    let all = state.containers.iter();
    all.map(|(id, c)| ObservedContainer {
        id: id.clone(),
        name: c.name.clone(),
        image: c.spec.image.clone(),
        state: c.state,
        status: String::new(),
        labels: c.labels.clone(),
        networks: c
            .network()
            .map(|n| (n.to_owned(), c.address))
            .into_iter()
            .collect(),
        ports: if c.state == ContainerState::Running {
            published(&c.spec)
        } else {
            Vec::new()
        },
        mounts: Some(c.spec.binds.iter().cloned().collect()),
        limits: None,
        differs: None,
        created: 0,
    })
    .collect()
}

fn published(spec: &ContainerSpec) -> Vec<ObservedPort> {
    let ports = spec.ports.iter();
    ports
        .map(|port| ObservedPort {
            address: port.address.into(),
            host: port.host,
            container: port.container,
            protocol: port.protocol,
        })
        .collect()
}

pub(super) fn networks(state: &State) -> Vec<ObservedNetwork> {
    let all = state.networks.iter();
    all.map(|(id, n)| ObservedNetwork {
        id: id.clone(),
        name: n.name.clone(),
        driver: "bridge".to_owned(),
        subnets: vec![n.subnet],
        labels: n.labels.clone(),
    })
    .collect()
}

fn network_id(state: &State, id: &str) -> Answer<String> {
    let found = state
        .networks
        .iter()
        .find(|(key, n)| *key == id || n.name == id);
    found
        .map(|(key, _)| key.clone())
        .ok_or_else(|| absent("network", id))
}

pub(super) fn make_network(state: &mut State, spec: &NetworkSpec) -> Answer<String> {
    if state.networks.values().any(|n| n.name == spec.name) {
        return Err(EngineError::NameTaken {
            name: spec.name.clone(),
        });
    }
    let overlaps =
        |n: &NetworkSpec| n.subnet.contains(&spec.subnet) || spec.subnet.contains(&n.subnet);
    if state.networks.values().any(overlaps) {
        return Err(EngineError::SubnetTaken {
            subnet: spec.subnet.to_string(),
        });
    }
    let id = format!("{:064x}", 0xbb00_0000_u64 + u64::from(state.number()));
    state.networks.insert(id.clone(), spec.clone());
    Ok(id)
}

pub(super) fn network(state: &State, id: &str) -> Answer<NetworkDetail> {
    let id = network_id(state, id)?;
    let spec = &state.networks[&id];
    let attached = state
        .running()
        .filter(|(_, c)| c.network() == Some(&spec.name));
    Ok(NetworkDetail {
        name: spec.name.clone(),
        driver: "bridge".to_owned(),
        subnets: vec![spec.subnet.to_string()],
        options: [(
            "com.docker.network.bridge.name".to_owned(),
            spec.bridge.clone(),
        )]
        .into(),
        labels: spec.labels.clone(),
        attached: attached.map(|(_, c)| c.name.clone()).collect(),
        id,
    })
}

pub(super) fn remove_network(state: &mut State, id: &str) -> Answer<()> {
    let found = network(state, id)?;
    if !found.attached.is_empty() {
        let words = format!("network {} has active endpoints", found.name);
        return Err(refused("remove the network", 403, words));
    }
    state.networks.remove(&found.id);
    Ok(())
}

pub(super) fn create(state: &mut State, spec: &ContainerSpec, life: Life<'_>) -> Answer<String> {
    if !state.images.contains_key(&spec.image) {
        return Err(EngineError::ImageAbsent {
            reference: spec.image.clone(),
        });
    }
    if state.find(spec.name.as_str()).is_some() {
        return Err(EngineError::NameTaken {
            name: spec.name.to_string(),
        });
    }
    for bind in &spec.binds {
        if state.node(&bind.source).is_none() {
            let words = format!("bind source path does not exist: {}", bind.source.display());
            return Err(refused("make the container", 400, words));
        }
    }
    let shares = match &spec.network {
        NetworkMode::Container { name, .. } => Some(find(state, name.as_str())?),
        NetworkMode::Stack { .. } | NetworkMode::None => None,
    };
    let mut labels = spec.labels.clone();
    labels.insert(label::SERVICE.to_owned(), spec.service.to_string());
    match life {
        Life::Service { hash } => {
            labels.insert(label::SPEC_HASH.to_owned(), hash.to_owned());
            labels.insert(label::SPEC_SECTIONS.to_owned(), spec.sections());
        }
        Life::Once { purpose } => {
            labels
                .entry(label::PURPOSE.to_owned())
                .or_insert_with(|| purpose.to_owned());
        }
    }
    let number = state.number();
    let made = Container {
        name: spec.name.to_string(),
        spec: spec.clone(),
        labels,
        once: matches!(life, Life::Once { .. }),
        state: ContainerState::Created,
        exit_code: 0,
        address: None,
        shares,
        pid: 100_000 + number,
        starts: 0,
        servers: Vec::new(),
        door: Door::default(),
    };
    let id = format!("{:064x}", 0xcc00_0000_u64 + u64::from(number));
    state.containers.insert(id.clone(), made);
    Ok(id)
}

pub(super) fn start(state: &mut State, id: &str) -> Answer<()> {
    let id = find(state, id)?;
    let found = state.containers[&id].clone();
    if found.state == ContainerState::Running {
        return Ok(());
    }
    if found.state == ContainerState::Paused {
        let words = "cannot start a paused container, try unpause instead";
        return Err(refused("start the container", 409, words));
    }
    if let Some(network) = found.network() {
        network_id(state, network)?;
    }
    for port in &found.spec.ports {
        let meets = |a: std::net::IpAddr| {
            a == port.address || a.is_unspecified() || port.address.is_unspecified()
        };
        let taken = state
            .running()
            .flat_map(|(_, c)| published(&c.spec))
            .any(|p| p.host == port.host && meets(p.address));
        let listened = state
            .listeners
            .iter()
            .any(|l| l.port == port.host && meets(l.address));
        if taken || listened {
            return Err(EngineError::PortTaken {
                address: port.address.into(),
                port: port.host,
            });
        }
    }
    let address = match &found.shares {
        None => found.network().map(|_| answers::address()),
        Some(owner) => {
            let owner = state
                .containers
                .get(owner)
                .ok_or_else(|| absent("container", owner))?;
            if owner.state != ContainerState::Running {
                let words = format!(
                    "cannot join network namespace of container {}: it is not running",
                    owner.name
                );
                return Err(refused("start the container", 409, words));
            }
            owner.address
        }
    };
    let sick = state.sick.contains(&found.spec.image);
    let ends = if found.once {
        let refused = state.refused.contains(&found.spec.image);
        let code = state.ends.get(&found.spec.image).copied();
        Some(code.unwrap_or_else(|| i64::from(refused)))
    } else {
        state.ends.get(&found.spec.image).copied()
    };
    let lesson = state
        .lessons
        .get(found.spec.service.as_str())
        .cloned()
        .unwrap_or_default();
    let door = Door::of(state, &found.name, &found.spec);
    let servers = match address.filter(|_| ends.is_none()) {
        Some(address) => serve(address, &lesson, sick, &door)
            .map_err(|error| refused("start the container", 500, error.to_string()))?,
        None => Vec::new(),
    };
    if state.writing && !found.once {
        writes(state, &found.spec);
    }
    let container = get(state, &id)?;
    container.starts += 1;
    container.servers = servers;
    container.door = door;
    container.address = address.filter(|_| ends.is_none() && container.shares.is_none());
    container.state = if ends.is_some() {
        ContainerState::Exited
    } else {
        ContainerState::Running
    };
    container.exit_code = ends.unwrap_or(0);
    live::note(state, &id, "start");
    Ok(())
}

/// A program that starts brings its data to its own format.
fn writes(state: &mut State, spec: &ContainerSpec) {
    let own = spec.binds.iter().filter(|b| !b.read_only);
    for bind in own.filter(|b| b.source.components().any(|c| c.as_os_str() == "data")) {
        if matches!(state.tree.get(&bind.source), Some(Node::Directory { .. })) {
            let written = Node::File {
                owner: spec.user,
                mode: 0o600,
                content: spec.image.clone().into_bytes(),
            };
            state.tree.insert(bind.source.join("written-by"), written);
        }
    }
}

pub(super) fn stop(state: &mut State, id: &str) -> Answer<()> {
    let id = find(state, id)?;
    let container = get(state, &id)?;
    let ran = matches!(
        container.state,
        ContainerState::Running | ContainerState::Paused
    );
    if ran {
        container.state = ContainerState::Exited;
    }
    container.address = None;
    container.servers.clear();
    if ran {
        live::note(state, &id, "die");
    }
    Ok(())
}

pub(super) fn pause(state: &mut State, id: &str) -> Answer<()> {
    let container = get(state, id)?;
    match container.state {
        ContainerState::Running | ContainerState::Paused => {
            container.state = ContainerState::Paused;
            Ok(())
        }
        _ => Err(refused(
            "pause the container",
            409,
            "container is not running",
        )),
    }
}

pub(super) fn unpause(state: &mut State, id: &str) -> Answer<()> {
    let container = get(state, id)?;
    if container.state == ContainerState::Paused {
        container.state = ContainerState::Running;
    }
    Ok(())
}

pub(super) fn differences(state: &State, id: &str, spec: &ContainerSpec) -> Answer<Vec<String>> {
    let id = find(state, id)?;
    let same = state.containers[&id].spec == *spec;
    Ok(if same {
        Vec::new()
    } else {
        vec!["a setting".to_owned()]
    })
}

pub(super) fn signal(state: &mut State, id: &str) -> Answer<()> {
    let container = get(state, id)?;
    if container.state == ContainerState::Running {
        Ok(())
    } else {
        Err(refused(
            "signal the container",
            409,
            "container is not running",
        ))
    }
}

pub(super) fn rename(state: &mut State, id: &str, name: &str) -> Answer<()> {
    let id = find(state, id)?;
    match state.find(name) {
        Some(other) if other == id => {
            let words = "Renaming a container with the same name as its current name";
            Err(refused("rename the container", 400, words))
        }
        Some(_) => Err(EngineError::NameTaken {
            name: name.to_owned(),
        }),
        None => {
            name.clone_into(&mut get(state, &id)?.name);
            Ok(())
        }
    }
}

pub(super) fn remove(state: &mut State, id: &str, force: bool) -> Answer<()> {
    let id = find(state, id)?;
    if state.containers[&id].state == ContainerState::Running && !force {
        return Err(refused(
            "remove the container",
            409,
            "the container is running",
        ));
    }
    state.containers.remove(&id);
    Ok(())
}

pub(super) fn inspect(state: &State, id: &str) -> Answer<ContainerDetail> {
    let id = find(state, id)?;
    let c = &state.containers[&id];
    let up = c.state == ContainerState::Running;
    let sick = state.sick.contains(&c.spec.image);
    let health = Health {
        state: if sick {
            HealthState::Unhealthy
        } else {
            HealthState::Healthy
        },
        last_output: if sick {
            "sick".to_owned()
        } else {
            String::new()
        },
    };
    let addresses = c
        .network()
        .zip(c.address)
        .map(|(network, address)| (network.to_owned(), address));
    Ok(ContainerDetail {
        name: c.name.clone(),
        labels: c.labels.clone(),
        image_id: format!("sha256:{}", c.spec.image),
        image: c.spec.image.clone(),
        state: c.state,
        pid: up.then_some(c.pid),
        exit_code: c.exit_code,
        out_of_memory: false,
        error: String::new(),
        restart_count: 0,
        health: (!c.spec.engine_health.test.is_empty()).then_some(health),
        addresses: addresses.into_iter().collect(),
        network_mode: match (&c.shares, c.network()) {
            (Some(owner), _) => format!("container:{owner}"),
            (None, Some(network)) => network.to_owned(),
            (None, None) => "none".to_owned(),
        },
        apparmor_profile: c.spec.apparmor.clone().unwrap_or_default(),
        started_at: c.starts.to_string(),
        finished_at: String::new(),
        id,
    })
}

/// The exit code of a container that does not run.
pub(super) fn exit_code(state: &State, id: &str) -> Answer<Option<i64>> {
    let id = find(state, id)?;
    let container = &state.containers[&id];
    Ok((container.state != ContainerState::Running).then_some(container.exit_code))
}

pub(super) fn log(state: &State, id: &str, lines: u32) -> Answer<Vec<LogLine>> {
    let id = find(state, id)?;
    let written = state
        .logs
        .get(&state.containers[&id].spec.image)
        .cloned()
        .unwrap_or_default();
    let from = written.len().saturating_sub(lines as usize);
    let line = |text: &String| LogLine {
        stderr: false,
        text: text.clone(),
    };
    Ok(written[from..].iter().map(line).collect())
}

pub(super) fn exec(state: &mut State, id: &str, argv: &[String]) -> Answer<ExecOutput> {
    let id = find(state, id)?;
    let container = &state.containers[&id];
    if container.state != ContainerState::Running {
        return Err(refused(
            "run a command",
            409,
            "the container is not running",
        ));
    }
    if argv.first().is_some_and(|program| program == "tailscale") {
        return Ok(node::command(state, &id, argv));
    }
    let sick = state.sick.contains(&container.spec.image);
    Ok(ExecOutput {
        exit_code: i64::from(sick),
        output: String::new(),
    })
}
