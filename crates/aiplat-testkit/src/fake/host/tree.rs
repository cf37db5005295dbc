//! The file tree's acts, held to the real ones by the contract suite.

use std::path::{Component, Path, PathBuf};

use aiplat_core::observed::PathState;
use aiplat_core::spec::{DirectorySpec, FileSpec};
use aiplat_core::text::Text;
use aiplat_docker::host::{HostError, Outcome};

use crate::fake::state::{Node, State};

/// Checks that something can be at a path: it is normal, and its parents are directories.
pub(super) fn place(state: &State, path: &Path) -> Result<(), HostError> {
    let plain = |c: Component<'_>| matches!(c, Component::RootDir | Component::Normal(_));
    if !path.is_absolute() || !path.components().all(plain) {
        return Err(HostError::NotNormal {
            path: path.to_owned(),
        });
    }
    let mut parents: Vec<&Path> = path.ancestors().skip(1).collect();
    parents.reverse();
    for parent in parents {
        match state.tree.get(parent) {
            Some(Node::Directory { .. }) => {}
            Some(Node::Link) => {
                return Err(HostError::SymlinkRefused {
                    path: path.to_owned(),
                });
            }
            Some(Node::File { .. }) => {
                return Err(HostError::NotADirectory {
                    path: path.to_owned(),
                });
            }
            None => {
                let path = path.parent().unwrap_or(path).to_owned();
                return Err(HostError::NoParent { path });
            }
        }
    }
    Ok(())
}

fn below<'s>(state: &'s State, path: &'s Path) -> impl Iterator<Item = &'s PathBuf> {
    state
        .tree
        .keys()
        .filter(move |p| p.starts_with(path) && *p != path)
}

fn empty(state: &State, path: &Path) -> bool {
    below(state, path).all(|p| p.ends_with("lost+found"))
}

pub(super) fn state(state: &State, path: &Path) -> Result<PathState, HostError> {
    match place(state, path) {
        Ok(()) => {}
        Err(HostError::SymlinkRefused { .. }) => return Ok(PathState::Link),
        Err(HostError::NoParent { .. } | HostError::NotADirectory { .. }) => {
            return Ok(PathState::Absent);
        }
        Err(other) => return Err(other),
    }
    Ok(match state.tree.get(path) {
        None => PathState::Absent,
        Some(Node::Link) => PathState::Link,
        Some(Node::Directory { owner, mode }) => PathState::Directory {
            owner: *owner,
            mode: *mode,
            empty: empty(state, path),
        },
        Some(Node::File {
            owner,
            mode,
            content,
        }) => PathState::File {
            owner: *owner,
            mode: *mode,
            sha256: Text::plain(String::from_utf8_lossy(content)).content_hash(),
        },
    })
}

pub(super) fn make(state: &mut State, spec: &DirectorySpec) -> Result<Outcome, HostError> {
    place(state, &spec.path)?;
    let is_empty = empty(state, &spec.path);
    let path = spec.path.clone();
    match state.tree.get_mut(&spec.path) {
        None => {
            let (owner, mode) = (spec.owner, spec.mode);
            state.tree.insert(path, Node::Directory { owner, mode });
            Ok(Outcome::Created)
        }
        Some(Node::Link) => Err(HostError::SymlinkRefused { path }),
        Some(Node::File { .. }) => Err(HostError::NotADirectory { path }),
        Some(Node::Directory { owner, mode }) => {
            let mut outcome = Outcome::Unchanged;
            if *owner != spec.owner {
                if owner.uid != 0 || !is_empty {
                    let (found, expected) = (*owner, spec.owner);
                    return Err(HostError::WrongOwner {
                        path,
                        found,
                        expected,
                    });
                }
                *owner = spec.owner;
                outcome = Outcome::Changed;
            }
            if *mode & !spec.mode != 0 {
                *mode = spec.mode;
                outcome = Outcome::Changed;
            }
            Ok(outcome)
        }
    }
}

pub(super) fn write(state: &mut State, spec: &FileSpec) -> Result<Outcome, HostError> {
    place(state, &spec.path)?;
    let path = spec.path.clone();
    let wanted = Node::File {
        owner: spec.owner,
        mode: spec.mode,
        content: spec.content.expose().as_bytes().to_vec(),
    };
    let outcome = match state.tree.get(&spec.path) {
        None => Outcome::Created,
        Some(found) if *found == wanted => Outcome::Unchanged,
        Some(Node::File { .. }) => Outcome::Changed,
        Some(Node::Link) => return Err(HostError::SymlinkRefused { path }),
        Some(Node::Directory { .. }) => return Err(HostError::NotAFile { path }),
    };
    state.tree.insert(path, wanted);
    Ok(outcome)
}

pub(super) fn read(state: &State, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
    match place(state, path) {
        Err(HostError::NoParent { .. }) => return Ok(None),
        other => other?,
    }
    let path = path.to_owned();
    match state.tree.get(&path) {
        None => Ok(None),
        Some(Node::File { content, .. }) if content.len() > limit => {
            Err(HostError::TooLarge { path, limit })
        }
        Some(Node::File { content, .. }) => Ok(Some(content.clone())),
        Some(Node::Link) => Err(HostError::SymlinkRefused { path }),
        Some(Node::Directory { .. }) => Err(HostError::NotAFile { path }),
    }
}

pub(super) fn read_end(
    state: &State,
    path: &Path,
    limit: usize,
) -> Result<Option<Vec<u8>>, HostError> {
    let all = read(state, path, usize::MAX)?;
    Ok(all.map(|mut all| all.split_off(all.len().saturating_sub(limit))))
}

pub(super) fn append(state: &mut State, spec: &FileSpec) -> Result<(), HostError> {
    place(state, &spec.path)?;
    let path = spec.path.clone();
    let line = format!("{}\n", spec.content.expose());
    let fresh = Node::File {
        owner: spec.owner,
        mode: spec.mode,
        content: Vec::new(),
    };
    match state.tree.entry(path.clone()).or_insert(fresh) {
        Node::File { content, .. } => {
            content.extend_from_slice(line.as_bytes());
            Ok(())
        }
        Node::Link => Err(HostError::SymlinkRefused { path }),
        Node::Directory { .. } => Err(HostError::NotAFile { path }),
    }
}

pub(super) fn remove(state: &mut State, path: &Path) -> Result<(), HostError> {
    match place(state, path) {
        Err(HostError::NoParent { .. }) => return Ok(()),
        other => other?,
    }
    if let Some(Node::Directory { .. }) = state.tree.get(path) {
        return Err(HostError::NotAFile {
            path: path.to_owned(),
        });
    }
    state.tree.remove(path);
    Ok(())
}

pub(super) fn purge(state: &mut State, path: &Path, base_dir: &Path) -> Result<(), HostError> {
    if base_dir.parent().is_none() || !path.starts_with(base_dir) {
        return Err(HostError::NotContained {
            path: path.to_owned(),
            base: base_dir.to_owned(),
        });
    }
    if path == base_dir {
        // a volume is not ours to remove
        return Ok(());
    }
    match place(state, path) {
        Err(HostError::NoParent { .. }) => return Ok(()),
        other => other?,
    }
    match state.tree.get(path) {
        None => return Ok(()),
        Some(Node::Link) => {
            return Err(HostError::SymlinkRefused {
                path: path.to_owned(),
            });
        }
        Some(Node::File { .. }) => {
            return Err(HostError::NotADirectory {
                path: path.to_owned(),
            });
        }
        Some(Node::Directory { .. }) => {}
    }
    let own = base_dir.join("config/stack-id");
    if let Some(other) = below(state, path).find(|p| p.ends_with("config/stack-id") && **p != own) {
        return Err(HostError::OtherStack {
            path: other.clone(),
        });
    }
    state.tree.retain(|p, _| !p.starts_with(path));
    Ok(())
}

pub(super) fn rename(state: &mut State, from: &Path, to: &Path) -> Result<(), HostError> {
    place(state, from)?;
    place(state, to)?;
    let io = |kind: std::io::ErrorKind| HostError::Io {
        what: "move",
        path: to.to_owned(),
        source: kind.into(),
    };
    if !state.tree.contains_key(from) {
        return Err(io(std::io::ErrorKind::NotFound));
    }
    if state.tree.contains_key(to) {
        return Err(io(std::io::ErrorKind::AlreadyExists));
    }
    let moved: Vec<PathBuf> = below(state, from).cloned().collect();
    for path in moved.into_iter().chain([from.to_owned()]) {
        if let (Some(node), Ok(inner)) = (state.tree.remove(&path), path.strip_prefix(from)) {
            // a join with nothing would add a slash
            let to = to.components().chain(inner.components()).collect();
            state.tree.insert(to, node);
        }
    }
    Ok(())
}
