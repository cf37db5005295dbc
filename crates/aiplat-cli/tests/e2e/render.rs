//! The stack as a Compose file: Compose takes it, and it describes the containers that run.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::stack::Stack;

/// The real Compose, as Debian packages it.
fn compose() -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/compose");
    let output = Command::new(script).output().expect("scripts/compose");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What is compared of a container, in one form for both.
fn texts(list: &Value) -> BTreeSet<String> {
    let texts = list.as_array().cloned().unwrap_or_default();
    texts
        .iter()
        .map(|text| text.as_str().unwrap_or_default().to_owned())
        .collect()
}

fn of_compose(service: &Value) -> Value {
    let list = |key: &str| service[key].as_array().cloned().unwrap_or_default();
    let binds = list("volumes").into_iter().filter(|v| v["type"] == "bind");
    let mounts: BTreeSet<String> = binds
        .map(|v| {
            format!(
                "{} {} {}",
                v["source"],
                v["target"],
                v["read_only"].as_bool() == Some(true)
            )
        })
        .collect();
    let port =
        |p: Value| format!("{}:{} {}", p["host_ip"], p["published"], p["target"]).replace('"', "");
    let ports: BTreeSet<String> = list("ports").into_iter().map(port).collect();
    let keys: BTreeSet<&String> = service["environment"]
        .as_object()
        .into_iter()
        .flat_map(|e| e.keys())
        .collect();
    let networks: BTreeSet<&String> = service["networks"]
        .as_object()
        .into_iter()
        .flat_map(|n| n.keys())
        .collect();
    json!({
        "image": service["image"], "user": service["user"], "read_only": service["read_only"].as_bool() == Some(true),
        "mounts": mounts, "ports": ports, "env": keys, "on_a_network": !networks.is_empty(),
        "cap_add": texts(&service["cap_add"]), "cap_drop": texts(&service["cap_drop"]),
        "memory": service["mem_limit"].as_str().and_then(|m| m.parse::<u64>().ok()),
        "pids": service["pids_limit"],
    })
}

fn of_engine(stack: &Stack<'_>, name: &str) -> Value {
    let engine = &stack.bed.engine;
    let container = engine.get(&format!("/containers/{name}/json"));
    let (config, host) = (&container["Config"], &container["HostConfig"]);
    let image = engine.get(&format!(
        "/images/{}/json",
        config["Image"].as_str().unwrap()
    ));
    let key = |pair: &String| pair.split('=').next().unwrap().to_owned();
    let (of_image, env) = (texts(&image["Config"]["Env"]), texts(&config["Env"]));
    let keys: BTreeSet<String> = env.difference(&of_image).map(key).collect();
    let all: BTreeSet<String> = env.iter().map(key).collect();
    let binds = host["Mounts"].as_array().cloned().unwrap_or_default();
    let mounts: BTreeSet<String> = binds
        .iter()
        .map(|m| {
            format!(
                "{} {} {}",
                m["Source"],
                m["Target"],
                m["ReadOnly"].as_bool() == Some(true)
            )
        })
        .collect();
    let mut ports = BTreeSet::new();
    for (inner, outer) in host["PortBindings"].as_object().into_iter().flatten() {
        for binding in outer.as_array().unwrap() {
            let target = inner.trim_end_matches("/tcp");
            ports.insert(
                format!("{}:{} {target}", binding["HostIp"], binding["HostPort"]).replace('"', ""),
            );
        }
    }
    let shares = host["NetworkMode"]
        .as_str()
        .unwrap()
        .starts_with("container:");
    json!({
        "image": config["Image"], "user": config["User"], "read_only": host["ReadonlyRootfs"],
        "mounts": mounts, "ports": ports, "env": keys, "all_env": all, "on_a_network": !shares,
        "cap_add": texts(&host["CapAdd"]), "cap_drop": texts(&host["CapDrop"]),
        "memory": host["Memory"], "pids": host["PidsLimit"],
    })
}

/// Holds what is rendered of a running stack to Compose's own reading of it, and that to the containers.
pub(crate) fn describes_what_runs(stack: &Stack<'_>) {
    let folder = stack.bed.home.join("compose");
    let path = folder.display().to_string();
    let rendered = stack.run(&["render", "--output", &path]).ok();
    let read = Command::new(compose())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .args(["--project-directory", &path, "config", "--format", "json"])
        .output()
        .unwrap();
    assert!(
        read.status.success(),
        "{}{}",
        rendered.said(),
        String::from_utf8_lossy(&read.stderr)
    );
    let file: Value = serde_json::from_slice(&read.stdout).unwrap();
    let services = file["services"].as_object().unwrap();
    let running = stack.bed.engine.containers();
    let running = running
        .iter()
        .filter(|c| c["Config"]["Labels"]["aiplat.stack"] == stack.name.as_str());
    assert_eq!(services.len(), running.count());
    for (name, service) in services {
        let container = service["container_name"].as_str().unwrap();
        let (told, found) = (of_compose(service), of_engine(stack, container));
        // what the image brings along need not be said again, but may be
        assert!(
            texts(&told["env"]).is_superset(&texts(&found["env"])),
            "{name}: {told} {found}"
        );
        assert!(
            texts(&told["env"]).is_subset(&texts(&found["all_env"])),
            "{name}: {told} {found}"
        );
        for (key, value) in told
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| *key != "env")
        {
            assert_eq!(value, &found[key], "{name}: {key}");
        }
    }
    // the file alone says no secret, and nothing works without them
    let secret = std::fs::read_dir(stack.base.join("config/secrets"))
        .unwrap()
        .flatten();
    let text = std::fs::read_to_string(folder.join("compose.yaml")).unwrap();
    for file in secret {
        let value = std::fs::read_to_string(file.path()).unwrap();
        assert!(!text.contains(value.trim()), "{}", file.path().display());
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn compose_takes_what_is_rendered_and_it_is_the_same_stack() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed
        .small("y")
        .with("SERVICES", "redis,caddy,postgres,grafana,openwebui");
    stack.deploy().ok();
    describes_what_runs(&stack);
}
