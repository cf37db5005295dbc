//! The host-wide register on disk. It is a cache: when it is lost or spoilt, it is rebuilt from labels and manifests.

use std::path::{Path, PathBuf};

use aiplat_core::allocation::Register;
use aiplat_core::spec::Owner;

use super::lock::HostLock;
use super::{HostError, files};

/// Far more than the reservations of all stacks that a host can run.
const LIMIT: usize = 16 << 20;

/// `register.json` in the state directory, `/var/lib/aiplat` unless told otherwise.
#[derive(Debug, Clone)]
pub struct RegisterStore {
    path: PathBuf,
}

/// The register as it was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoadedRegister {
    /// The reservations; none when the file is absent or spoilt.
    pub register: Register,
    /// It was absent or spoilt, and is to be rebuilt before anything is reserved.
    pub rebuild: bool,
}

impl RegisterStore {
    /// The register in a state directory.
    pub fn new(state_dir: &Path) -> Self {
        Self {
            path: state_dir.join("register.json"),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it. To look only; what is to be saved again must be read under the lock.
    pub fn load(&self) -> Result<LoadedRegister, HostError> {
        let bytes = match files::read_file(&self.path, LIMIT) {
            Err(HostError::TooLarge { .. }) => None,
            other => other?,
        };
        let parsed = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Ok(parsed.map_or_else(
            || LoadedRegister {
                register: Register::default(),
                rebuild: true,
            },
            |register| LoadedRegister {
                register,
                rebuild: false,
            },
        ))
    }

    /// Writes it whole, readable by this user alone. `lock` must be that of the same directory.
    pub fn save(&self, lock: &HostLock, register: &Register) -> Result<(), HostError> {
        if self.path.parent() != Some(lock.state_dir()) {
            return Err(HostError::NotContained {
                path: self.path.clone(),
                base: lock.state_dir().to_owned(),
            });
        }
        let mut text = serde_json::to_vec_pretty(register).map_err(|e| HostError::Io {
            what: "write",
            path: self.path.clone(),
            source: e.into(),
        })?;
        text.push(b'\n');
        files::write_bytes(&self.path, &text, this_user(), 0o600).map(|_| ())
    }
}

/// Who this process works as.
pub(crate) fn this_user() -> Owner {
    Owner {
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aiplat_core::allocation::Reservation;

    use super::*;

    fn one() -> Register {
        let mut register = Register::default();
        register.put(Reservation {
            stack: "ai".parse().unwrap(),
            stack_id: "0123456789ab".parse().unwrap(),
            base_dir: "/mnt/data".into(),
            subnet: "10.200.0.0/26".parse().unwrap(),
            uids: [1000, 2000].into(),
            gids: [1000, 2000].into(),
            ports: std::collections::BTreeSet::new(),
            container_prefix: "ai-".into(),
            gpus: [0].into(),
            domain: "ai.localhost".into(),
        });
        register
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        let store = RegisterStore::new(dir.path());
        assert_eq!(
            store.load().unwrap(),
            LoadedRegister {
                rebuild: true,
                ..Default::default()
            }
        );
        let lock = HostLock::wait(dir.path(), Duration::from_secs(1)).unwrap();
        store.save(&lock, &one()).unwrap();
        assert_eq!(
            store.load().unwrap(),
            LoadedRegister {
                register: one(),
                rebuild: false
            }
        );
    }

    #[test]
    fn a_spoilt_register_is_to_be_rebuilt_and_can_be_saved_over() {
        let dir = tempfile::tempdir().unwrap();
        let store = RegisterStore::new(dir.path());
        let lock = HostLock::wait(dir.path(), Duration::from_secs(1)).unwrap();
        store.save(&lock, &one()).unwrap();
        let whole = std::fs::read(store.path()).unwrap();
        for length in 0..whole.len() - 2 {
            std::fs::write(store.path(), &whole[..length]).unwrap();
            assert!(store.load().unwrap().rebuild, "cut at {length}");
        }
        for spoilt in [
            &b"\xff\xfe"[..],
            b"[]",
            b"{\"stacks\": [{\"stack\": \"../x\"}]}",
        ] {
            std::fs::write(store.path(), spoilt).unwrap();
            assert!(store.load().unwrap().rebuild);
        }
        store.save(&lock, &one()).unwrap();
        assert!(!store.load().unwrap().rebuild);
    }

    #[test]
    fn another_directory_s_lock_saves_nothing() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let lock = HostLock::wait(there.path(), Duration::from_secs(1)).unwrap();
        let store = RegisterStore::new(here.path());
        assert!(matches!(
            store.save(&lock, &one()),
            Err(HostError::NotContained { .. })
        ));
        assert!(!store.path().exists());
    }
}
