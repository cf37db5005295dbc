//! A bed for one test: a directory with a target in it, and short ways to make and read archives.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use aiplat_archive::{
    ArchiveError, ArchiveName, Attributes, Checked, Header, Key, Limits, Options, Reader, Seal,
    Sidecar, Stamp, Target, TreeOptions, Writer,
};
use serde_json::json;

/// Kept as long as the test.
pub(crate) struct Bed {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) target: Target,
}

pub(crate) fn name() -> ArchiveName {
    ArchiveName::new("acme", Stamp::from_unix(1_800_000_000)).unwrap()
}

pub(crate) fn recipient() -> (Seal, Key) {
    use secrecy::ExposeSecret as _;
    let identity = age::x25519::Identity::generate();
    let seal = Seal::recipients([identity.to_public().to_string().as_str()]).unwrap();
    let file = format!("# a comment\n{}\n", identity.to_string().expose_secret());
    (seal, Key::identities(&file.into()).unwrap())
}

impl Bed {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let target = Target::directory(folder.path().join("kept"));
        Self { folder, target }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn fresh(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir(&path).unwrap();
        path
    }

    pub(crate) fn writer(&self, seal: &Seal) -> Writer {
        let header = Header::new(&name(), "id", json!({"of": "a test"}));
        Writer::begin(&self.target, &name(), seal, header, Options::default()).unwrap()
    }

    /// An archive of one tree at `data/x`.
    pub(crate) fn archive(&self, seal: &Seal, root: &Path) -> Sidecar {
        let mut writer = self.writer(seal);
        writer
            .tree(root, "data/x", &options(&|_| false))
            .expect("the tree");
        writer.finish(json!({"rows": 3})).unwrap()
    }

    pub(crate) fn small(&self, seal: &Seal) -> Sidecar {
        let mut writer = self.writer(seal);
        let mode = Attributes::new(0o600, "stack");
        writer
            .directory("d", &Attributes::new(0o750, "stack"))
            .unwrap();
        writer.bytes("d/a", &mode, b"some content").unwrap();
        writer.symlink("d/l", "a", &mode).unwrap();
        writer.bytes("d/empty", &mode, b"").unwrap();
        writer.finish(json!({"rows": 3})).unwrap()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.target.file(&name()).unwrap()
    }

    pub(crate) fn open(&self, key: &Key) -> Result<Reader, ArchiveError> {
        Reader::open(self.target.open(&name())?, key, Limits::default())
    }

    pub(crate) fn verify(&self, key: &Key) -> Result<Checked, ArchiveError> {
        self.open(key)?.verify()
    }
}

pub(crate) fn options(skip: &dyn Fn(&str) -> bool) -> TreeOptions<'_> {
    TreeOptions {
        owner: &|uid, gid| Some(format!("{uid}:{gid}")),
        skip,
    }
}

/// Roles as numbers.
pub(crate) fn numbers(role: &str) -> Option<(u32, u32)> {
    let (uid, gid) = role.split_once(':')?;
    Some((uid.parse().ok()?, gid.parse().ok()?))
}

/// Anybody is who runs the test.
#[expect(clippy::unnecessary_wraps)] // a map of owners has this shape
pub(crate) fn me(_: &str) -> Option<(u32, u32)> {
    Some((
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    ))
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// All below a directory: path, mode, owner, time, content. The directory itself is `.`.
pub(crate) fn picture(root: &Path) -> Vec<String> {
    fn walk(at: &Path, shown: &str, all: &mut Vec<String>) {
        let m = at.symlink_metadata().unwrap();
        let content = if m.is_symlink() {
            format!("-> {}", std::fs::read_link(at).unwrap().display())
        } else if m.is_file() {
            let bytes = std::fs::read(at).unwrap();
            let sum = bytes
                .iter()
                .fold(0_u64, |sum, b| sum.wrapping_mul(31) + u64::from(*b));
            format!("{} {sum:x}", bytes.len())
        } else {
            String::new()
        };
        let mode = m.permissions().mode();
        all.push(format!(
            "{shown} {mode:o} {}:{} {}.{} {content}",
            m.uid(),
            m.gid(),
            m.mtime(),
            m.mtime_nsec()
        ));
        if m.is_dir() {
            let mut names: Vec<_> = std::fs::read_dir(at)
                .unwrap()
                .map(|e| e.unwrap().file_name())
                .collect();
            names.sort();
            for name in names {
                let shown = format!("{shown}/{}", name.to_string_lossy());
                walk(&at.join(&name), &shown, all);
            }
        }
    }
    let mut all = Vec::new();
    walk(root, ".", &mut all);
    all
}
