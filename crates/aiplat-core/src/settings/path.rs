//! Directories of the host.

use std::path::Path;

use super::Expected;

/// Others live in these, so that none of them is a stack's own.
const SHARED: &[&str] = &[
    "/home",
    "/lost+found",
    "/media",
    "/mnt",
    "/opt",
    "/root",
    "/run",
    "/srv",
    "/tmp",
    "/usr/local",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/local",
    "/var/log",
    "/var/mail",
    "/var/opt",
    "/var/spool",
    "/var/tmp",
];

/// The system's own, with all that is below.
const SYSTEM: &[&str] = &[
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/aiplat",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/lib/dpkg",
    "/var/lib/systemd",
    "/var/run",
];

text! {
    /// An absolute, normalised path, `(/[A-Za-z0-9._-]+)+` without `.` and `..` as parts, at most 200 bytes: nothing in
    /// it needs quoting in a shell, an engine's bind, a Caddyfile or an `AppArmor` profile. One trailing slash is
    /// taken off.
    AbsolutePath,
    AbsolutePath,
    |text| absolute(text).map(str::to_owned)
}

/// A stack's volume, `BASE_DIR`: an [`AbsolutePath`] that is neither `/` nor the system's nor shared by its nature
/// (`/home`, `/mnt`, `/var/lib`, …), at most 150 bytes to leave room for what is below. What it is on the host (a mount point, a symlink) only the host can tell.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct BaseDir(AbsolutePath);

fn absolute(text: &str) -> Option<&str> {
    let path = text.strip_suffix('/').unwrap_or(text);
    let part = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        !part.is_empty() && part != "." && part != ".." && part.chars().all(plain)
    };
    let parts = path.strip_prefix('/')?;
    (path.len() <= 200 && parts.split('/').all(part)).then_some(path)
}

impl AbsolutePath {
    /// The path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }

    /// A path below this one; `None` where `relative` is not of the same grammar or the whole becomes too long.
    pub fn join(&self, relative: &str) -> Option<Self> {
        format!("{self}/{relative}").parse().ok()
    }
}

impl BaseDir {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The path.
    pub fn as_path(&self) -> &Path {
        self.0.as_path()
    }

    /// The directory `name` in it.
    pub(super) fn below(&self, name: &'static str) -> AbsolutePath {
        AbsolutePath(format!("{self}/{name}"))
    }

    /// The path as any other.
    pub fn as_absolute(&self) -> &AbsolutePath {
        &self.0
    }
}

impl std::str::FromStr for BaseDir {
    type Err = Expected;

    fn from_str(text: &str) -> Result<Self, Expected> {
        if text == "/" {
            return Err(Expected::OwnDirectory);
        }
        let path: AbsolutePath = text.parse()?;
        let below = |system: &&str| path.as_path().starts_with(system);
        let long = path.as_str().len() > 150;
        if long || SHARED.contains(&path.as_str()) || SYSTEM.iter().any(below) {
            return Err(Expected::OwnDirectory);
        }
        Ok(Self(path))
    }
}

impl TryFrom<String> for BaseDir {
    type Error = Expected;

    fn try_from(text: String) -> Result<Self, Expected> {
        text.parse()
    }
}

impl From<BaseDir> for String {
    fn from(path: BaseDir) -> String {
        path.0.into()
    }
}

impl std::fmt::Display for BaseDir {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&self.0, f)
    }
}
