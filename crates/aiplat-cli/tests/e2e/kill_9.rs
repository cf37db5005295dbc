//! SIGKILL after every record of the journal, then the same command: the same end.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;

use crate::support::bed::Bed;
use crate::support::stack::Stack;
use crate::support::{inventory, leftovers};

/// The stack as it stands, without what differs between two stacks that are made alike: identities, times, addresses
/// that the engine chose, and process ids.
fn standing(stack: &Stack<'_>) -> String {
    let id = stack.id();
    let mut lines = Vec::new();
    for container in stack.bed.engine.containers() {
        let name = container["Name"].as_str().unwrap_or_default();
        if container["Config"]["Labels"]["aiplat.stack"] == stack.name.as_str()
            || name.contains(&stack.name)
        {
            lines.push(of_container(&container));
        }
    }
    for network in stack.bed.engine.networks() {
        if network["Name"]
            .as_str()
            .unwrap_or_default()
            .contains(&stack.name)
        {
            let joined = network["Containers"]
                .as_object()
                .map_or(0, serde_json::Map::len);
            lines.push(format!(
                "network {} {} {} {joined}",
                network["Name"], network["IPAM"], network["Options"]
            ));
        }
    }
    let bridge = format!("aip-{}", &id[..8]);
    let rules = leftovers::rules()
        .into_iter()
        .filter(|r| r.contains("AIPLAT") && r.contains(&bridge));
    lines.extend(rules.map(|rule| format!("rule {rule}")));
    files(&stack.base, &stack.base, &mut lines);
    lines.sort();
    lines.join("\n").replace(&id, "ID").replace(&id[..8], "ID")
}

fn of_container(container: &Value) -> String {
    let config = &container["Config"];
    // an image has labels of its own
    let own = ["stack", "stack-id", "service", "spec-hash", "base-dir"]
        .map(|key| format!("aiplat.{key}"));
    let labels = config["Labels"].as_object().unwrap();
    let labels: Vec<&String> = own.iter().filter(|key| labels.contains_key(*key)).collect();
    let networks: Vec<Value> = container["NetworkSettings"]["Networks"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, network)| {
            serde_json::json!([
                name,
                network["Aliases"].as_array().map(|a| a.first().cloned())
            ])
        })
        .collect();
    let mut host = container["HostConfig"].clone();
    // in the order in which a map gave them
    for list in ["Binds", "SecurityOpt"] {
        if let Some(list) = host[list].as_array_mut() {
            list.sort_by_key(ToString::to_string);
        }
    }
    format!(
        "container {} {} {} {} {} {} {labels:?} {networks:?} {host}",
        container["Name"],
        container["State"]["Status"],
        container["RestartCount"],
        config["Image"],
        config["User"],
        config["Env"],
    )
}

/// Kind, mode and owner of every path that the product makes; below `data` and `caddy` the services write as they like.
fn files(root: &Path, directory: &Path, lines: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        let facts = path.symlink_metadata().unwrap();
        let name = path.strip_prefix(root).unwrap();
        lines.push(format!(
            "path {} {:o} {}:{}",
            name.display(),
            facts.mode(),
            facts.uid(),
            facts.gid()
        ));
        let own = !name.starts_with("data") && !name.starts_with("caddy");
        if facts.is_dir() && (own || name.components().count() < 2) {
            files(root, &path, lines);
        }
    }
}

#[test]
fn at_every_record_of_the_journal_the_same_command_comes_to_the_same_end() {
    let Some(bed) = Bed::new() else { return };
    // limits of its own: a parent cgroup to make too
    let stack = bed.small("k").with("STACK_PIDS", "2000");
    stack.deploy().ok();
    let undisturbed = standing(&stack);
    let purge = |stack: &Stack<'_>| {
        let id = stack.id();
        stack
            .run(&["teardown", "--purge", "--confirm", &stack.name])
            .ok();
        assert_eq!(leftovers::left(&bed, &[id]), Vec::<String>::new());
        let left = std::fs::read_dir(&stack.base).unwrap().flatten().count();
        assert_eq!(left, 0, "a purge leaves the volume and nothing in it");
    };
    purge(&stack);
    let mut survived = None;
    for after in 1..100 {
        let killed = stack
            .clone()
            .with("AIPLAT_TEST_KILL_AFTER", after.to_string())
            .deploy();
        if killed.code == 0 {
            survived = Some(after);
            purge(&stack);
            break;
        }
        assert_eq!(killed.signal, Some(9), "after {after}: {}", killed.said());
        stack.deploy().ok();
        inventory::same(
            &undisturbed,
            &standing(&stack),
            &format!("killed after record {after}"),
        );
        let again = stack.run(&["deploy", "--json"]).ok().json();
        assert_eq!(again["changes"], 0, "killed after record {after}: {again}");
        purge(&stack);
    }
    let survived = survived.expect("a deploy of a small stack has fewer than 100 records");
    assert!(
        survived > 10,
        "expected a record before and after each step, got {survived}"
    );
}
