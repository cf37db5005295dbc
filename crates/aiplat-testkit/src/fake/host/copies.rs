//! Copies of data, as the real host takes them and puts them back.

use std::path::{Path, PathBuf};

use aiplat_core::spec::{DataCopy, Owner};

use crate::fake::state::{Node, State};

fn directory() -> Node {
    Node::Directory {
        owner: Owner { uid: 0, gid: 0 },
        mode: 0o700,
    }
}

pub(super) fn remove(state: &mut State, path: &Path) {
    state.tree.retain(|p, _| !p.starts_with(path));
}

/// Everything in a directory, by the path below it.
fn inside(state: &State, path: &Path) -> Vec<(PathBuf, Node)> {
    let all = state.tree.iter();
    all.filter_map(|(p, node)| Some((p.strip_prefix(path).ok()?.to_path_buf(), node.clone())))
        .filter(|(p, _)| !p.as_os_str().is_empty())
        .collect()
}

pub(super) fn begin(state: &mut State, copy: &DataCopy) {
    let partial = copy.partial();
    if let Some(folder) = copy.at.parent() {
        state
            .tree
            .entry(folder.to_path_buf())
            .or_insert_with(directory);
    }
    remove(state, &partial);
    state.tree.insert(partial, directory());
}

pub(super) fn complete(state: &mut State, copy: &DataCopy, started: &str) {
    remove(state, &copy.partial());
    remove(state, &copy.at);
    state.tree.insert(copy.at.clone(), directory());
    for (index, path) in copy.of.iter().enumerate() {
        let into = copy.at.join(index.to_string());
        state.tree.insert(into.clone(), directory());
        for (name, node) in inside(state, path) {
            state.tree.insert(into.join(name), node);
        }
    }
    let record = Node::File {
        owner: Owner { uid: 0, gid: 0 },
        mode: 0o600,
        content: started.as_bytes().to_vec(),
    };
    state.tree.insert(copy.at.join("copy.json"), record);
}

pub(super) fn is_complete(state: &State, copy: &DataCopy, started: &str) -> bool {
    let record = state.tree.get(&copy.at.join("copy.json"));
    matches!(record, Some(Node::File { content, .. }) if content == started.as_bytes())
}

pub(super) fn put_back(state: &mut State, copy: &DataCopy) {
    for (index, path) in copy.of.iter().enumerate() {
        let kept = inside(state, &copy.at.join(index.to_string()));
        state.tree.retain(|p, _| !p.starts_with(path) || p == path);
        for (name, node) in kept {
            state.tree.insert(path.join(name), node);
        }
    }
}

pub(super) fn keep_only(state: &mut State, copy: &DataCopy) {
    let folder = copy.at.parent().map(Path::to_path_buf).unwrap_or_default();
    let others: Vec<PathBuf> = state
        .tree
        .keys()
        .filter(|p| p.parent() == Some(&folder) && **p != copy.at)
        .filter(|p| {
            p.file_name()
                .and_then(|n| n.to_str())
                .is_some_and(|n| copy.is_of_service(n))
        })
        .cloned()
        .collect();
    for other in others {
        remove(state, &other);
    }
}
