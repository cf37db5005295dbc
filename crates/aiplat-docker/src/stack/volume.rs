//! A stack's own volume, made of an empty block device.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aiplat_core::volume::{DeviceFacts, VolumeProblem, VolumeStep, steps};

use super::Places;
use crate::host::{HostError, HostLock, LinuxHost, device, draw};

/// How long another run that makes a volume is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a device did not become a volume.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The device or the place is not free; nothing was touched.
    #[error(transparent)]
    Problem(#[from] VolumeProblem),
    /// The host did not do it.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// What makes a device the volume in a directory, under the host-wide lock of volumes.
#[derive(Debug)]
pub struct NewVolume {
    /// The device as it is.
    pub device: DeviceFacts,
    /// Where it is wanted.
    pub base_dir: PathBuf,
    /// What is to be done; nothing when it is all done.
    pub steps: Vec<VolumeStep>,
    lock: HostLock,
}

/// Looks at a device and decides. Nothing is touched.
///
/// # Errors
/// [`VolumeError::Problem`] for a device that holds anything or is in use, and for a directory that is not empty.
pub fn new_volume(
    host: &LinuxHost,
    places: &Places,
    path: &Path,
    base_dir: &Path,
) -> Result<NewVolume, VolumeError> {
    let lock = HostLock::wait_for(&places.state_dir, "volumes.lock", PATIENCE)?;
    device::clear(host)?;
    let device = device::facts(host, path).map_err(|error| match error {
        HostError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
            VolumeProblem::Absent {
                device: path.to_path_buf(),
            }
            .into()
        }
        other => VolumeError::from(other),
    })?;
    let place = device::place(host, base_dir)?;
    let table = device::read_table(&host.fstab)?;
    let steps = steps(base_dir, &device, place, &table, &uuid()?)?;
    Ok(NewVolume {
        device,
        base_dir: base_dir.to_path_buf(),
        steps,
        lock,
    })
}

impl NewVolume {
    /// Whether a file system is going to be made.
    pub fn formats(&self) -> bool {
        self.steps
            .iter()
            .any(|step| matches!(step, VolumeStep::Format { .. }))
    }

    /// Carries it out. A run that dies on the way is continued by the same again.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn make(self, host: &LinuxHost) -> Result<(), HostError> {
        for step in &self.steps {
            device::carry_out(host, step)?;
        }
        drop(self.lock);
        Ok(())
    }
}

/// A random UUID (RFC 9562, version 4).
fn uuid() -> Result<String, HostError> {
    let mut bytes = draw(16)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = aiplat_core::text::hex(&bytes);
    Ok([
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-"))
}
