//! A stack's audit trail, for those who only look.

use std::path::Path;

use aiplat_core::names::StackId;

use super::{Places, PrepareError};
use crate::audit::{AuditStore, Trail};
use crate::host::{HostError, ManifestStore};

/// The trail of the stack in a directory.
///
/// # Errors
/// [`PrepareError::Volume`] where there is no stack, and host errors.
pub fn trail(places: &Places, base_dir: &Path) -> Result<Trail, PrepareError> {
    let id = ManifestStore::new(base_dir).stack_id()?;
    let id = id.ok_or_else(|| PrepareError::Volume {
        path: base_dir.to_path_buf(),
        expected: "a stack; the trail of one that was purged is found by its identity (`--stack-id`)",
        found: "none",
    })?;
    Ok(AuditStore::new(&places.state_dir, base_dir, &id).read()?)
}

/// The trail of a stack by its identity, wherever it lies, even when it is gone; nothing when the state directory
/// knows none.
///
/// # Errors
/// [`HostError`].
pub fn trail_of(places: &Places, id: &StackId) -> Result<Option<Trail>, HostError> {
    // the head says where the log is
    let trail = AuditStore::new(&places.state_dir, Path::new("/"), id).read()?;
    Ok(trail.head.is_some().then_some(trail))
}
