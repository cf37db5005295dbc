//! The `tailscale` command in a container: each forced sign-in is another node key of the same node, each key works once.

use std::path::Path;

use aiplat_docker::engine::ExecOutput;

use crate::fake::state::{Node, State};

/// Runs it.
pub(super) fn command(state: &mut State, id: &str, argv: &[String]) -> ExecOutput {
    let name = state.containers[id].name.clone();
    if argv.iter().any(|word| word == "status") {
        let signed_in = state.nodes.get(&name).map_or(0, |node| node.keys.len());
        let status = serde_json::json!({
            "BackendState": "Running",
            "Self": {"ID": name, "PublicKey": format!("nodekey:{:x}", signed_in + 1), "Online": true},
        });
        return said(0, &format!("{status:#}"));
    }
    let Some(key) = argv
        .iter()
        .find_map(|word| word.strip_prefix("--auth-key=file:"))
        .and_then(|inside| lent(state, id, inside))
    else {
        return said(1, "cannot read the auth key");
    };
    let node = state.nodes.entry(name).or_default();
    if key.contains("invalid") || node.keys.contains(&key) {
        return said(1, "backend error: invalid key: unable to validate API key");
    }
    node.keys.push(key);
    said(0, "")
}

/// What is in a file of a container's mount.
fn lent(state: &State, id: &str, inside: &str) -> Option<String> {
    let path = Path::new(inside);
    let binds = &state.containers[id].spec.binds;
    let source = binds.iter().find_map(|bind| {
        let below = path.strip_prefix(&bind.target).ok()?;
        Some(bind.source.join(below))
    })?;
    match state.node(&source)? {
        Node::File { content, .. } => String::from_utf8(content).ok(),
        _ => None,
    }
}

fn said(exit_code: i64, output: &str) -> ExecOutput {
    ExecOutput {
        exit_code,
        output: output.to_owned(),
    }
}
