//! The manifest, the secrets, and who may read them.

use std::path::PathBuf;

use aiplat_core::manifest::Manifest;
use aiplat_core::observed::{Observed, PathState};
use aiplat_docker::stack::Opened;

use super::Finding;

/// What is looked at: path below `BASE_DIR`, and the widest mode it may have.
const MODES: [(&str, u32); 6] = [
    ("config", 0o750),
    ("config/.env", 0o600),
    ("config/secrets", 0o750),
    ("data", 0o750),
    ("logs", 0o750),
    ("caddy", 0o750),
];

/// Paths whose state is to be observed.
pub(super) fn paths(opened: &Opened) -> Vec<PathBuf> {
    MODES
        .iter()
        .map(|(path, _)| opened.volume.path.join(path))
        .collect()
}

pub(super) fn look(opened: &Opened, observed: &Observed, findings: &mut Vec<Finding>) {
    let mut well = true;
    for (path, widest) in MODES {
        let path = opened.volume.path.join(path);
        let mode = match observed.path(&path) {
            PathState::Directory { mode, .. } | PathState::File { mode, .. } => *mode,
            PathState::Absent => continue,
            PathState::Link | PathState::Other => {
                well = false;
                let found = format!("`{}` is neither a file nor a directory", path.display());
                findings.push(Finding::error("modes", found, "move it away"));
                continue;
            }
        };
        if mode & !widest & 0o7777 != 0 {
            well = false;
            findings.push(Finding::error(
                "modes",
                format!(
                    "`{}` has mode {mode:04o}, wider than {widest:04o}",
                    path.display()
                ),
                format!("run `chmod {widest:04o} {}`", path.display()),
            ));
        }
    }
    if well {
        findings.push(Finding::ok(
            "modes",
            "manifest, secrets and directories are closed to others",
        ));
    }
    // it was read before, so it can be parsed
    for warning in Manifest::parse(&opened.config.manifest)
        .map(|m| m.differences())
        .unwrap_or_default()
    {
        findings.push(Finding::warning(
            "manifest",
            warning.to_string(),
            "look at `config/.env`",
        ));
    }
}
