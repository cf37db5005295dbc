//! Containers next to those of a stack, in its name, made past our own code: each starts hardened as the plan wants.

use aiplat_core::config::StackConfig;
use aiplat_core::desired::desired;
use aiplat_core::spec::label;
use aiplat_docker::engine::Engine;
use aiplat_testkit::proof::Raw;
use serde_json::{Value, json};

use super::super::lab::Lab;

/// Has a shell and `sleep`.
const IMAGE: &str = "localhost/aiplat/attacker:1";

/// The body of a container that has everything that the plan gives to a service, and nothing more.
pub(crate) async fn hardened(lab: &Lab, config: &StackConfig, service: &str) -> Value {
    let facts = lab.engine.facts().await.unwrap();
    let desired = desired(config, &lab.catalogue, &facts).unwrap();
    let spec = desired
        .service(&service.parse().unwrap())
        .unwrap()
        .container
        .clone();
    let mounts: Vec<Value> = spec
        .binds
        .iter()
        .map(|b| json!({"Type": "bind", "Source": b.source, "Target": b.target, "ReadOnly": b.read_only}))
        .collect();
    json!({
        "Image": IMAGE,
        "Entrypoint": [],
        "Cmd": ["/bin/sleep", "600"],
        "User": format!("{}:{}", spec.user.uid, spec.user.gid),
        "Labels": {
            label::STACK: config.name().as_str(), label::STACK_ID: config.id.as_str(), label::SERVICE: service,
            label::BASE_DIR: config.base_dir(),
        },
        "Env": [],
        "HostConfig": {
            "NetworkMode": config.name().as_str(),
            "Mounts": mounts,
            "ReadonlyRootfs": spec.read_only,
            "CapDrop": ["ALL"],
            "CapAdd": spec.capabilities,
            "SecurityOpt": ["no-new-privileges"],
            "IpcMode": "private",
            "CgroupnsMode": "private",
            "Memory": spec.limits.memory_bytes,
            "MemorySwap": spec.limits.memory_bytes,
            "NanoCpus": spec.limits.milli_cpus.map(|m| m * 1_000_000),
            "PidsLimit": spec.limits.pids,
            "CgroupParent": spec.cgroup_parent.unwrap_or_default(),
        },
    })
}

/// Makes and starts one.
pub(crate) async fn start(raw: &Raw, name: &str, body: &Value) {
    remove(raw, name).await;
    raw.post(
        &format!("/containers/create?name={name}"),
        Some(&body.to_string()),
    )
    .await
    .unwrap_or_else(|e| panic!("{name}: {e}"));
    raw.post(&format!("/containers/{name}/start"), None)
        .await
        .unwrap_or_else(|e| panic!("{name}: {e}"));
}

/// Removes one, running or not.
pub(crate) async fn remove(raw: &Raw, name: &str) {
    let _ = raw
        .delete(&format!("/containers/{name}?force=true&v=true"))
        .await;
}
