//! What processes wear.

use std::io;
use std::path::Path;

use aiplat_apparmor::{Label, ProfileName, parse_label};

use crate::host::HostError;

/// The label of a process. Ask only where the kernel has `AppArmor`: others answer in their own words.
pub(crate) fn label_of(proc: &Path, pid: u32) -> Result<Label, HostError> {
    let process = proc.join(pid.to_string());
    for attribute in ["attr/apparmor/current", "attr/current"] {
        match std::fs::read(process.join(attribute)) {
            Ok(text) => return Ok(parse_label(&String::from_utf8_lossy(&text))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            // it ended while it was looked at
            Err(e) if e.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
                return Err(HostError::NoProcess { pid });
            }
            Err(e) if e.kind() == io::ErrorKind::InvalidInput => return Err(HostError::NoAppArmor),
            Err(e) => return Err(HostError::io("read", &process.join(attribute), e)),
        }
    }
    if process.exists() {
        Err(HostError::NoAppArmor)
    } else {
        Err(HostError::NoProcess { pid })
    }
}

/// One of the processes that wear a profile, alone, with others, or a child profile of it.
pub(crate) fn wearer_of(proc: &Path, name: &ProfileName) -> Result<Option<u32>, HostError> {
    let entries = fs_err::read_dir(proc).map_err(|e| HostError::io("read", proc, e))?;
    for entry in entries.filter_map(Result::ok) {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|n| n.parse::<u32>().ok())
        else {
            continue;
        };
        match label_of(proc, pid) {
            Ok(Label::Confined { name: worn, .. }) if wears(&worn, name.as_str()) => {
                return Ok(Some(pid));
            }
            Ok(_) | Err(HostError::NoProcess { .. }) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(None)
}

fn wears(label: &str, name: &str) -> bool {
    label
        .split("//&")
        .any(|part| part.split("//").next() == Some(name))
}
