//! Giving something another name.

use std::path::Path;

use rustix::fs::RenameFlags;

use super::resolve::Place;
use super::temporary;
use crate::host::HostError;

/// Renames, replacing nothing; both directories are synced.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), HostError> {
    let (source, target) = (Place::of(from)?, Place::of(to)?);
    rustix::fs::renameat_with(
        &source.dir,
        &source.name,
        &target.dir,
        &target.name,
        RenameFlags::NOREPLACE,
    )
    .and_then(|()| temporary::sync_dir(&target.dir))
    .and_then(|()| temporary::sync_dir(&source.dir))
    .map_err(|e| HostError::io("move", to, e))
}
