//! Where the machine's kernel comes from: Debian's package, unpacked and never installed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use thiserror::Error;

/// The package that names the newest kernel of the release.
const META_PACKAGE: &str = "linux-image-cloud-amd64";

/// A kernel image to boot.
#[derive(Debug, Clone)]
pub struct Kernel {
    path: PathBuf,
}

/// Why there is no kernel.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A command could not be started or its files not be used.
    #[error("could not {what}")]
    Io {
        /// What was being done.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A command ended with an error.
    #[error("`{command}` failed: {message}")]
    Failed {
        /// The command line.
        command: String,
        /// The last line it wrote to standard error.
        message: String,
    },
    /// The archive answered, but not with a kernel.
    #[error("expected `{0}` to depend on one kernel image and that to contain `boot/vmlinuz-*`")]
    NoImage(&'static str),
}

impl Kernel {
    /// A kernel that is already there.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Debian's cloud kernel of the running release, from `cache` or else by `apt-get download`
    /// and `dpkg-deb` (27 MB once, no root, nothing installed). `cache` is made where it is missing.
    pub fn fetch(cache: &Path) -> Result<Self, KernelError> {
        let io = |what: &str| {
            let what = what.to_owned();
            |source| KernelError::Io { what, source }
        };
        fs::create_dir_all(cache).map_err(io("make the cache directory"))?;
        if let Some(path) = image_in(&cache.join("boot")) {
            return Ok(Self { path });
        }
        let depends = run(Command::new("apt-cache").args(["depends", META_PACKAGE]))?;
        let package = depends
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .find(|name| name.starts_with("linux-image-"))
            .ok_or(KernelError::NoImage(META_PACKAGE))?
            .to_owned();
        let work = tempfile::tempdir_in(cache).map_err(io("make a directory in the cache"))?;
        run(Command::new("apt-get")
            .args(["download", &package])
            .current_dir(work.path()))?;
        let archive = fs::read_dir(work.path())
            .map_err(io("list the downloaded files"))?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .ok_or(KernelError::NoImage(META_PACKAGE))?;
        let unpacked = work.path().join("unpacked");
        run(Command::new("dpkg-deb")
            .arg("-x")
            .arg(&archive)
            .arg(&unpacked))?;
        let image = image_in(&unpacked.join("boot")).ok_or(KernelError::NoImage(META_PACKAGE))?;
        let name = image
            .file_name()
            .ok_or(KernelError::NoImage(META_PACKAGE))?;
        let boot = cache.join("boot");
        fs::create_dir_all(&boot).map_err(io("make the cache directory"))?;
        let path = boot.join(name);
        // renamed, so that a second test process never sees half a file
        fs::rename(&image, &path).map_err(io("move the kernel into the cache"))?;
        Ok(Self { path })
    }

    /// The image's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn image_in(boot: &Path) -> Option<PathBuf> {
    let mut images: Vec<PathBuf> = fs::read_dir(boot)
        .ok()?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| {
            path.file_name()
                .and_then(|n| n.to_str())
                .is_some_and(|n| n.starts_with("vmlinuz-"))
        })
        .collect();
    images.sort();
    images.pop()
}

/// Runs `command` and gives its standard output.
pub(super) fn run(command: &mut Command) -> Result<String, KernelError> {
    let line = format!("{command:?}");
    let output = command.output().map_err(|source| KernelError::Io {
        what: format!("run {line}"),
        source,
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let message = String::from_utf8_lossy(&output.stderr);
    let message = message.lines().last().unwrap_or("no message").to_owned();
    Err(KernelError::Failed {
        command: line,
        message,
    })
}
