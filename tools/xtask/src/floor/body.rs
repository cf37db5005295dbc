//! The same services as the engine's API is told of them.

use serde_json::{Map, Value, json};

use crate::bench::tiny::{IMAGE, MEMORY, PATH, PIDS, PORT, SLOW_CHECK, Stack, TMPFS, Tiny, UID};

const NANOS: u64 = 1_000_000_000;

/// The body that makes a container.
pub(super) fn container(stack: &Stack, tiny: &Tiny) -> Value {
    let port = format!("{PORT}/tcp");
    let mut bindings = Map::new();
    let mut exposed = Map::new();
    if let Some(host) = tiny.host_port {
        let binding = json!([{"HostIp": "127.0.0.1", "HostPort": host.to_string()}]);
        bindings.insert(port.clone(), binding);
        exposed.insert(port, json!({}));
    }
    let file = |source: &str, target: &str| {
        json!({
            "Type": "bind", "Source": source, "Target": target, "ReadOnly": true,
            "BindOptions": {"Propagation": "rprivate"},
        })
    };
    let tmpfs = format!("rw,nosuid,nodev,noexec,size={TMPFS},mode=1777,uid={UID},gid={UID}");
    let mut endpoints = Map::new();
    endpoints.insert(stack.name.clone(), json!({"Aliases": [tiny.name]}));
    json!({
        "Image": IMAGE,
        "Env": ["HOME=/tmp", "SHELL=/bin/sh"],
        "User": format!("{UID}:{UID}"),
        "Labels": {"aiplat.bench": stack.label},
        "StopTimeout": 10,
        "ExposedPorts": exposed,
        "Healthcheck": {
            "Test": ["CMD", "/standin", "--check", format!("http://127.0.0.1:{PORT}{PATH}")],
            "Interval": SLOW_CHECK * NANOS, "Timeout": 10 * NANOS, "Retries": 3, "StartPeriod": 60 * NANOS,
        },
        "HostConfig": {
            "NetworkMode": stack.name,
            "PortBindings": bindings,
            "Mounts": [file(&stack.group, "/etc/group"), file(&stack.passwd, "/etc/passwd")],
            "Tmpfs": {"/tmp": tmpfs},
            "ReadonlyRootfs": true,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "IpcMode": "private",
            "CgroupnsMode": "private",
            "Init": false,
            "Memory": MEMORY,
            "MemorySwap": MEMORY,
            "PidsLimit": PIDS,
            "RestartPolicy": {"Name": "unless-stopped"},
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
        },
        "NetworkingConfig": {"EndpointsConfig": endpoints},
    })
}

/// The body that makes the network.
pub(super) fn network(stack: &Stack) -> Value {
    json!({
        "Name": stack.name, "Driver": "bridge", "CheckDuplicate": true,
        "Labels": {"aiplat.bench": stack.label},
    })
}
