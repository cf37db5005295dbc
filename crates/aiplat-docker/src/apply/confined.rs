//! Whether a container's processes wear the profile they were made with: an engine ignores a profile silently where the
//! kernel has none.

use aiplat_apparmor::{Label, LabelMode};

use super::StepError;
use crate::blocking::blocking;
use crate::engine::ContainerDetail;
use crate::host::{Host, HostError};

/// Checks the label of every process of a container that runs.
pub(super) fn check<H: Host>(
    host: &H,
    detail: &ContainerDetail,
    profile: &str,
) -> Result<(), StepError> {
    let wrong = |found: String| StepError::Unconfined {
        container: detail.name.clone(),
        expected: profile.to_owned(),
        found,
    };
    let Some(first) = detail.pid else {
        return Err(wrong("no process".to_owned()));
    };
    blocking(|| {
        for pid in host.processes_of_container(first)? {
            match host.label_of(pid) {
                Ok(Label::Confined {
                    name,
                    mode: LabelMode::Enforce,
                }) if name == profile => {}
                Ok(label) => return Err(wrong(format!("process {pid} under `{label}`"))),
                // it ended since the list was made
                Err(HostError::NoProcess { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    })
}
