//! The manifest and the identity of a stack on disk, below its `config/`.

use std::path::{Path, PathBuf};

use aiplat_core::names::StackId;
use aiplat_core::spec::Owner;

use super::lock::StackLock;
use super::{HostError, Outcome, files};

/// A manifest is smaller.
const LIMIT: usize = 1 << 20;

/// `config/.env` and `config/stack-id` below a `BASE_DIR`.
#[derive(Debug, Clone)]
pub struct ManifestStore {
    base_dir: PathBuf,
}

impl ManifestStore {
    /// The store of the stack in a directory, which must be canonical.
    pub fn new(base_dir: &Path) -> Self {
        Self {
            base_dir: base_dir.to_owned(),
        }
    }

    /// Where the manifest is.
    pub fn path(&self) -> PathBuf {
        self.base_dir.join("config/.env")
    }

    /// The manifest's text, when there is one.
    pub fn read(&self) -> Result<Option<String>, HostError> {
        text(&self.path(), "a manifest in UTF-8")
    }

    /// Writes the manifest whole, with mode 0600: a full disk or a crash leaves the old one. `lock` must be the stack's.
    pub fn rewrite(
        &self,
        lock: &StackLock,
        text: &str,
        owner: Owner,
    ) -> Result<Outcome, HostError> {
        self.check(lock)?;
        files::write_bytes(&self.path(), text.as_bytes(), owner, 0o600)
    }

    /// The stack's identity, when it has one.
    pub fn stack_id(&self) -> Result<Option<StackId>, HostError> {
        let path = self.base_dir.join("config/stack-id");
        let expected = "a stack id: 12 lower-case hexadecimal digits";
        let Some(found) = text(&path, expected)? else {
            return Ok(None);
        };
        found
            .trim_end()
            .parse()
            .map(Some)
            .map_err(|_| HostError::Malformed { path, expected })
    }

    /// Keeps a new stack's identity, mode 0600. An existing other one is never written over.
    pub fn keep_stack_id(
        &self,
        lock: &StackLock,
        id: &StackId,
        owner: Owner,
    ) -> Result<(), HostError> {
        self.check(lock)?;
        let path = self.base_dir.join("config/stack-id");
        match self.stack_id()? {
            Some(kept) if kept != *id => Err(HostError::OtherStack { path }),
            _ => files::write_bytes(&path, format!("{id}\n").as_bytes(), owner, 0o600).map(|_| ()),
        }
    }

    fn check(&self, lock: &StackLock) -> Result<(), HostError> {
        if lock.base_dir() == self.base_dir {
            return Ok(());
        }
        Err(HostError::NotContained {
            path: self.path(),
            base: lock.base_dir().to_owned(),
        })
    }
}

fn text(path: &Path, expected: &'static str) -> Result<Option<String>, HostError> {
    files::read_file(path, LIMIT)?
        .map(String::from_utf8)
        .transpose()
        .map_err(|_| HostError::Malformed {
            path: path.to_owned(),
            expected,
        })
}
