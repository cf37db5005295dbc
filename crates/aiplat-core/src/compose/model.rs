//! The parts of the Compose format that stacks use, in the order in which they are written.

use std::collections::BTreeMap;

use serde::Serialize;

#[derive(Debug, Serialize)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) networks: BTreeMap<&'static str, Network>,
}

#[derive(Debug, Serialize)]
pub(super) struct Network {
    pub(super) name: String,
    pub(super) driver: &'static str,
    pub(super) driver_opts: Bridge,
    pub(super) ipam: Ipam,
}

#[derive(Debug, Serialize)]
pub(super) struct Bridge {
    #[serde(rename = "com.docker.network.bridge.name")]
    pub(super) name: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Ipam {
    pub(super) config: Vec<Subnet>,
}

#[derive(Debug, Serialize)]
pub(super) struct Subnet {
    pub(super) subnet: String,
    pub(super) gateway: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Service {
    pub(super) image: String,
    pub(super) container_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) entrypoint: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) command: Option<Vec<String>>,
    pub(super) user: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) group_add: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) working_dir: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) environment: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) network_mode: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) networks: BTreeMap<&'static str, Attachment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) ports: Vec<Port>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) volumes: Vec<Volume>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tmpfs: Vec<String>,
    pub(super) read_only: bool,
    pub(super) cap_drop: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) cap_add: Vec<String>,
    pub(super) security_opt: Vec<String>,
    pub(super) init: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) shm_size: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mem_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) memswap_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cpus: Option<f64>,
    pub(super) pids_limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deploy: Option<Deploy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cgroup_parent: Option<String>,
    pub(super) healthcheck: HealthCheck,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) depends_on: BTreeMap<String, Condition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) stop_signal: Option<String>,
    pub(super) stop_grace_period: String,
    pub(super) restart: &'static str,
    pub(super) logging: Logging,
}

/// What Compose has for devices alone.
#[derive(Debug, Serialize)]
pub(super) struct Deploy {
    resources: Resources,
}

#[derive(Debug, Serialize)]
struct Resources {
    reservations: Reservations,
}

#[derive(Debug, Serialize)]
struct Reservations {
    devices: Vec<Devices>,
}

#[derive(Debug, Serialize)]
struct Devices {
    driver: &'static str,
    device_ids: Vec<String>,
    capabilities: Vec<&'static str>,
}

impl Deploy {
    pub(super) fn of_gpus(gpus: &[u32]) -> Self {
        let devices = vec![Devices {
            driver: "nvidia",
            device_ids: gpus.iter().map(u32::to_string).collect(),
            capabilities: vec!["gpu"],
        }];
        let reservations = Reservations { devices };
        Self {
            resources: Resources { reservations },
        }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Attachment {
    pub(super) aliases: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Port {
    pub(super) host_ip: String,
    // Compose wants it as text, since it may be a range
    pub(super) published: String,
    pub(super) target: u16,
    pub(super) protocol: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Volume {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) read_only: bool,
    pub(super) bind: BindOptions,
}

#[derive(Debug, Serialize)]
pub(super) struct BindOptions {
    pub(super) propagation: &'static str,
    pub(super) create_host_path: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum HealthCheck {
    Disabled {
        disable: bool,
    },
    Test {
        test: Vec<String>,
        interval: String,
        timeout: &'static str,
        retries: u8,
        start_period: String,
    },
}

#[derive(Debug, Serialize)]
pub(super) struct Condition {
    pub(super) condition: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Logging {
    pub(super) driver: &'static str,
    pub(super) options: LogOptions,
}

#[derive(Debug, Serialize)]
pub(super) struct LogOptions {
    #[serde(rename = "max-size")]
    pub(super) max_size: &'static str,
    #[serde(rename = "max-file")]
    pub(super) max_file: &'static str,
}
