//! A small file system of a test's own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in memory, unmounted with its value.
#[derive(Debug)]
pub(crate) struct Volume(PathBuf);

impl Volume {
    pub(crate) fn mount(at: PathBuf, size: &str) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(&at)
            .status();
        assert!(mounted.unwrap().success(), "expected the right to mount");
        Self(at)
    }

    pub(crate) fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        let done = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.0)
            .status();
        assert!(done.unwrap().success());
    }

    /// Writes a file until nothing more fits.
    pub(crate) fn fill(&self, ballast: &Path) {
        let mut file = std::fs::File::create(ballast).unwrap();
        let page = vec![0; 4096];
        while file.write_all(&page).is_ok() {}
        assert!(ballast.starts_with(&self.0));
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
