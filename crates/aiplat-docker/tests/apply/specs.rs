//! Plans of tiny services.

use std::collections::BTreeMap;

use aiplat_core::plan::{Change, ContainerStep, Plan, PlannedStep, Step};
use aiplat_core::spec::{
    ContainerSpec, EngineHealth, Gate, Limits, NetworkMode, NetworkSpec, Owner, Probe, label,
};

const STACK: &str = "ai";
const ID: &str = "0123456789ab";

fn labels() -> BTreeMap<String, String> {
    BTreeMap::from([(label::STACK_ID.into(), ID.into())])
}

pub(crate) fn network() -> Step {
    Step::Network(NetworkSpec {
        name: STACK.into(),
        subnet: "172.30.0.0/26".parse().unwrap(),
        gateway: [172, 30, 0, 1].into(),
        bridge: "aip-01234567".into(),
        labels: labels(),
    })
}

pub(crate) fn service(name: &str, image: &str) -> ContainerStep {
    let spec = ContainerSpec {
        service: name.parse().unwrap(),
        name: format!("{STACK}-{name}").parse().unwrap(),
        image: image.into(),
        entrypoint: None,
        command: None,
        env: BTreeMap::new(),
        user: Owner { uid: 1, gid: 1 },
        groups: Vec::new(),
        workdir: None,
        network: NetworkMode::Stack {
            network: STACK.into(),
            aliases: vec![name.into()],
        },
        ports: Vec::new(),
        binds: Vec::new(),
        tmpfs: Vec::new(),
        read_only: true,
        capabilities: Vec::new(),
        apparmor: None,
        init: true,
        shm_bytes: None,
        gpus: Vec::new(),
        limits: Limits {
            memory_bytes: None,
            milli_cpus: None,
            pids: 1,
        },
        cgroup_parent: None,
        engine_health: EngineHealth {
            test: Vec::new(),
            interval_seconds: 1,
            start_seconds: 1,
        },
        stop_signal: None,
        stop_seconds: 1,
        labels: labels(),
        config_fingerprint: None,
    };
    let gate = Gate {
        service: spec.service.clone(),
        container: spec.name.clone(),
        address_of: spec.name.clone(),
        network: STACK.into(),
        probe: Probe::Engine,
        at: None,
        deadline_seconds: 2,
    };
    ContainerStep {
        hash: spec.hash(),
        spec,
        replaces: None,
        superseded: None,
        discard: None,
        resumes: None,
        copy: None,
        made_after: None,
        gate,
    }
}

pub(crate) fn container(step: ContainerStep) -> Step {
    Step::Container(Box::new(step))
}

pub(crate) fn plan(steps: Vec<(&str, &[&str], Step)>) -> Plan {
    let planned = |(id, after, step): (&str, &[&str], Step)| PlannedStep {
        id: id.to_owned(),
        after: after.iter().map(|&a| a.to_owned()).collect(),
        change: Change::Create,
        why: String::new(),
        risk: None,
        step,
    };
    Plan {
        stack: STACK.parse().unwrap(),
        stack_id: ID.parse().unwrap(),
        base_dir: "/x".into(),
        services: Vec::new(),
        steps: steps.into_iter().map(planned).collect(),
        notes: Vec::new(),
    }
}
