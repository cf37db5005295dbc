//! Whether another stack lives below a directory: its `config/stack-id` or manifest tells.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::FileType;
use rustix::io::Errno;

use super::read::read_at;
use super::resolve::Place;
use super::tree;
use crate::host::HostError;

/// How deep is looked. A `BASE_DIR` that lies deeper inside another stack's data is nobody's mistake.
const DEPTH: usize = 48;
/// A manifest is smaller.
const MANIFEST: usize = 1 << 20;

/// Refuses when a stack other than that of `base_dir` has its `config` at or below a directory.
pub(super) fn refuse_other_stacks(place: &Place, base_dir: &Path) -> Result<(), HostError> {
    let top = tree::open(&place.dir, &place.name).map_err(|e| io(e, &place.path))?;
    look(&top, &place.path, &place.name, &base_dir.join("config"), 0)
}

fn look(
    dir: &OwnedFd,
    path: &Path,
    name: &OsStr,
    own: &Path,
    depth: usize,
) -> Result<(), HostError> {
    let entries = tree::entries(dir).map_err(|e| io(e, path))?;
    if name == "config" && path != own {
        for (entry, _) in &entries {
            let place = || {
                let dir = dir
                    .try_clone()
                    .map_err(|e| HostError::io("open", path, e))?;
                Ok::<_, HostError>(Place {
                    dir,
                    name: entry.clone(),
                    path: path.join(entry),
                })
            };
            if entry == "stack-id" || (entry == ".env" && is_manifest(&place()?)) {
                return Err(HostError::OtherStack {
                    path: path.join(entry),
                });
            }
        }
    }
    if depth == DEPTH {
        return Ok(());
    }
    for (entry, kind) in entries {
        if !matches!(kind, FileType::Directory | FileType::Unknown) {
            continue;
        }
        let inner = path.join(&entry);
        match tree::open(dir, &entry) {
            Ok(opened) => look(&opened, &inner, &entry, own, depth + 1)?,
            // gone, or no directory after all
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(other) => return Err(io(other, &inner)),
        }
    }
    Ok(())
}

fn is_manifest(place: &Place) -> bool {
    let text = read_at(place, MANIFEST).ok().flatten().unwrap_or_default();
    text.split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(b"BASE_DIR="))
}

fn io(error: Errno, path: &Path) -> HostError {
    match error {
        Errno::XDEV => HostError::MountInside {
            path: path.to_owned(),
        },
        other => HostError::io("read", path, other),
    }
}
