//! The same services as Compose is told of them. JSON is YAML.

use serde_json::{Map, Value, json};

use super::tiny::{IMAGE, MEMORY, PATH, PIDS, PORT, Stack, TMPFS, Tiny, UID};

/// The file. The health check is the same GET, asked in the container each second, which is the shortest that Compose
/// can be told on this engine.
pub(crate) fn text(stack: &Stack) -> String {
    let services: Map<String, Value> = stack
        .services
        .iter()
        .map(|tiny| (tiny.name.clone(), service(stack, tiny)))
        .collect();
    let labels = json!({"aiplat.bench": stack.label});
    let file = json!({
        "name": stack.name,
        "services": services,
        "networks": {"default": {"name": stack.name, "labels": labels}},
    });
    format!("{file:#}")
}

fn service(stack: &Stack, tiny: &Tiny) -> Value {
    let needs: Map<String, Value> = tiny
        .needs
        .iter()
        .map(|name| (name.clone(), json!({"condition": "service_healthy"})))
        .collect();
    let ports: Vec<String> = tiny
        .host_port
        .iter()
        .map(|port| format!("127.0.0.1:{port}:{PORT}"))
        .collect();
    let file = |source: &str, target: &str| json!({"type": "bind", "source": source, "target": target, "read_only": true});
    json!({
        "image": IMAGE,
        "container_name": format!("{}-{}", stack.name, tiny.name),
        "labels": {"aiplat.bench": stack.label},
        "depends_on": needs,
        "environment": {"HOME": "/tmp", "SHELL": "/bin/sh"},
        "user": format!("{UID}:{UID}"),
        "ports": ports,
        "volumes": [file(&stack.group, "/etc/group"), file(&stack.passwd, "/etc/passwd")],
        "tmpfs": [format!("/tmp:rw,nosuid,nodev,noexec,size={TMPFS},mode=1777,uid={UID},gid={UID}")],
        "read_only": true,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "ipc": "private",
        "cgroup": "private",
        "mem_limit": MEMORY,
        "memswap_limit": MEMORY,
        "pids_limit": PIDS,
        "stop_grace_period": "10s",
        "restart": "unless-stopped",
        "logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}},
        "healthcheck": {
            "test": ["CMD", "/standin", "--check", format!("http://127.0.0.1:{PORT}{PATH}")],
            "interval": "1s", "timeout": "10s", "retries": 30,
        },
    })
}
