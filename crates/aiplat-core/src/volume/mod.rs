//! A volume of a stack's own on a block device: what must be done, decided from what is there.
//!
//! Each step leaves a state from which the same decision goes on: a device with our own label was made by an earlier run
//! that did not come to its end.

mod fstab;

#[cfg(test)]
mod tests;

pub use fstab::{FstabEntry, FstabProblem, with_entry};

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::text::hex;

/// Smallest device that is worth a file system, bytes.
const SMALLEST: u64 = 16 << 20;

/// A block device as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeviceFacts {
    /// Its path without links.
    pub device: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// Why it must not be touched, in words: it is mounted, swap, part of something else, read-only.
    pub busy: Option<String>,
    /// What is on it, as far as the low-level probe knows: a file system, a partition table, anything.
    pub signature: Option<Signature>,
    /// Its first and last mebibyte are zero.
    pub blank: bool,
    /// Where its file system is mounted.
    pub mounted_at: Vec<PathBuf>,
}

/// What a probe found on a device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signature {
    /// Such as `ext4`, `gpt`, `crypto_LUKS`.
    pub kind: String,
    /// A file system's label.
    pub label: Option<String>,
    /// A file system's UUID.
    pub uuid: Option<String>,
}

/// What is in the place where a volume is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Nothing, or an empty directory.
    Free,
    /// A directory with something in it, or something else.
    Filled,
    /// Another file system is mounted there.
    Mounted,
}

/// One act. Done twice, it is done once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VolumeStep {
    /// Make an ext4 file system, with project quotas where the kernel can mount those.
    Format {
        /// The device.
        device: PathBuf,
        /// The file system's label: tells a later run that this one made it, and for which directory.
        label: String,
        /// The file system's UUID.
        uuid: String,
    },
    /// Mount it, on a directory that is made where there is none.
    Mount {
        /// The device.
        device: PathBuf,
        /// Where.
        at: PathBuf,
    },
    /// Write the table of what is mounted at boot, when it still is as it was.
    Table {
        /// What it was.
        before: String,
        /// What it is to be.
        after: String,
        /// What it is to be where the file system is mounted with project quotas: so it is to be after the next boot.
        with_quotas: String,
        /// Where that is.
        at: PathBuf,
    },
}

/// Why a device is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VolumeProblem {
    /// There is no such device.
    #[error("expected a block device at `{}`, found nothing", .device.display())]
    Absent {
        /// The path.
        device: PathBuf,
    },
    /// It is in use.
    #[error("expected `{}` to be free, {words}", .device.display())]
    Busy {
        /// The device.
        device: PathBuf,
        /// How it is used.
        words: String,
    },
    /// Something is on it.
    #[error("expected `{}` to be empty, found {kind} on it; nothing was touched", .device.display())]
    NotEmpty {
        /// The device.
        device: PathBuf,
        /// What is on it.
        kind: String,
    },
    /// It is too small.
    #[error("expected `{}` to have at least 16 MiB", .device.display())]
    TooSmall {
        /// The device.
        device: PathBuf,
    },
    /// The place is not free.
    #[error("expected nothing in `{}`, which the volume would hide", .path.display())]
    PlaceTaken {
        /// The directory.
        path: PathBuf,
    },
    /// Another volume is mounted there.
    #[error("expected nothing mounted at `{}`, found another volume", .path.display())]
    OtherVolume {
        /// The directory.
        path: PathBuf,
    },
    /// The table of mounts stands in the way.
    #[error(transparent)]
    Table(#[from] FstabProblem),
}

/// The label of the file system that is made for a directory: at most 16 bytes, as ext4 has it.
pub fn label_for(base_dir: &Path) -> String {
    let hash = Sha256::digest(base_dir.as_os_str().as_encoded_bytes());
    format!("aiplat-{}", hex(&hash[..4]))
}

/// Decides what makes a device the volume in `base_dir`. `uuid` is for a file system that is yet to be made.
///
/// # Errors
/// [`VolumeProblem`]: the device or the place is not free. Nothing may be touched then.
pub fn steps(
    base_dir: &Path,
    device: &DeviceFacts,
    place: Place,
    table: &str,
    uuid: &str,
) -> Result<Vec<VolumeStep>, VolumeProblem> {
    let label = label_for(base_dir);
    let signature = device.signature.as_ref();
    let ours = signature.filter(|s| s.kind == "ext4" && s.label.as_ref() == Some(&label));
    let mounted = device.mounted_at.iter().any(|at| at == base_dir);
    let mut steps = Vec::new();
    if !mounted {
        usable(device, ours.is_some())?;
        match place {
            Place::Free => {}
            Place::Filled => {
                return Err(VolumeProblem::PlaceTaken {
                    path: base_dir.to_path_buf(),
                });
            }
            Place::Mounted => {
                return Err(VolumeProblem::OtherVolume {
                    path: base_dir.to_path_buf(),
                });
            }
        }
    }
    let uuid = match signature.and_then(|s| s.uuid.clone()) {
        Some(kept) => kept,
        None => uuid.to_owned(),
    };
    let entry = FstabEntry::new(&uuid, base_dir);
    let after = with_entry(table, &entry)?;
    let with_quotas = with_entry(table, &entry.with_quotas())?;
    if !mounted && ours.is_none() {
        steps.push(VolumeStep::Format {
            device: device.device.clone(),
            label,
            uuid,
        });
    }
    if !mounted {
        steps.push(VolumeStep::Mount {
            device: device.device.clone(),
            at: base_dir.to_path_buf(),
        });
    }
    // last: a table that names what cannot be mounted would be in the way of the next boot
    if let (Some(after), Some(with_quotas)) = (after, with_quotas) {
        steps.push(VolumeStep::Table {
            before: table.to_owned(),
            after,
            with_quotas,
            at: base_dir.to_path_buf(),
        });
    }
    Ok(steps)
}

fn usable(device: &DeviceFacts, ours: bool) -> Result<(), VolumeProblem> {
    let path = || device.device.clone();
    if let Some(words) = &device.busy {
        return Err(VolumeProblem::Busy {
            device: path(),
            words: words.clone(),
        });
    }
    if let Some(at) = device.mounted_at.first() {
        return Err(VolumeProblem::Busy {
            device: path(),
            words: format!("it is mounted at `{}`", at.display()),
        });
    }
    if ours {
        return Ok(());
    }
    if let Some(signature) = &device.signature {
        return Err(VolumeProblem::NotEmpty {
            device: path(),
            kind: format!("`{}`", signature.kind),
        });
    }
    if !device.blank {
        return Err(VolumeProblem::NotEmpty {
            device: path(),
            kind: "bytes of no known kind".to_owned(),
        });
    }
    if device.bytes < SMALLEST {
        return Err(VolumeProblem::TooSmall { device: path() });
    }
    Ok(())
}
