//! The two files of a profile: the stack's source and the copy that the boot loads.

use std::os::unix::fs::MetadataExt;

use aiplat_apparmor::ProfileName;
use aiplat_core::spec::{Owner, ProfileFile};

use super::AppArmor;
use crate::host::{HostError, files};

/// A profile is smaller.
const LIMIT: usize = 4 << 20;
const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// What was in the files before.
pub(super) struct Before {
    source: Option<Vec<u8>>,
    system: Option<Vec<u8>>,
}

impl AppArmor<'_> {
    /// The profile's name, which must be that of both files, the copy in the system's directory.
    pub(super) fn name(&self, file: &ProfileFile) -> Result<ProfileName, HostError> {
        let wrong = || HostError::ProfileName {
            name: file.name.clone(),
        };
        let name: ProfileName = file.name.parse().map_err(|_| wrong())?;
        let named = |path: &std::path::Path| path.file_name().is_some_and(|n| n == name.as_str());
        let ours = file.name.starts_with(ProfileName::PREFIX);
        if !(ours && named(&file.source) && named(&file.system)) {
            return Err(wrong());
        }
        if file.system.parent() != Some(&self.paths.system_dir) {
            let (path, base) = (file.system.clone(), self.paths.system_dir.clone());
            return Err(HostError::NotContained { path, base });
        }
        Ok(name)
    }
}

impl Before {
    pub(super) fn of(file: &ProfileFile) -> Result<Self, HostError> {
        Ok(Self {
            source: files::read_file(&file.source, LIMIT)?,
            system: files::read_file(&file.system, LIMIT)?,
        })
    }

    /// The boot loads an earlier text of it.
    pub(super) fn was_there(&self) -> bool {
        self.system.is_some()
    }

    /// Puts both files back as they were.
    pub(super) fn restore(&self, file: &ProfileFile) -> Result<(), HostError> {
        put(file, self.source.as_deref(), self.system.as_deref())
    }
}

/// Writes both files. The kernel is given the system's copy, which the stack's own user cannot change.
pub(super) fn write(file: &ProfileFile) -> Result<(), HostError> {
    let text = Some(file.text.as_bytes());
    put(file, text, text)
}

/// Removes both files.
pub(super) fn remove(file: &ProfileFile) -> Result<(), HostError> {
    put(file, None, None)
}

fn put(file: &ProfileFile, source: Option<&[u8]>, system: Option<&[u8]>) -> Result<(), HostError> {
    match source {
        Some(text) => {
            let owner = owner_of_parent(file)?;
            files::write_bytes(&file.source, text, owner, 0o640)?;
        }
        None => files::remove_file(&file.source)?,
    }
    match system {
        Some(text) => files::write_bytes(&file.system, text, ROOT, 0o644).map(|_| ()),
        None => files::remove_file(&file.system),
    }
}

/// The source belongs to whom its directory belongs: the stack.
fn owner_of_parent(file: &ProfileFile) -> Result<Owner, HostError> {
    let parent = file.source.parent().unwrap_or(&file.source);
    match fs_err::symlink_metadata(parent) {
        Ok(found) => Ok(Owner {
            uid: found.uid(),
            gid: found.gid(),
        }),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Err(HostError::NoParent {
            path: parent.to_owned(),
        }),
        Err(e) => Err(HostError::io("read", parent, e)),
    }
}
