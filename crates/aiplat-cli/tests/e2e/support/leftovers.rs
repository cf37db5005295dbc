//! Taking away what a test made, and naming what is still there afterwards.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::bed::Bed;
use super::engine::Engine;

/// Removes what a test left on engine and host. What its own teardown does not take away is returned in words, and
/// then removed without the product's help.
pub(super) fn clear(bed: &Bed) -> Vec<String> {
    let stacks = bed.stacks();
    let ids: Vec<String> = stacks.iter().filter_map(|(base, _)| id(base)).collect();
    let mut failed = Vec::new();
    for (base, name) in &stacks {
        let mut teardown = bed.bare();
        teardown.arg("--base-dir").arg(base);
        teardown.args(["teardown", "--purge", "--confirm", name]);
        let run = super::run::start(teardown).end();
        if run.code != 0 {
            failed.push(format!("teardown of {}: {}", base.display(), run.said()));
        }
    }
    let mut left = left(bed, &ids);
    left.extend(failed);
    sweep(&bed.engine, &bed.tag);
    let _ = std::fs::remove_dir_all(&bed.home);
    left
}

fn id(base: &Path) -> Option<String> {
    Some(
        std::fs::read_to_string(base.join("config/stack-id"))
            .ok()?
            .trim()
            .to_owned(),
    )
}

/// What is still there of a test or of stacks with these identities, each in words.
pub(crate) fn left(bed: &Bed, ids: &[String]) -> Vec<String> {
    let mut left = Vec::new();
    for container in bed.engine.containers() {
        let name = container["Name"].as_str().unwrap_or_default();
        if name.contains(&bed.tag) || labelled(&container["Config"]["Labels"], bed) {
            left.push(format!("container {name}"));
        }
    }
    for network in bed.engine.networks() {
        let name = network["Name"].as_str().unwrap_or_default();
        if name.contains(&bed.tag) || labelled(&network["Labels"], bed) {
            left.push(format!("network {name}"));
        }
    }
    for id in ids {
        let bridge = format!("aip-{}", &id[..8]);
        left.extend(rules().into_iter().filter(|rule| rule.contains(&bridge)));
        left.extend(cgroups(&format!("aiplat-{id}")));
        if Path::new("/sys/class/net").join(&bridge).exists() {
            left.push(format!("bridge {bridge}"));
        }
        let register = std::fs::read_to_string(bed.state_dir.join("register.json"));
        if register.is_ok_and(|text| text.contains(id.as_str())) {
            left.push(format!("reservation of {id}"));
        }
    }
    left
}

fn labelled(labels: &Value, bed: &Bed) -> bool {
    labels["aiplat.stack"]
        .as_str()
        .is_some_and(|stack| stack.starts_with(&bed.tag))
}

/// Every packet filter rule of the host.
pub(crate) fn rules() -> Vec<String> {
    let mut rules = Vec::new();
    for table in ["filter", "nat", "raw", "mangle"] {
        let printed = Command::new("iptables")
            .args(["-w", "-t", table, "-S"])
            .output();
        let printed = printed.expect("iptables is there where an engine is");
        assert!(printed.status.success(), "{printed:?}");
        let text = String::from_utf8_lossy(&printed.stdout).into_owned();
        rules.extend(text.lines().map(|line| format!("{table} {line}")));
    }
    rules
}

/// Control groups of this name, in any hierarchy.
fn cgroups(name: &str) -> Vec<String> {
    let root = Path::new("/sys/fs/cgroup");
    let mut places = vec![root.join(name), root.join(format!("{name}.slice"))];
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        places.push(entry.path().join(name));
    }
    places.retain(|path| path.is_dir());
    places
        .into_iter()
        .map(|path| format!("cgroup {}", path.display()))
        .collect()
}

/// Removes objects from the engine whose name or label has a test's mark.
pub(super) fn sweep(engine: &Engine, mark: &str) {
    let own = |name: &Value, labels: &Value| {
        let has = |value: &Value| value.as_str().is_some_and(|text| text.contains(mark));
        has(name) || has(&labels["aiplat.stack"])
    };
    for container in engine.containers() {
        if own(&container["Name"], &container["Config"]["Labels"]) {
            engine.remove_container(container["Id"].as_str().unwrap());
        }
    }
    for network in engine.networks() {
        if own(&network["Name"], &network["Labels"]) {
            engine.remove_network(network["Id"].as_str().unwrap());
        }
    }
}
