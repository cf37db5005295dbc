//! Where a stack lies.

use std::path::{Component, Path, PathBuf};

use aiplat_core::observed::{PathState, VolumeFacts};

use super::PrepareError;
use crate::host::{Host, HostError, ManifestStore, VolumeMark};

/// A stack's directory, canonical, with what lies below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// The directory without links in its path.
    pub path: PathBuf,
    /// The file system.
    pub facts: VolumeFacts,
    /// Whether a stack's manifest is there.
    pub deployed: bool,
}

/// Finds a stack's directory. A missing one is an error unless `allow_unmounted` says that it may be made.
///
/// # Errors
/// [`PrepareError::Volume`] for what is no directory, [`PrepareError::Lost`] for one whose stack this host remembers
/// and that is not there: its volume is not mounted, and nothing must be begun on what lies under it. Host errors.
pub fn locate<H: Host>(
    host: &H,
    base_dir: &Path,
    allow_unmounted: bool,
) -> Result<Volume, PrepareError> {
    if let Some((mark, found)) = lost(host, base_dir)? {
        return Err(PrepareError::Lost {
            path: base_dir.to_path_buf(),
            stack: mark.stack,
            stack_id: mark.stack_id,
            found,
            uuid: mark.uuid,
        });
    }
    locate_as_it_is(host, base_dir, allow_unmounted)
}

/// Which stack belongs in a directory and is not there, and what is there instead.
///
/// # Errors
/// [`HostError`].
pub fn lost<H: Host>(
    host: &H,
    base_dir: &Path,
) -> Result<Option<(VolumeMark, &'static str)>, HostError> {
    let Some(mark) = host.marked_volume(base_dir)? else {
        return Ok(None);
    };
    let found = match ManifestStore::new(base_dir).stack_id() {
        Ok(Some(id)) if id == mark.stack_id => return Ok(None),
        Ok(Some(_)) => "another stack",
        Err(denied @ HostError::Denied { .. }) => return Err(denied),
        Ok(None) | Err(_) => match host.path_state(base_dir)? {
            PathState::Absent => "nothing",
            PathState::Directory { empty: true, .. } => "an empty directory",
            PathState::Directory { .. } => "a directory without its `config/stack-id`",
            PathState::File { .. } | PathState::Link | PathState::Other => "no directory",
        },
    };
    Ok(Some((mark, found)))
}

/// As [`locate`], for a teardown, which takes away what is left of a stack whose volume is lost.
pub(super) fn locate_as_it_is<H: Host>(
    host: &H,
    base_dir: &Path,
    allow_unmounted: bool,
) -> Result<Volume, PrepareError> {
    let wrong = |found| PrepareError::Volume {
        path: base_dir.to_path_buf(),
        expected: "a directory, best the mount point of a volume of its own (`--allow-unmounted` makes one)",
        found,
    };
    let plain = base_dir
        .components()
        .all(|c| !matches!(c, Component::ParentDir));
    if !base_dir.is_absolute() || !plain {
        return Err(wrong("a path that is not absolute and plain"));
    }
    // no component of it is a link: the host refuses those, so the path is canonical
    match host.path_state(base_dir)? {
        PathState::Directory { .. } => {}
        PathState::Absent if allow_unmounted => {}
        PathState::Absent => return Err(wrong("nothing")),
        PathState::File { .. } => return Err(wrong("a file")),
        PathState::Link => return Err(wrong("a symbolic link")),
        PathState::Other => return Err(wrong("a socket, device or pipe")),
    }
    let manifest = base_dir.join("config/.env");
    Ok(Volume {
        deployed: matches!(host.path_state(&manifest)?, PathState::File { .. }),
        facts: host.volume(base_dir)?,
        path: base_dir.to_path_buf(),
    })
}
