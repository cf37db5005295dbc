//! What is remembered of each stack's volume outside of it: whether the stack that belongs in a directory is there.
//!
//! A volume that is not mounted looks like an empty directory. Nothing inside can say so: one small file in the state
//! directory a `BASE_DIR` does (`volumes/<hash of the path>.json`). The stack's own `config/stack-id` is its counterpart.

use std::path::{Path, PathBuf};

use aiplat_core::names::{StackId, StackName};
use aiplat_core::text::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::register::this_user;
use super::{HostError, files};

/// A mark is smaller.
const LIMIT: usize = 64 << 10;

/// Which stack belongs in a directory, and on which file system it lay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMark {
    /// The stack's name.
    pub stack: StackName,
    /// Its identity, as in `config/stack-id`.
    pub stack_id: StackId,
    /// Its directory, canonical.
    pub base_dir: PathBuf,
    /// It was the root of a mount of its own.
    pub mount_point: bool,
    /// File system type, such as `ext4`.
    pub file_system: String,
    /// The file system's UUID, where it was a mount of its own and one was to be had.
    pub uuid: Option<String>,
}

/// The marks in a state directory.
pub(crate) struct Marks<'a> {
    pub(crate) state_dir: &'a Path,
}

impl Marks<'_> {
    /// The mark of a directory. A spoilt one is none.
    pub(crate) fn read(&self, base_dir: &Path) -> Result<Option<VolumeMark>, HostError> {
        let mark = read(&self.path(base_dir))?;
        Ok(mark.filter(|mark| mark.base_dir == base_dir))
    }

    /// Keeps a mark.
    pub(crate) fn write(&self, mark: &VolumeMark) -> Result<(), HostError> {
        let dir = self.dir();
        fs_err::create_dir_all(&dir).map_err(|e| HostError::io("make", &dir, e))?;
        let mut text = serde_json::to_vec_pretty(mark).expect("a mark has only string keys");
        text.push(b'\n');
        files::write_bytes(&self.path(&mark.base_dir), &text, this_user(), 0o600).map(|_| ())
    }

    /// All marks, by directory.
    pub(crate) fn all(&self) -> Result<Vec<VolumeMark>, HostError> {
        let dir = self.dir();
        let mut marks = Vec::new();
        for name in files::names_in(&dir)? {
            if !name.as_encoded_bytes().starts_with(b".") {
                marks.extend(read(&dir.join(name))?);
            }
        }
        marks.sort_by(|a, b| a.base_dir.cmp(&b.base_dir));
        Ok(marks)
    }

    /// Forgets a stack.
    pub(crate) fn forget(&self, id: &StackId) -> Result<(), HostError> {
        for mark in self.all()? {
            if mark.stack_id == *id {
                files::remove_file(&self.path(&mark.base_dir))?;
            }
        }
        Ok(())
    }

    fn dir(&self) -> PathBuf {
        self.state_dir.join("volumes")
    }

    fn path(&self, base_dir: &Path) -> PathBuf {
        let hash = Sha256::digest(base_dir.as_os_str().as_encoded_bytes());
        self.dir().join(format!("{}.json", hex(&hash[..8])))
    }
}

fn read(path: &Path) -> Result<Option<VolumeMark>, HostError> {
    let bytes = match files::read_file(path, LIMIT) {
        Err(HostError::TooLarge { .. }) => None,
        other => other?,
    };
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(base_dir: &str, id: &str) -> VolumeMark {
        VolumeMark {
            stack: "ai".parse().unwrap(),
            stack_id: id.parse().unwrap(),
            base_dir: base_dir.into(),
            mount_point: true,
            file_system: "ext4".into(),
            uuid: Some("8d1c".into()),
        }
    }

    #[test]
    fn what_is_marked_is_known_until_it_is_forgotten() {
        let state = tempfile::tempdir().unwrap();
        let marks = Marks {
            state_dir: state.path(),
        };
        assert_eq!(marks.all().unwrap(), []);
        let (a, b) = (
            mark("/mnt/a", "0123456789ab"),
            mark("/mnt/b", "ba9876543210"),
        );
        marks.write(&b).unwrap();
        marks.write(&a).unwrap();
        assert_eq!(marks.all().unwrap(), [a.clone(), b.clone()]);
        assert_eq!(marks.read(Path::new("/mnt/a")).unwrap(), Some(a.clone()));
        assert_eq!(marks.read(Path::new("/mnt/c")).unwrap(), None);
        marks.forget(&a.stack_id).unwrap();
        assert_eq!(marks.all().unwrap(), [b]);
    }

    #[test]
    fn a_spoilt_mark_is_none() {
        let state = tempfile::tempdir().unwrap();
        let marks = Marks {
            state_dir: state.path(),
        };
        marks.write(&mark("/mnt/a", "0123456789ab")).unwrap();
        std::fs::write(marks.path(Path::new("/mnt/a")), "{").unwrap();
        assert_eq!(marks.read(Path::new("/mnt/a")).unwrap(), None);
    }
}
