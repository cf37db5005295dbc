//! The JSON that makes containers and networks, whole: nothing that hardens may get lost on the way.

use std::collections::BTreeMap;

use aiplat_core::spec::{
    Bind, ContainerSpec, EngineHealth, IpProtocol, Limits, NetworkMode, NetworkSpec, Owner,
    PublishedPort, Tmpfs,
};
use aiplat_core::text::{FingerprintKey, Text};
use aiplat_docker::engine::{Engine, EngineError, Life};
use serde_json::{Value, json};

use crate::socket::Socket;

const OWNER: Owner = Owner {
    uid: 2000,
    gid: 2001,
};

fn everything() -> ContainerSpec {
    let secret = |shown: &str, value: &str| {
        Text::secret(shown, value.into(), &FingerprintKey::new("key".into()))
    };
    ContainerSpec {
        service: "grafana".parse().unwrap(),
        name: "ai-grafana".parse().unwrap(),
        image: "grafana/grafana:13.2.3".into(),
        entrypoint: Some(vec!["/run.sh".into()]),
        command: Some(vec![
            "--key".into(),
            secret("<secret:k>", "s3cret-argument"),
        ]),
        env: BTreeMap::from([
            ("GF_PASSWORD".into(), secret("<secret:p>", "s3cret-value")),
            ("HOME".into(), "/var/lib/grafana".into()),
        ]),
        user: OWNER,
        groups: vec![44, 105],
        workdir: Some("/var/lib/grafana".into()),
        network: NetworkMode::Stack {
            network: "ai".into(),
            aliases: vec!["grafana".into()],
        },
        ports: vec![
            PublishedPort {
                address: [127, 0, 0, 1].into(),
                host: 5001,
                container: 3000,
                protocol: IpProtocol::Tcp,
            },
            PublishedPort {
                address: [127, 7, 0, 2].into(),
                host: 5002,
                container: 53,
                protocol: IpProtocol::Udp,
            },
        ],
        binds: vec![
            Bind {
                source: "/mnt/data/data/grafana".into(),
                target: "/var/lib/grafana".into(),
                read_only: false,
            },
            Bind {
                source: "/mnt/data/config/grafana/passwd".into(),
                target: "/etc/passwd".into(),
                read_only: true,
            },
        ],
        tmpfs: vec![
            Tmpfs {
                target: "/tmp".into(),
                bytes: 67_108_864,
                exec: false,
                mode: 0o1777,
                owner: OWNER,
            },
            Tmpfs {
                target: "/run/x".into(),
                bytes: 1024,
                exec: true,
                mode: 0o750,
                owner: OWNER,
            },
        ],
        read_only: true,
        capabilities: vec!["NET_BIND_SERVICE".into()],
        apparmor: Some("aiplat-ai.grafana".into()),
        init: true,
        shm_bytes: Some(268_435_456),
        gpus: vec![0, 2],
        limits: Limits {
            memory_bytes: Some(536_870_912),
            milli_cpus: Some(1500),
            pids: 256,
        },
        cgroup_parent: Some("/aiplat-0123456789ab".into()),
        engine_health: EngineHealth {
            test: vec![
                "CMD".into(),
                "wget".into(),
                "-qO-".into(),
                "http://127.0.0.1:3000/".into(),
            ],
            interval_seconds: 60,
            start_seconds: 120,
        },
        stop_signal: Some("SIGINT".into()),
        stop_seconds: 30,
        labels: BTreeMap::from([("aiplat.stack".into(), "ai".into())]),
        config_fingerprint: Some("f".into()),
    }
}

/// What the client made of a specification.
async fn wire(api: &str, spec: &ContainerSpec, life: Life<'_>) -> (String, Value) {
    let answer = json!({ "Id": "c0ffee", "Warnings": [] });
    let socket = Socket::new(api, &[("POST /containers/create", 201, answer)]);
    let engine = socket.connect().await;
    assert_eq!(engine.container_create(spec, life).await.unwrap(), "c0ffee");
    let asked = socket.asked();
    assert_eq!(asked.len(), 1);
    (asked[0].what.clone(), asked[0].body.clone())
}

#[tokio::test]
async fn a_container_s_whole_json() {
    for api in ["1.41", "1.44", "1.55"] {
        let (what, body) = wire(
            api,
            &everything(),
            Life::Service {
                hash: "abcdef0123456789",
            },
        )
        .await;
        assert!(
            what.starts_with("POST /containers/create?") && what.contains("name=ai-grafana"),
            "{what}"
        );
        let expected = json!({
            "Image": "grafana/grafana:13.2.3",
            "Entrypoint": ["/run.sh"],
            "Cmd": ["--key", "s3cret-argument"],
            "Env": ["GF_PASSWORD=s3cret-value", "HOME=/var/lib/grafana"],
            "User": "2000:2001",
            "WorkingDir": "/var/lib/grafana",
            "ExposedPorts": { "3000/tcp": {}, "53/udp": {} },
            "StopSignal": "SIGINT",
            "StopTimeout": 30,
            "Labels": {
                "aiplat.stack": "ai",
                "aiplat.service": "grafana",
                "aiplat.spec-hash": "abcdef0123456789",
                "aiplat.spec-sections": everything().sections(),
            },
            "Healthcheck": {
                "Test": ["CMD", "wget", "-qO-", "http://127.0.0.1:3000/"],
                "Interval": 60_000_000_000_i64,
                "Timeout": 10_000_000_000_i64,
                "Retries": 3,
                "StartPeriod": 120_000_000_000_i64,
            },
            "HostConfig": {
                "NetworkMode": "ai",
                "PortBindings": {
                    "3000/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "5001" }],
                    "53/udp": [{ "HostIp": "127.7.0.2", "HostPort": "5002" }],
                },
                "PublishAllPorts": false,
                "Mounts": [
                    {
                        "Type": "bind",
                        "Source": "/mnt/data/data/grafana",
                        "Target": "/var/lib/grafana",
                        "ReadOnly": false,
                        "BindOptions": { "Propagation": "rprivate" },
                    },
                    {
                        "Type": "bind",
                        "Source": "/mnt/data/config/grafana/passwd",
                        "Target": "/etc/passwd",
                        "ReadOnly": true,
                        "BindOptions": { "Propagation": "rprivate" },
                    },
                ],
                "Tmpfs": {
                    "/tmp": "rw,nosuid,nodev,noexec,size=67108864,mode=1777,uid=2000,gid=2001",
                    "/run/x": "rw,nosuid,nodev,exec,size=1024,mode=750,uid=2000,gid=2001",
                },
                "ReadonlyRootfs": true,
                "CapDrop": ["ALL"],
                "CapAdd": ["NET_BIND_SERVICE"],
                "SecurityOpt": ["no-new-privileges", "apparmor=aiplat-ai.grafana"],
                "Privileged": false,
                "GroupAdd": ["44", "105"],
                "IpcMode": "private",
                "CgroupnsMode": "private",
                "Init": true,
                "ShmSize": 268_435_456,
                "Memory": 536_870_912,
                "MemorySwap": 536_870_912,
                "NanoCpus": 1_500_000_000,
                "PidsLimit": 256,
                "CgroupParent": "/aiplat-0123456789ab",
                "DeviceRequests": [
                    { "Driver": "nvidia", "DeviceIDs": ["0", "2"], "Capabilities": [["gpu"]] },
                ],
                "RestartPolicy": { "Name": "unless-stopped" },
                "LogConfig": { "Type": "json-file", "Config": { "max-size": "10m", "max-file": "3" } },
                "AutoRemove": false,
            },
            "NetworkingConfig": { "EndpointsConfig": { "ai": { "Aliases": ["grafana"] } } },
        });
        assert_eq!(body, expected, "API {api}:\n{body:#}");
    }
}

#[tokio::test]
async fn a_check_has_no_network_and_is_not_restarted() {
    let mut spec = everything();
    spec.network = NetworkMode::None;
    spec.ports.clear();
    spec.engine_health.test.clear();
    spec.apparmor = None;
    spec.capabilities.clear();
    spec.gpus.clear();
    let (_, body) = wire("1.41", &spec, Life::Once { purpose: "check" }).await;
    let host = &body["HostConfig"];
    assert_eq!(host["NetworkMode"], "none");
    assert_eq!(host["RestartPolicy"], json!({ "Name": "no" }));
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges"]));
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert_eq!(body["Healthcheck"], json!({ "Test": ["NONE"] }));
    assert_eq!(body["Labels"]["aiplat.purpose"], "check");
    for absent in ["CapAdd", "PortBindings", "DeviceRequests"] {
        assert!(host.get(absent).is_none(), "{absent}: {host:#}");
    }
    for absent in ["ExposedPorts", "NetworkingConfig"] {
        assert!(body.get(absent).is_none(), "{absent}: {body:#}");
    }
    assert!(body["Labels"].get("aiplat.spec-hash").is_none());
}

#[tokio::test]
async fn a_sidecar_shares_a_namespace_and_publishes_nothing() {
    let mut spec = everything();
    spec.network = NetworkMode::Container {
        service: "tailscale".parse().unwrap(),
        name: "ai-tailscale".parse().unwrap(),
    };
    spec.ports.clear();
    let (_, body) = wire("1.41", &spec, Life::Service { hash: "0" }).await;
    assert_eq!(body["HostConfig"]["NetworkMode"], "container:ai-tailscale");
    assert!(body.get("NetworkingConfig").is_none() && body.get("ExposedPorts").is_none());
}

#[tokio::test]
async fn a_network_s_whole_json() {
    let socket = Socket::new(
        "1.41",
        &[(
            "POST /networks/create",
            201,
            json!({ "Id": "n", "Warning": "" }),
        )],
    );
    let spec = NetworkSpec {
        name: "ai".into(),
        subnet: "172.30.5.0/26".parse().unwrap(),
        gateway: [172, 30, 5, 1].into(),
        bridge: "aip-01234567".into(),
        labels: BTreeMap::from([("aiplat.stack-id".into(), "0123456789ab".into())]),
    };
    assert_eq!(
        socket.connect().await.network_create(&spec).await.unwrap(),
        "n"
    );
    let expected = json!({
        "Name": "ai",
        "Driver": "bridge",
        "Internal": false,
        "Attachable": false,
        "EnableIPv6": false,
        "IPAM": { "Driver": "default", "Config": [{ "Subnet": "172.30.5.0/26", "Gateway": "172.30.5.1" }] },
        "Options": { "com.docker.network.bridge.name": "aip-01234567" },
        "Labels": { "aiplat.stack-id": "0123456789ab" },
    });
    assert_eq!(socket.asked()[0].body, expected);
}

#[tokio::test]
async fn no_refusal_repeats_a_secret() {
    let refusals = [
        (
            400,
            "invalid mount config for type \"bind\": bind source path does not exist: /mnt",
        ),
        (404, "No such image: grafana/grafana:13.2.3"),
        (
            409,
            "Conflict. The container name \"/ai-grafana\" is already in use by container \"00\".",
        ),
        (500, "anything"),
    ];
    for (status, message) in refusals {
        let answer = json!({ "message": message });
        let socket = Socket::new("1.41", &[("POST /containers/create", status, answer)]);
        let engine = socket.connect().await;
        let error = engine
            .container_create(&everything(), Life::Service { hash: "0" })
            .await
            .unwrap_err();
        assert!(
            !format!("{error} {error:?} {engine:?}").contains("s3cret"),
            "{error:?}"
        );
        match status {
            404 => assert_eq!(
                error,
                EngineError::ImageAbsent {
                    reference: "grafana/grafana:13.2.3".into()
                }
            ),
            409 => assert_eq!(
                error,
                EngineError::NameTaken {
                    name: "ai-grafana".into()
                }
            ),
            _ => assert!(matches!(error, EngineError::Refused { .. }), "{error:?}"),
        }
    }
}
