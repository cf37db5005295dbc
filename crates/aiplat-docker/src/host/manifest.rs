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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::process::Command;

    use super::*;
    use crate::host::Holder;

    const STACK: Owner = Owner {
        uid: 3000,
        gid: 3001,
    };

    fn stack(base_dir: &Path) -> (ManifestStore, StackLock) {
        std::fs::create_dir(base_dir.join("config")).unwrap();
        let lock = StackLock::acquire(base_dir, &Holder::this_process("test")).unwrap();
        (ManifestStore::new(base_dir), lock)
    }

    #[test]
    fn a_rewrite_is_whole_and_closed_to_others() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(ManifestStore::new(dir.path()).read().unwrap(), None);
        let (store, lock) = stack(dir.path());
        // as an operator's editor may have left it
        std::fs::write(store.path(), "A=1\n").unwrap();
        std::fs::set_permissions(store.path(), PermissionsExt::from_mode(0o644)).unwrap();
        assert_eq!(
            store.rewrite(&lock, "A=1\n", STACK).unwrap(),
            Outcome::Changed
        );
        let found = std::fs::metadata(store.path()).unwrap();
        assert_eq!(
            (found.uid(), found.gid(), found.mode() & 0o777),
            (3000, 3001, 0o600)
        );
        assert_eq!(
            store.rewrite(&lock, "A=1\n", STACK).unwrap(),
            Outcome::Unchanged
        );
        assert_eq!(store.read().unwrap().unwrap(), "A=1\n");
        std::fs::write(store.path(), b"A=\xff\n").unwrap();
        assert!(matches!(store.read(), Err(HostError::Malformed { .. })));
    }

    #[test]
    fn a_full_disk_leaves_the_old_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let run = |program: &str, arguments: &[&str]| {
            let status = Command::new(program)
                .args(arguments)
                .arg(dir.path())
                .status()
                .unwrap();
            assert!(status.success());
        };
        run("mount", &["-t", "tmpfs", "-o", "size=64k", "tiny"]);
        let (store, lock) = stack(dir.path());
        store.rewrite(&lock, "old", STACK).unwrap();
        let refused = store.rewrite(&lock, &"x".repeat(128 << 10), STACK);
        let left = store.read();
        let names = std::fs::read_dir(dir.path().join("config"))
            .unwrap()
            .count();
        drop(lock);
        run("umount", &[]);
        assert!(matches!(refused, Err(HostError::NoSpace { .. })));
        assert_eq!(left.unwrap().unwrap(), "old");
        assert_eq!(names, 2, "the manifest and the lock");
    }

    #[test]
    fn another_stack_s_lock_writes_nothing() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (store, _lock) = stack(a.path());
        let (_, other) = stack(b.path());
        let refused = store.rewrite(&other, "A=1\n", STACK);
        assert!(matches!(refused, Err(HostError::NotContained { .. })));
        assert_eq!(store.read().unwrap(), None);
    }

    #[test]
    fn an_identity_is_kept_for_good() {
        let dir = tempfile::tempdir().unwrap();
        let (store, lock) = stack(dir.path());
        assert_eq!(store.stack_id().unwrap(), None);
        let id = "0123456789ab".parse().unwrap();
        store.keep_stack_id(&lock, &id, STACK).unwrap();
        store.keep_stack_id(&lock, &id, STACK).unwrap();
        assert_eq!(store.stack_id().unwrap(), Some(id));
        let other = "ba9876543210".parse().unwrap();
        let refused = store.keep_stack_id(&lock, &other, STACK);
        assert!(matches!(refused, Err(HostError::OtherStack { .. })));
        std::fs::write(dir.path().join("config/stack-id"), "../../etc\n").unwrap();
        assert!(matches!(store.stack_id(), Err(HostError::Malformed { .. })));
    }
}
