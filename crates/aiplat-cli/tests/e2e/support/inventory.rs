//! What is there, as one text that is the same byte for byte while nothing changes.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;

use super::engine::Engine;
use super::leftovers::rules;

/// Containers, networks and rules whose name or rule holds one of `marks`, in full, and all images.
pub(crate) fn of(engine: &Engine, marks: &[&str]) -> String {
    let mine = |name: &str| marks.iter().any(|mark| name.contains(mark));
    let mut lines = Vec::new();
    let mut addresses = Vec::new();
    for mut container in engine.containers() {
        if !mine(container["Name"].as_str().unwrap_or_default()) {
            continue;
        }
        let networks = container["NetworkSettings"]["Networks"].as_object();
        for network in networks.into_iter().flat_map(serde_json::Map::values) {
            addresses.extend(
                network["IPAddress"]
                    .as_str()
                    .filter(|a| !a.is_empty())
                    .map(str::to_owned),
            );
        }
        // the engine's own health checks go on
        if let Some(state) = container["State"].as_object_mut() {
            state.remove("Health");
        }
        container["ExecIDs"] = Value::Null;
        flat(
            &mut lines,
            &format!("container {}", container["Name"]),
            &container,
        );
    }
    for network in engine.networks() {
        if mine(network["Name"].as_str().unwrap_or_default()) {
            flat(
                &mut lines,
                &format!("network {}", network["Name"]),
                &network,
            );
        }
    }
    let of_theirs = |rule: &String| addresses.iter().any(|a| rule.contains(&format!("{a}/32")));
    lines.extend(
        rules()
            .into_iter()
            .filter(|rule| mine(rule) || of_theirs(rule)),
    );
    lines.extend(images(engine));
    lines.sort();
    lines.join("\n")
}

/// One line a value. The engine tells some lists in the order in which a map gave them: they are sorted.
fn flat(lines: &mut Vec<String>, path: &str, value: &Value) {
    match value {
        Value::Object(map) => map
            .iter()
            .for_each(|(key, value)| flat(lines, &format!("{path} {key}"), value)),
        Value::Array(list) => {
            let mut list: Vec<String> = list.iter().map(ToString::to_string).collect();
            list.sort();
            lines.push(format!("{path} = {list:?}"));
        }
        other => lines.push(format!("{path} = {other}")),
    }
}

/// The images that stacks are made of, without those that other tests make for themselves.
fn images(engine: &Engine) -> Vec<String> {
    let all = engine.get("/images/json");
    let tags = |image: &Value| -> Vec<String> {
        let id = image["Id"].as_str().unwrap_or_default().to_owned();
        let tags = image["RepoTags"].as_array().cloned().unwrap_or_default();
        let tags = tags
            .into_iter()
            .filter_map(|tag| Some(tag.as_str()?.to_owned()));
        tags.filter(|tag| tag.starts_with("localhost/aiplat/") && !tag.contains("-image-"))
            .map(|tag| format!("image {tag} {id}"))
            .collect()
    };
    all.as_array().unwrap().iter().flat_map(tags).collect()
}

/// Every path below a directory: kind, mode, owner and size, and for small files the content.
pub(crate) fn tree(root: &Path) -> String {
    let mut lines = Vec::new();
    walk(root, root, &mut lines);
    lines.sort();
    lines.join("\n")
}

fn walk(root: &Path, directory: &Path, lines: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(facts) = path.symlink_metadata() else {
            continue;
        };
        let name = path.strip_prefix(root).unwrap().display();
        let (mode, owner) = (facts.mode(), (facts.uid(), facts.gid()));
        let content = if facts.is_file() {
            std::fs::read(&path).unwrap_or_default()
        } else {
            Vec::new()
        };
        lines.push(format!("{name} {mode:o} {owner:?} {content:?}"));
        if facts.is_dir() {
            walk(root, &path, lines);
        }
    }
}

/// Two inventories must be the same; only the lines that differ are told.
#[track_caller]
pub(crate) fn same(before: &str, after: &str, when: &str) {
    let only = |these: &str, those: &str| -> String {
        let those: BTreeSet<&str> = those.lines().collect();
        these
            .lines()
            .filter(|line| !those.contains(line))
            .fold(String::new(), |all, line| all + line + "\n")
    };
    let (gone, new) = (only(before, after), only(after, before));
    assert!(
        before == after,
        "{when}:\ngone or different:\n{gone}\nnew or different:\n{new}"
    );
}
