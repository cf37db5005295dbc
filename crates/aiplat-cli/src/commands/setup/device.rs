//! `--device`: the stack's own volume.

use std::path::Path;

use aiplat_core::volume::VolumeProblem;
use aiplat_docker::stack::{Inputs, NewVolume, VolumeError, locate, new_volume};

use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{DEFAULT_BASE_DIR, Session};
use crate::words::bytes;

/// Makes an empty device the volume in `BASE_DIR`, asked first; what an earlier run made of it is gone on with.
pub(super) fn mount(session: &Session, device: &Path, inputs: &Inputs) -> Result<(), Failure> {
    let layers = [&inputs.flags, &inputs.environment];
    let base_dir = layers
        .into_iter()
        .find_map(|layer| layer.get("BASE_DIR"))
        .map_or(DEFAULT_BASE_DIR, |value| value.trim());
    let base_dir = Path::new(base_dir);
    let host = session.host();
    let new = new_volume(&host, &session.places(), device, base_dir)?;
    if new.formats() {
        // a stack that belongs here has its volume elsewhere
        locate(&host, base_dir, true)?;
        ask::agree(session, &question(&new), "give `--yes`")?;
    }
    let (steps, formats) = (new.steps.len(), new.formats());
    new.make(&host)?;
    let (at, device) = (base_dir.display(), device.display());
    session.printer.progress(&match (formats, steps) {
        (true, _) => format!("`{device}` has a file system now, and is mounted at {at}"),
        (false, 0) => format!("`{device}` is mounted at {at} already"),
        (false, _) => format!("`{device}` was made earlier; it is mounted at {at}"),
    });
    Ok(())
}

fn question(new: &NewVolume) -> String {
    format!(
        "make an ext4 file system on `{}` ({}, empty) and mount it at `{}`, now and at every boot",
        new.device.device.display(),
        bytes(new.device.bytes),
        new.base_dir.display()
    )
}

impl From<VolumeError> for Failure {
    fn from(error: VolumeError) -> Self {
        match error {
            VolumeError::Problem(problem @ VolumeProblem::Absent { .. }) => {
                Self::of(Exit::Host, &problem).hint("`lsblk` lists the devices of this host")
            }
            VolumeError::Problem(problem) => Self::of(Exit::Refused, &problem).hint(
                "only an empty device is used: where what is on it is of no worth, `wipefs --all` and `blkdiscard` \
                 empty it",
            ),
            VolumeError::Host(error) => error.into(),
        }
    }
}
