//! Where a backup is put together: a directory of the stack's volume that only root can enter, gone when the run is over,
//! and what a killed run left of it gone when the next one begins.

use std::path::{Path, PathBuf};

use crate::host::HostError;
use crate::host::files::copy;

/// Below `BASE_DIR`.
const BACKUPS: &str = "backups";
const STAGING: &str = ".staging";

/// The directory; removed when dropped.
#[derive(Debug)]
pub(super) struct Staging {
    path: PathBuf,
}

impl Staging {
    /// Makes it, without whatever is there. The stack's lock is held: no other run uses it.
    pub(super) fn begin(base_dir: &Path) -> Result<Self, HostError> {
        let backups = base_dir.join(BACKUPS);
        closed(&backups)?;
        let path = backups.join(STAGING);
        copy::remove(&path)?;
        closed(&path)?;
        Ok(Self { path })
    }

    /// A path in it; the directories above it are made.
    pub(super) fn place(&self, inner: impl AsRef<Path>) -> Result<PathBuf, HostError> {
        let path = self.path.join(inner);
        let parent = path.parent().unwrap_or(&self.path);
        fs_err::create_dir_all(parent).map_err(|e| HostError::io("make", parent, e))?;
        Ok(path)
    }

    /// A directory in it.
    pub(super) fn folder(&self, inner: &str) -> Result<PathBuf, HostError> {
        let path = self.path.join(inner);
        fs_err::create_dir_all(&path).map_err(|e| HostError::io("make", &path, e))?;
        Ok(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // the next run removes what is left
        let _ = copy::remove(&self.path);
    }
}

/// Makes a directory that nobody else can look into; one that is there is left as it is.
pub(crate) fn closed(path: &Path) -> Result<(), HostError> {
    match rustix::fs::mkdir(path, rustix::fs::Mode::RWXU) {
        Ok(()) => Ok(()),
        Err(rustix::io::Errno::EXIST) => {
            let found =
                fs_err::symlink_metadata(path).map_err(|e| HostError::io("read", path, e))?;
            if found.is_dir() {
                Ok(())
            } else {
                Err(HostError::NotADirectory {
                    path: path.to_owned(),
                })
            }
        }
        Err(e) => Err(HostError::io("make", path, e)),
    }
}
