//! A copy of a stack's directory is not that stack.
//!
//! Copied with its identity (`cp -a`, a restored snapshot, a cloned disk), a directory would name the containers and the
//! reservations of the original as its own: the teardown of a second clone would take the first one down.

use std::path::{Path, PathBuf};

use aiplat_core::allocation::Register;
use aiplat_core::manifest::Manifest;
use aiplat_core::names::StackId;
use aiplat_core::observed::Observed;
use aiplat_core::spec::label;

use super::PrepareError;
use crate::host::{Host, HostError, ManifestStore};

/// Refuses a manifest that says that its stack lives elsewhere.
///
/// # Errors
/// [`PrepareError::Copy`].
pub(super) fn lives_here(manifest: &Manifest, base_dir: &Path) -> Result<(), PrepareError> {
    let named = manifest.get("BASE_DIR");
    let named = named.map(|value| value.expose().to_owned());
    match named.filter(|path| !path.is_empty()).map(PathBuf::from) {
        Some(there) if there != base_dir => Err(PrepareError::Copy {
            here: base_dir.to_path_buf(),
            there,
        }),
        _ => Ok(()),
    }
}

/// Refuses an identity that objects on the engine, or a directory that is reserved and still there, have in another
/// place. A stack that was moved while it was torn down has neither.
///
/// # Errors
/// [`PrepareError::Copy`], and host errors.
pub(super) fn one_place<H: Host>(
    host: &H,
    id: &StackId,
    base_dir: &Path,
    observed: &Observed,
    register: &Register,
) -> Result<(), PrepareError> {
    let labels = observed
        .containers
        .iter()
        .map(|c| &c.labels)
        .chain(observed.networks.iter().map(|n| &n.labels));
    let elsewhere = labels
        .filter(|l| l.get(label::STACK_ID).is_some_and(|l| l == id.as_str()))
        .filter_map(|l| l.get(label::BASE_DIR).map(PathBuf::from))
        .find(|path| path != base_dir);
    let reserved = || {
        let path = register.get(id)?.base_dir.clone();
        (path != base_dir && has(host, &path, id).unwrap_or(true)).then_some(path)
    };
    match elsewhere.or_else(reserved) {
        Some(there) => Err(PrepareError::Copy {
            here: base_dir.to_path_buf(),
            there,
        }),
        None => Ok(()),
    }
}

/// Whether a stack of this identity lies in a directory.
fn has<H: Host>(host: &H, base_dir: &Path, id: &StackId) -> Result<bool, HostError> {
    use aiplat_core::observed::PathState;
    match host.path_state(&base_dir.join("config/stack-id"))? {
        PathState::File { .. } => Ok(ManifestStore::new(base_dir).stack_id()?.as_ref() == Some(id)),
        _ => Ok(false),
    }
}
