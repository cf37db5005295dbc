//! From an archive to a checked tree, and from there to the places where a stack has its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aiplat_archive::{ArchiveName, Key, Limits, Reader, Record, Target};
use aiplat_core::backup::{Contents, FORMAT, Method};
use aiplat_core::config::StackConfig;
use aiplat_core::spec::Owner;
use rustix::fs::{AtFlags, CWD, Gid, Mode, Uid};
use serde::{Deserialize, Serialize};

use super::RestoreError;
use super::state::{Work, closed};
use crate::host::files::{names_in, read_file};
use crate::host::{Host, HostError};
use crate::stack::stores::redis;

/// Where an archive is and what opens it.
#[derive(Debug)]
pub struct Source<'a> {
    /// Where it is kept.
    pub target: &'a Target,
    /// Its name.
    pub name: &'a ArchiveName,
    /// What opens it.
    pub key: &'a Key,
}

/// What is kept of an archive beside its tree until the restore is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Unpacked {
    pub(super) contents: Contents,
    /// SHA-256 of the archive.
    pub(super) sha256: String,
    pub(super) records: Vec<Record>,
}

const KEPT: &str = "unpacked.json";
const KEPT_LIMIT: usize = 1 << 30;

impl Unpacked {
    /// Unpacks an archive into the restore's own directory, in which everything is root's until it is placed.
    pub(super) fn take<H: Host>(
        source: &Source<'_>,
        work: &Work<'_, H>,
    ) -> Result<Self, RestoreError> {
        let tree = work.tree();
        work.host.remove_own(&tree)?;
        closed(work.host, &tree)?;
        let reader = Reader::open(
            source.target.open(source.name)?,
            source.key,
            Limits::default(),
        )?;
        let checked = reader.extract(&tree, &|_| Some((0, 0)))?;
        let unpacked = Self {
            contents: contents(checked.manifest.metadata)?,
            sha256: checked.sha256,
            records: checked.manifest.entries,
        };
        let text = serde_json::to_vec(&unpacked).unwrap_or_default();
        let root = Owner { uid: 0, gid: 0 };
        crate::host::files::write_bytes(&work.path(KEPT), &text, root, 0o600)?;
        Ok(unpacked)
    }

    /// What an earlier run unpacked.
    pub(super) fn kept<H: Host>(work: &Work<'_, H>) -> Result<Self, RestoreError> {
        let path = work.path(KEPT);
        let bytes = read_file(&path, KEPT_LIMIT)?.unwrap_or_default();
        let kept = serde_json::from_slice(&bytes).map_err(|_| HostError::Malformed {
            path,
            expected: "what an archive says of itself",
        })?;
        Ok(kept)
    }

    /// Files of the tree that are not what the archive says, by path.
    pub(super) fn differences(&self, tree: &Path) -> Result<Vec<String>, HostError> {
        let mut found = Vec::new();
        for record in &self.records {
            let Some(wanted) = &record.sha256 else {
                continue;
            };
            let path = tree.join(&record.path);
            if sha256(&path)? != *wanted {
                found.push(format!("`{}` has other content", record.path));
            }
        }
        Ok(found)
    }

    /// Puts data into its places, with the owners that its roles have in this stack. Tells what was not.
    pub(super) fn place<H: Host>(
        &self,
        host: &H,
        config: &StackConfig,
        tree: &Path,
    ) -> Result<Vec<String>, RestoreError> {
        let mut notes = Vec::new();
        let same = self.contents.stack.name == *config.name();
        let bound: BTreeMap<&str, &String> = self
            .contents
            .services
            .iter()
            .filter(|_| !same)
            .filter_map(|s| Some((s.service.as_str(), s.bound.as_ref()?)))
            .collect();
        let data = tree.join("data");
        for name in names_in(&data)? {
            let word = name.to_string_lossy().into_owned();
            if let Some(why) = bound.get(word.as_str()) {
                notes.push(format!("{word}'s data is not restored: {why}"));
                continue;
            }
            self.move_in(host, config, tree, &Path::new("data").join(&name))?;
        }
        for top in ["caddy", "ssl"] {
            self.move_in(host, config, tree, Path::new(top))?;
        }
        for service in &self.contents.services {
            match service.method {
                Method::PostgresDump | Method::QdrantSnapshots => {
                    // it begins empty and is given its data
                    let path = config.path("data").join(&service.service);
                    host.purge_directory(&path, config.base_dir())?;
                }
                Method::RedisSave => self.lay_out(host, config, tree, &service.service)?,
                Method::Freeze | Method::Files => {}
            }
        }
        Ok(notes)
    }

    /// Moves one directory into its place; one that is not in the tree any more was moved by an earlier run.
    fn move_in<H: Host>(
        &self,
        host: &H,
        config: &StackConfig,
        tree: &Path,
        inner: &Path,
    ) -> Result<(), RestoreError> {
        let (from, to) = (tree.join(inner), config.path(inner));
        if !from.exists() {
            return Ok(());
        }
        self.own(config, tree, inner)?;
        // made empty by the set-up, or left by a run that was killed
        host.purge_directory(&to, config.base_dir())?;
        Ok(host.rename(&from, &to)?)
    }

    /// Gives everything at and below a path of the tree its owner. Nobody else can be in there meanwhile.
    fn own(&self, config: &StackConfig, tree: &Path, inner: &Path) -> Result<(), HostError> {
        for record in self
            .records
            .iter()
            .filter(|r| Path::new(&r.path).starts_with(inner))
        {
            let path = tree.join(&record.path);
            let owner = owner(config, &record.owner);
            set_owner(&path, owner)?;
            // changing the owner takes bits away
            if record.target.is_none() {
                let mode = Mode::from_raw_mode(record.mode);
                rustix::fs::chmod(&path, mode)
                    .map_err(|e| HostError::io("change the mode of", &path, e))?;
            }
        }
        Ok(())
    }

    fn lay_out<H: Host>(
        &self,
        host: &H,
        config: &StackConfig,
        tree: &Path,
        service: &str,
    ) -> Result<(), RestoreError> {
        let Some(saved) = &self.contents.redis else {
            return Ok(());
        };
        let saved = tree.join(&saved.file);
        let made = tree.join("laid-out");
        host.remove_own(&made)?;
        let data = made.join("data");
        fs_err::create_dir_all(&data).map_err(|e| HostError::io("make", &data, e))?;
        let files = redis::lay_out(&saved, &data).map_err(|e| HostError::io("write", &data, e))?;
        let stack = owner(config, "stack");
        for path in [&made, &data].into_iter().chain(&files) {
            set_owner(path, stack)?;
            let bits = if path.is_dir() { 0o750 } else { 0o640 };
            rustix::fs::chmod(path, Mode::from_raw_mode(bits))
                .map_err(|e| HostError::io("change the mode of", path, e))?;
        }
        let to = config.path("data").join(service);
        host.purge_directory(&to, config.base_dir())?;
        Ok(host.rename(&made, &to)?)
    }
}

/// What an archive says of itself in its header.
pub(super) fn header(source: &Source<'_>) -> Result<Contents, RestoreError> {
    let from = source.target.open(source.name)?;
    let reader = Reader::open(from, source.key, Limits::default())?;
    contents(reader.header().metadata.clone())
}

/// What an archive says of itself.
pub(super) fn contents(metadata: serde_json::Value) -> Result<Contents, RestoreError> {
    let wrong = |words: String| RestoreError::Contents {
        expected: FORMAT,
        words,
    };
    let contents: Contents = serde_json::from_value(metadata).map_err(|e| wrong(e.to_string()))?;
    if contents.format == FORMAT {
        Ok(contents)
    } else {
        Err(wrong(format!("it is of format {}", contents.format)))
    }
}

/// Who a role of the archive is in this stack.
pub(super) fn owner(config: &StackConfig, role: &str) -> Owner {
    let a = &config.allocation;
    match role {
        "stack" => Owner {
            uid: a.uid,
            gid: a.gid,
        },
        "openclaw" => Owner {
            uid: a.openclaw_uid,
            gid: a.openclaw_gid,
        },
        other => {
            let number = |text: Option<&str>| text.and_then(|n| n.parse().ok()).unwrap_or(0);
            let mut parts = other.split(':');
            Owner {
                uid: number(parts.next()),
                gid: number(parts.next()),
            }
        }
    }
}

fn set_owner(path: &Path, owner: Owner) -> Result<(), HostError> {
    let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
    rustix::fs::chownat(CWD, path, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|e| HostError::io("change the owner of", path, e))
}

fn sha256(path: &Path) -> Result<String, HostError> {
    use std::io::Read;

    use sha2::{Digest, Sha256};
    let mut file = fs_err::File::open(path).map_err(|e| HostError::io("open", path, e))?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 128 << 10];
    loop {
        let read = file.read(&mut piece);
        match read.map_err(|e| HostError::io("read", path, e))? {
            0 => break,
            read => hasher.update(&piece[..read]),
        }
    }
    Ok(hasher
        .finalize()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect())
}

/// Every file below a folder, by path below it.
pub(super) fn files_below(folder: &Path) -> Result<Vec<PathBuf>, HostError> {
    let mut found = Vec::new();
    let mut todo = vec![PathBuf::new()];
    while let Some(inner) = todo.pop() {
        for name in names_in(&folder.join(&inner))? {
            let inner = inner.join(name);
            let path = folder.join(&inner);
            let facts =
                fs_err::symlink_metadata(&path).map_err(|e| HostError::io("read", &path, e))?;
            if facts.is_dir() {
                todo.push(inner);
            } else if facts.is_file() {
                found.push(inner);
            }
        }
    }
    found.sort();
    Ok(found)
}
