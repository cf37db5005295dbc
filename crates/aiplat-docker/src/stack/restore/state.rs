//! How far a restore has come: a file in the directory that is restored into, written whole at each step. A run that was
//! killed is continued by the same command, and everybody else is kept out until then.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aiplat_core::spec::{DirectorySpec, FileSpec, Owner};
use serde::{Deserialize, Serialize};

use super::RestoreError;
use crate::host::files::{names_in, read_file};
use crate::host::{Held, Host, HostError};

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
    /// What was not restored, for the operator: the run that ends it may be another than the one that placed the files.
    #[serde(default)]
    pub(super) notes: Vec<String>,
}

impl State {
    /// Whether it has touched nothing yet but its own directory.
    fn untouched(&self, base_dir: &Path) -> Result<bool, HostError> {
        Ok(self.phase <= Phase::Unpacked
            && self.aside.is_none()
            && (self.in_place || first_in(base_dir)?.is_none()))
    }
}

/// A restore's own directory, locked.
#[derive(Debug)]
pub(super) struct Work<'a, H> {
    pub(super) host: &'a H,
    base_dir: PathBuf,
    _lock: Lock,
    pub(super) state: State,
}

impl<'a, H: Host> Work<'a, H> {
    /// Opens the restore of an archive that is under way, or begins one.
    pub(super) fn open(host: &'a H, base_dir: &Path, fresh: State) -> Result<Self, RestoreError> {
        let place = base_dir.join(PLACE);
        closed(host, &place)?;
        let mut work = Self {
            host,
            base_dir: base_dir.to_owned(),
            _lock: Lock::take(&place.join("lock"))?,
            state: fresh,
        };
        if let Some(found) = read(base_dir)? {
            work.take_up(found)?;
        }
        match work.write() {
            Ok(()) => Ok(work),
            Err(error) => Err(work.fail(error.into())),
        }
    }

    /// Goes on with what an earlier run left, or leaves it where that is over or never really began.
    fn take_up(&mut self, found: State) -> Result<(), RestoreError> {
        let same = found.archive == self.state.archive && found.in_place == self.state.in_place;
        // it was killed when all was done but the tidying up. What was done in its own place since would be kept by a
        // run that only ends it, and that is not what it is asked for
        let done = found.phase == Phase::Done && (found.in_place || !same);
        if done {
            let there = first_in(&self.base_dir)?.filter(|_| !self.state.in_place);
            if let Some(found) = there {
                let path = self.base_dir.clone();
                return Err(RestoreError::NotEmpty { path, found });
            }
            if let Some(aside) = &found.aside {
                self.host.remove_own(&self.base_dir.join(aside))?;
            }
        } else if same {
            self.state = found;
        } else if found.in_place != self.state.in_place || !found.untouched(&self.base_dir)? {
            return Err(RestoreError::Another {
                path: self.base_dir.clone(),
                archive: found.archive,
            });
        }
        Ok(())
    }

    /// Notes that a phase is done.
    pub(super) fn reached(&mut self, phase: Phase) -> Result<(), HostError> {
        self.state.phase = phase;
        self.write()
    }

    pub(super) fn write(&mut self) -> Result<(), HostError> {
        let text = serde_json::to_string_pretty(&self.state).unwrap_or_default();
        self.host
            .write_file(&FileSpec {
                path: self.path("state.json"),
                content: text.into(),
                owner: ROOT,
                mode: 0o600,
            })
            .map(drop)
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

    /// Notes under which name what is there goes out of the way, before anything does.
    pub(super) fn put_aside(&mut self, name: String) -> Result<(), HostError> {
        self.state.aside = Some(name);
        // a note that is not on disk is none
        self.write().inspect_err(|_| self.state.aside = None)
    }

    /// It is over: what was there before goes, and its own directory, the state last.
    pub(super) fn end(self) -> Result<(), HostError> {
        if let Some(aside) = self.aside() {
            self.host.remove_own(&aside)?;
        }
        let place = self.base_dir.join(PLACE);
        for name in names_in(&place)? {
            if name != "state.json" && name != "lock" {
                self.host.remove_own(&place.join(name))?;
            }
        }
        self.host.remove_own(&place)
    }

    /// It failed. One that touched nothing yet ends with that: what was there is as it was, and nobody is kept out of it.
    pub(super) fn fail(self, error: RestoreError) -> RestoreError {
        if self.state.untouched(&self.base_dir).unwrap_or(false) {
            // the failure that is reported is the first one
            let _ = self.end();
        }
        error
    }
}

/// Makes a directory that nobody else can look into.
pub(super) fn closed<H: Host>(host: &H, path: &Path) -> Result<(), HostError> {
    host.make_directory(&DirectorySpec {
        path: path.to_owned(),
        owner: ROOT,
        mode: 0o700,
    })
    .map(drop)
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

/// Let go when dropped.
#[derive(Debug)]
struct Lock(File);

impl Lock {
    fn take(path: &Path) -> Result<Self, HostError> {
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        let file = options
            .open(path)
            .map_err(|e| HostError::io("open", path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(Held {
                path: path.to_owned(),
                by: None,
            }
            .into()),
            Err(TryLockError::Error(e)) => Err(HostError::io("lock", path, e)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // closing it would not do: a program that another thread is just starting has it, too, until it runs
        let _ = self.0.unlock();
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
