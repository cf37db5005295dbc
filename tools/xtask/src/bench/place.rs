//! The bench's own folder: one bench at a time works in it, and the next one finds there what one left.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::tiny::UID;
use crate::Result;

/// A folder, held for this run.
#[derive(Debug)]
pub(crate) struct Place {
    root: PathBuf,
    _lock: File,
}

impl Place {
    /// Takes the folder, or says that another bench has it.
    pub(crate) fn take(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        let lock = File::create(root.join("lock"))?;
        if lock.try_lock().is_err() {
            return Err(format!("another bench runs in `{}`", root.display()).into());
        }
        let place = Self { root, _lock: lock };
        let user = format!("bench:x:{UID}:{UID}::/tmp:/bin/sh\n");
        std::fs::write(place.path("passwd"), user)?;
        std::fs::write(place.path("group"), format!("bench:x:{UID}:\n"))?;
        Ok(place)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The same as text.
    pub(crate) fn file(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// `BASE_DIR` of the product's stack.
    pub(crate) fn base_dir(&self) -> PathBuf {
        self.path("base")
    }

    /// Value of the label that what is made here wears: the folder itself.
    pub(crate) fn label(&self) -> String {
        self.root.display().to_string()
    }
}
