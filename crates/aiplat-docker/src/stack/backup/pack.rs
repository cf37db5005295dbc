//! From the directory in which a backup was put together to one archive.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aiplat_archive::{
    ArchiveName, Header, Options, Seal, Sidecar, Stamp, Target, TreeOptions, Writer,
};
use aiplat_core::backup::{BackupPlan, Contents, FORMAT, StackContents};
use aiplat_core::config::StackConfig;

use super::staging::Staging;
use super::{BackupError, left_out};
use crate::host::files::names_in;

/// Where a backup goes.
#[derive(Debug)]
pub struct Destination<'a> {
    /// Where archives are kept.
    pub target: &'a Target,
    /// For whom it is sealed.
    pub seal: &'a Seal,
    /// When it is made.
    pub at: Stamp,
    /// Only for tests: the process kills itself with SIGKILL at this of its steps' beginnings and ends.
    #[doc(hidden)]
    pub kill_after: Option<usize>,
}

/// What came of a backup.
#[derive(Debug, Clone)]
pub struct BackupReport {
    /// What lies beside the archive.
    pub sidecar: Sidecar,
    /// What is in it.
    pub contents: Contents,
    /// What was met and cannot be kept, by path, with the reason.
    pub not_copied: std::collections::BTreeMap<String, String>,
}

impl Destination<'_> {
    /// Bytes that the archive may take on the volume of the stack itself.
    pub(super) fn bytes_on(&self, base_dir: &Path, expected: u64) -> u64 {
        let Target::Directory(directory) = self.target else {
            return 0;
        };
        let device = |path: &Path| {
            path.ancestors()
                .find_map(|p| fs_err::metadata(p).ok())
                .map(|m| m.dev())
        };
        if device(directory.path()) == device(base_dir) {
            expected
        } else {
            0
        }
    }
}

/// Files of the stack itself stand apart from where they lie, so that no copy of a manifest is ever taken for a stack.
pub(super) fn in_archive(inner: &Path) -> PathBuf {
    match inner.strip_prefix("config") {
        Ok(rest) if rest == Path::new(".env") => PathBuf::from("stack/manifest"),
        Ok(rest) => Path::new("stack").join(rest),
        Err(_) => inner.to_path_buf(),
    }
}

/// What is known before anything is copied.
pub(super) fn contents(config: &StackConfig, plan: &BackupPlan) -> Contents {
    let a = &config.allocation;
    Contents {
        format: FORMAT,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        stack: StackContents {
            name: config.name().clone(),
            id: config.id.clone(),
            store_names: config.store_names().clone(),
            base_dir: config.base_dir().display().to_string(),
            domain: config.domain().to_owned(),
            vector_db: config.vector_store().as_str().to_owned(),
            uid: a.uid,
            gid: a.gid,
            openclaw_uid: a.openclaw_uid,
            openclaw_gid: a.openclaw_gid,
        },
        services: Vec::new(),
        left_out: plan.left_out.clone(),
        postgres: None,
        redis: None,
        qdrant: None,
    }
}

/// The marker of a service's data's format.
pub(super) fn data_format(config: &StackConfig, service: &str) -> Option<String> {
    let path = config.path("data").join(service).join(".aiplat-format");
    let bytes = crate::host::files::read_file(&path, 4096).ok()??;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

pub(super) fn pack(
    config: &StackConfig,
    staging: &Staging,
    contents: Contents,
    not_copied: Vec<(PathBuf, &'static str)>,
    to: &Destination<'_>,
) -> Result<BackupReport, BackupError> {
    let metadata = serde_json::to_value(&contents).unwrap_or_default();
    let name = ArchiveName::new(config.name().as_str(), to.at)?;
    let header = Header::new(&name, config.id.as_str(), metadata.clone());
    let options = Options {
        expected: Some(contents.services.iter().map(|s| s.bytes).sum()),
        ..Options::default()
    };
    let mut archive = Writer::begin(to.target, &name, to.seal, header, options)?;
    let a = &config.allocation;
    let roles = move |uid, gid| {
        let role = if (uid, gid) == (a.uid, a.gid) {
            "stack".to_owned()
        } else if (uid, gid) == (a.openclaw_uid, a.openclaw_gid) {
            "openclaw".to_owned()
        } else if (uid, gid) == (0, 0) {
            "root".to_owned()
        } else {
            format!("{uid}:{gid}")
        };
        Some(role)
    };
    let tree = TreeOptions {
        owner: &roles,
        skip: &|_| false,
    };
    let mut not_copied = left_out(config.base_dir(), not_copied);
    for top in names_in(staging.path())? {
        let path = staging.path().join(&top);
        let top = top.to_string_lossy().into_owned();
        if path.is_dir() {
            let walked = archive.tree(&path, &top, &tree)?;
            not_copied.extend(walked.left_out.into_iter().map(|l| (l.path, l.why)));
        }
    }
    let sidecar = archive.finish(metadata)?;
    Ok(BackupReport {
        sidecar,
        contents,
        not_copied,
    })
}
