//! What a run that was killed left behind, and the turn under which there is only one run.
//!
//! Everything that a run makes carries a name that nothing else has: links `.aiplat-proof-…` in a stack's directories,
//! collections `aiplat_proof_<12 hexadecimal digits>` in its store, and
//! containers whose label says that they are a hog. So no record is needed, and nothing else is removed.

use std::fs::File;
use std::path::Path;

use super::layers::{Standing, sweep, sweep_hogs};
use super::{Layer, ProofError, Scene};

/// The beginning of every name that a run makes in a directory.
pub(super) const LINK: &str = ".aiplat-proof-";

/// The right to be the only proof on the host; the kernel gives it back when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Turn {
    _file: File,
}

impl Turn {
    pub(super) fn take(state_dir: &Path) -> Result<Self, ProofError> {
        let io = |error: std::io::Error| {
            ProofError::Rights(format!("`{}`: {error}", state_dir.display()))
        };
        std::fs::create_dir_all(state_dir).map_err(io)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(state_dir.join("proof.lock"))
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(std::fs::TryLockError::WouldBlock) => Err(ProofError::Busy),
            Err(std::fs::TryLockError::Error(error)) => Err(io(error)),
        }
    }
}

/// Removes what earlier runs left in these stacks, and says what it was.
pub(super) async fn leftovers(scene: &Scene<'_>, standing: &Standing) -> Vec<String> {
    let mut removed = sweep_hogs(scene).await;
    for stack in &scene.stacks {
        let binds = stack
            .desired
            .services
            .iter()
            .flat_map(|s| &s.container.binds);
        let mut places: Vec<&Path> = binds.map(|b| b.source.as_path()).collect();
        places.sort_unstable();
        places.dedup();
        for place in places {
            let Ok(entries) = std::fs::read_dir(place) else {
                continue;
            };
            for entry in entries.filter_map(Result::ok) {
                let ours = entry.file_name().to_string_lossy().starts_with(LINK);
                let file = entry.file_type().is_ok_and(|t| !t.is_dir());
                if ours && file && std::fs::remove_file(entry.path()).is_ok() {
                    removed.push(entry.path().display().to_string());
                }
            }
        }
        if scene.options.layers.contains(&Layer::Vectors) {
            removed.extend(sweep(stack, standing).await);
        }
    }
    removed
}
