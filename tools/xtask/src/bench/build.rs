//! The programs that are measured.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::machine::said;
use crate::Result;

/// This program and the command, built for release.
pub(crate) fn release(build: bool) -> Result<(PathBuf, PathBuf)> {
    let own = std::env::current_exe()?;
    let target = own.parent().and_then(Path::parent);
    let folder = target
        .ok_or("expected this program in a folder of cargo's")?
        .join("release");
    if build {
        eprintln!("building for release …");
        let status = Command::new("cargo")
            .args([
                "build",
                "--quiet",
                "--release",
                "-p",
                "aiplat-xtask",
                "-p",
                "aiplat-cli",
            ])
            .env("CARGO_TARGET_DIR", target.unwrap_or(&folder))
            .status()?;
        if !status.success() {
            return Err("the build failed".into());
        }
    }
    let found = (folder.join("aiplat-xtask"), folder.join("aiplat"));
    for path in [&found.0, &found.1] {
        if !path.is_file() {
            return Err(format!("expected `{}`; leave `--no-build` out", path.display()).into());
        }
    }
    Ok(found)
}

/// Compose's program, fetched unless it is there.
pub(crate) fn compose() -> Result<PathBuf> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/compose");
    let path = said(&script.display().to_string(), &[]);
    if path.is_empty() {
        return Err("expected `scripts/compose` to name a program; run it to see why not".into());
    }
    Ok(path.into())
}
