//! The static program that goes into the machine.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

/// The target whose standard library can be linked statically without a further tool.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Why the probe could not be built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// Cargo could not be started.
    #[error("could not run cargo")]
    Io(#[source] io::Error),
    /// Cargo said no.
    #[error("building the probe failed: {message}")]
    Failed {
        /// What the compiler wrote.
        message: String,
    },
}

/// Builds `tools/probe` of the workspace at `root` as one static program, below `target`, and says
/// where it lies. Some 15 seconds the first time, a fraction of one after that.
///
/// `target` has to be a directory of its own: cargo locks the one a test is run from.
pub fn build_probe(cargo: &Path, root: &Path, target: &Path) -> Result<PathBuf, ProbeError> {
    let output = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--package",
            "aiplat-probe",
            "--profile",
            "static",
            "--target",
            TARGET,
        ])
        .current_dir(root)
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_TARGET_DIR", target)
        .output()
        .map_err(ProbeError::Io)?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(ProbeError::Failed { message });
    }
    Ok(target.join(TARGET).join("static").join("aiplat-probe"))
}
