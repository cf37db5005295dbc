//! How far a restore has come: a file in the directory that is restored into, written whole at each step. A run that was
//! killed is continued by the same command, and everybody else is kept out until then.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aiplat_core::spec::Owner;
use serde::{Deserialize, Serialize};

use super::RestoreError;
use crate::host::files::{copy, names_in, read_file, write_bytes};
use crate::host::{Held, HostError};
use crate::stack::backup::staging::closed;

/// Below the directory that is restored into.
const PLACE: &str = ".aiplat-restore";
/// What was there before begins with this.
const ASIDE: &str = ".aiplat-before-restore-";
/// A state is smaller.
const LIMIT: usize = 16 << 20;
const ROOT: Owner = Owner { uid: 0, gid: 0 };

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// The archive is being unpacked.
    Begun,
    /// It is unpacked and checked.
    Unpacked,
    /// What was there is out of the way.
    Cleared,
    /// Manifest and secrets are in their places.
    Settled,
    /// Files are in their places.
    Placed,
    /// The stores have their data.
    Loaded,
    /// The stack is up.
    Done,
}

/// The state of a restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    /// The archive's name.
    pub(super) archive: String,
    /// It replaces the data of a stack that is there.
    pub(super) in_place: bool,
    /// How far it has come.
    pub(super) phase: Phase,
    /// The directory that has what was there before, below `BASE_DIR`.
    pub(super) aside: Option<String>,
    /// It failed, and what was there before is on its way back: nothing else is done any more.
    #[serde(default)]
    pub(super) returning: bool,
}

/// A restore's own directory, locked.
#[derive(Debug)]
pub(super) struct Work {
    base_dir: PathBuf,
    _lock: File,
    pub(super) state: State,
}

impl Work {
    /// Opens the restore of an archive that is under way, or begins one.
    pub(super) fn open(base_dir: &Path, fresh: State) -> Result<Self, RestoreError> {
        let place = base_dir.join(PLACE);
        closed(&place)?;
        let lock = lock(&place.join("lock"))?;
        let state = match read(base_dir)? {
            Some(found) if found.archive == fresh.archive && found.in_place == fresh.in_place => {
                found
            }
            // it was killed when all was done but the tidying up
            Some(found) if found.phase == Phase::Done => {
                for name in [Some("tree".to_owned()), found.aside].into_iter().flatten() {
                    copy::remove(&place.join(&name))?;
                    if name.starts_with(ASIDE) {
                        copy::remove(&base_dir.join(&name))?;
                    }
                }
                fresh
            }
            Some(found) => {
                return Err(RestoreError::Another {
                    path: base_dir.to_owned(),
                    archive: found.archive,
                });
            }
            None => fresh,
        };
        let mut work = Self {
            base_dir: base_dir.to_owned(),
            _lock: lock,
            state,
        };
        work.write()?;
        Ok(work)
    }

    /// Notes that a phase is done.
    pub(super) fn reached(&mut self, phase: Phase) -> Result<(), HostError> {
        self.state.phase = phase;
        self.write()
    }

    pub(super) fn write(&mut self) -> Result<(), HostError> {
        let text = serde_json::to_vec_pretty(&self.state).unwrap_or_default();
        write_bytes(&self.path("state.json"), &text, ROOT, 0o600).map(drop)
    }

    /// A path in the restore's own directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.base_dir.join(PLACE).join(name)
    }

    /// Where the archive is unpacked.
    pub(super) fn tree(&self) -> PathBuf {
        self.path("tree")
    }

    /// Where what was there before is kept.
    pub(super) fn aside(&self) -> Option<PathBuf> {
        self.state
            .aside
            .as_ref()
            .map(|name| self.base_dir.join(name))
    }

    /// It is over: its directory goes, the state last.
    pub(super) fn end(self) -> Result<(), HostError> {
        for name in names_in(&self.base_dir.join(PLACE))? {
            if name != "state.json" && name != "lock" {
                copy::remove(&self.base_dir.join(PLACE).join(name))?;
            }
        }
        copy::remove(&self.base_dir.join(PLACE))
    }
}

/// A name for what was there before, which tells when.
pub(super) fn aside_name(stamp: &str) -> String {
    format!("{ASIDE}{stamp}")
}

fn read(base_dir: &Path) -> Result<Option<State>, HostError> {
    let path = base_dir.join(PLACE).join("state.json");
    let Some(bytes) = read_file(&path, LIMIT)? else {
        return Ok(None);
    };
    let state = serde_json::from_slice(&bytes);
    state.map(Some).map_err(|_| HostError::Malformed {
        path,
        expected: "the state of a restore",
    })
}

fn lock(path: &Path) -> Result<File, HostError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options
        .open(path)
        .map_err(|e| HostError::io("open", path, e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Held {
            path: path.to_owned(),
            by: None,
        }
        .into()),
        Err(TryLockError::Error(e)) => Err(HostError::io("lock", path, e)),
    }
}

/// Whether a restore into a directory was begun, even one that is done but for the tidying up.
pub(super) fn begun(base_dir: &Path) -> Result<bool, HostError> {
    Ok(read(base_dir)?.is_some())
}

/// The archive whose restore into a directory is not finished.
pub(crate) fn under_way(base_dir: &Path) -> Result<Option<String>, HostError> {
    let found = read(base_dir)?;
    Ok(found
        .filter(|state| state.phase < Phase::Done)
        .map(|state| state.archive))
}

/// The names of what restores keep in a stack's directory, so that a purge takes them along.
pub(crate) fn directories(base_dir: &Path) -> Result<Vec<String>, HostError> {
    let names = names_in(base_dir)?;
    let ours = |name: &String| name == PLACE || name.starts_with(ASIDE);
    Ok(names
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .filter(ours)
        .collect())
}

/// The first thing in a directory that a restore could overwrite.
pub(super) fn first_in(base_dir: &Path) -> Result<Option<String>, HostError> {
    let own = |name: &String| name == PLACE || name == "lost+found";
    let mut names: Vec<String> = names_in(base_dir)?
        .into_iter()
        .map(|name| name.to_string_lossy().into_owned())
        .filter(|name| !own(name))
        .collect();
    names.sort();
    Ok(names.into_iter().next())
}
