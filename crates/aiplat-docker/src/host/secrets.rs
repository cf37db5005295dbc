//! The stack's secrets on disk, and randomness to make new ones of. Their formats are not decided here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aiplat_core::config::{Companions, Stage};
use aiplat_core::names::SecretName;
use secrecy::SecretString;

use super::{HostError, files};

/// A secret is smaller.
const LIMIT: usize = 64 << 10;

/// `config/secrets/` below a `BASE_DIR`: one file a secret, named as it is.
#[derive(Debug, Clone)]
pub struct SecretsStore {
    dir: PathBuf,
}

impl SecretsStore {
    /// The store of the stack in a directory, which must be canonical.
    pub fn new(base_dir: &Path) -> Self {
        Self {
            dir: base_dir.join("config/secrets"),
        }
    }

    /// A store in a folder that is no stack's.
    pub(crate) fn in_folder(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// The file of a secret.
    pub fn path(&self, name: &SecretName) -> PathBuf {
        self.dir.join(name.as_str())
    }

    /// All secrets that are there, without a line break at the end. Files whose names are no secret's are left out.
    pub fn read_all(&self) -> Result<BTreeMap<SecretName, SecretString>, HostError> {
        let mut found = BTreeMap::new();
        for name in files::names_in(&self.dir)? {
            let Some(name) = name.to_str().and_then(|n| n.parse::<SecretName>().ok()) else {
                continue;
            };
            if let Some(secret) = self.read(&name)? {
                found.insert(name, secret);
            }
        }
        Ok(found)
    }

    /// What lies beside the secrets' own files: the other values of those that are being rotated.
    pub fn companions(&self) -> Result<Companions, HostError> {
        let mut found = Companions::new();
        for file in files::names_in(&self.dir)? {
            let Some((name, stage)) = file.to_str().and_then(companion) else {
                continue;
            };
            if let Some(value) = read(self.dir.join(&file))? {
                found.insert((name, stage), value);
            }
        }
        Ok(found)
    }

    /// One secret, when it is there, without a line break at the end.
    pub fn read(&self, name: &SecretName) -> Result<Option<SecretString>, HostError> {
        read(self.path(name))
    }
}

/// The secret and the stage that the name of a companion file says.
fn companion(file: &str) -> Option<(SecretName, Stage)> {
    let (name, suffix) = file.split_once('.')?;
    let stage = Stage::ALL.into_iter().find(|s| s.suffix() == suffix)?;
    Some((name.parse().ok()?, stage))
}

fn read(path: PathBuf) -> Result<Option<SecretString>, HostError> {
    let Some(bytes) = files::read_file(&path, LIMIT)? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|_| HostError::Malformed {
        path,
        expected: "a secret in UTF-8",
    })?;
    Ok(Some(SecretString::from(
        text.trim_end_matches(['\n', '\r']),
    )))
}

/// Random bytes from the kernel, fit for keys.
pub fn draw(count: usize) -> Result<Vec<u8>, HostError> {
    let mut bytes = vec![0; count];
    getrandom::fill(&mut bytes).map_err(|e| HostError::Io {
        what: "draw random bytes from",
        path: "getrandom".into(),
        source: e.into(),
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn what_is_no_secret_is_left_out_and_a_link_is_refused() {
        let base = tempfile::tempdir().unwrap();
        let store = SecretsStore::new(base.path());
        assert!(store.read_all().unwrap().is_empty());
        let dir = base.path().join("config/secrets");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("db_password"), "s3cret\n").unwrap();
        std::fs::write(dir.join(".db_password.1.tmp"), "half").unwrap();
        std::fs::write(dir.join("README.md"), "words").unwrap();
        let found = store.read_all().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[&"db_password".parse().unwrap()].expose_secret(),
            "s3cret"
        );
        std::fs::write(dir.join("db_password.next"), "n3xt").unwrap();
        let beside = store.companions().unwrap();
        let next = &beside[&("db_password".parse().unwrap(), Stage::Drawn)];
        assert_eq!((beside.len(), next.expose_secret()), (1, "n3xt"));
        assert_eq!(store.read_all().unwrap().len(), 1);
        std::os::unix::fs::symlink("/etc/hostname", dir.join("other")).unwrap();
        assert!(matches!(
            store.read_all(),
            Err(HostError::SymlinkRefused { .. })
        ));
    }

    #[test]
    fn two_draws_differ() {
        assert_eq!(draw(32).unwrap().len(), 32);
        assert_ne!(draw(32).unwrap(), draw(32).unwrap());
    }
}
