//! Specifications of tiny services.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};

use aiplat_core::plan::{ContainerStep, RemoveContainer, Step};
use aiplat_core::spec::{
    ContainerSpec, EngineHealth, Gate, Limits, NetworkMode, NetworkSpec, Owner, Probe, Tmpfs, label,
};
use aiplat_core::text::Text;

use crate::support::{Bed, IMAGE};

/// Runs as nobody in particular.
pub(crate) const USER: Owner = Owner {
    uid: 41_234,
    gid: 41_235,
};

/// Each network its own small subnet, in a range that nothing else here uses.
static SUBNET: AtomicU16 = AtomicU16::new(0);

impl Bed {
    pub(crate) fn labels(&self) -> BTreeMap<String, String> {
        BTreeMap::from([
            (label::STACK.to_owned(), self.stack()),
            (label::STACK_ID.to_owned(), self.id.to_string()),
            ("aiplat.test".to_owned(), "true".to_owned()),
        ])
    }

    pub(crate) fn network(&self) -> NetworkSpec {
        // 198.18.0.0/15 is set aside for tests of networks; processes of one machine share it by their numbers
        let offset =
            (std::process::id() * 7 + u32::from(SUBNET.fetch_add(1, Ordering::SeqCst))) % 4096;
        let base = 0xC612_0000 + offset * 32;
        let at = |last: u32| std::net::Ipv4Addr::from(base + last);
        NetworkSpec {
            name: self.stack(),
            subnet: ipnet::Ipv4Net::new(at(0), 27).unwrap(),
            gateway: at(1),
            bridge: format!("ait-{}", &self.id.as_str()[4..]),
            labels: self.labels(),
        }
    }

    /// A service that runs a shell script.
    pub(crate) fn script(&self, service: &str, script: &str) -> ContainerSpec {
        ContainerSpec {
            service: service.parse().unwrap(),
            name: format!("{}-{service}", self.stack()).parse().unwrap(),
            image: IMAGE.to_owned(),
            entrypoint: Some(vec!["/bin/sh".into(), "-c".into()]),
            command: Some(vec![script.into()]),
            env: BTreeMap::new(),
            user: USER,
            groups: Vec::new(),
            workdir: None,
            network: NetworkMode::Stack {
                network: self.stack(),
                aliases: vec![service.to_owned()],
            },
            ports: Vec::new(),
            binds: Vec::new(),
            tmpfs: vec![Tmpfs {
                target: "/tmp".to_owned(),
                bytes: 1 << 20,
                exec: false,
                mode: 0o1777,
                owner: USER,
            }],
            read_only: true,
            capabilities: Vec::new(),
            apparmor: None,
            init: true,
            shm_bytes: None,
            gpus: Vec::new(),
            limits: Limits {
                memory_bytes: Some(64 << 20),
                milli_cpus: Some(500),
                pids: 64,
            },
            cgroup_parent: None,
            engine_health: EngineHealth {
                test: Vec::new(),
                interval_seconds: 60,
                start_seconds: 10,
            },
            stop_signal: None,
            stop_seconds: 2,
            labels: self.labels(),
            config_fingerprint: None,
        }
    }

    /// A service that answers `GET /` with `word`.
    pub(crate) fn web(&self, service: &str, word: &str) -> ContainerSpec {
        let script =
            format!("echo {word} > /tmp/index.html; exec busybox httpd -f -p 8080 -h /tmp");
        self.script(service, &script)
    }

    pub(crate) fn gate(&self, spec: &ContainerSpec, body: &str, seconds: u32) -> Gate {
        Gate {
            service: spec.service.clone(),
            container: spec.name.clone(),
            address_of: spec.name.clone(),
            network: self.stack(),
            probe: Probe::Http {
                port: 8080,
                path: "/".to_owned(),
                status: 200,
                body: Some(body.to_owned()),
            },
            at: None,
            deadline_seconds: seconds,
        }
    }

    /// Makes a service that answers with `word`, on the stack's network.
    pub(crate) fn web_step(&self, service: &str, word: &str) -> ContainerStep {
        let spec = self.web(service, word);
        let gate = self.gate(&spec, word, 30);
        container(&spec, gate)
    }
}

/// The step that brings a container up.
pub(crate) fn container(spec: &ContainerSpec, gate: Gate) -> ContainerStep {
    ContainerStep {
        hash: spec.hash(),
        spec: spec.clone(),
        replaces: None,
        superseded: None,
        discard: None,
        resumes: None,
        copy: None,
        made_after: None,
        gate,
    }
}

pub(crate) fn step(container: ContainerStep) -> Step {
    Step::Container(Box::new(container))
}

pub(crate) fn removal(name: &str, id: &str) -> Step {
    Step::RemoveContainer(RemoveContainer {
        id: id.to_owned(),
        name: name.to_owned(),
        service: None,
        stop_seconds: 2,
    })
}

pub(crate) fn secret(value: &str) -> Text {
    let key = aiplat_core::text::FingerprintKey::new("test".into());
    Text::secret("<secret:test>", value.into(), &key)
}
