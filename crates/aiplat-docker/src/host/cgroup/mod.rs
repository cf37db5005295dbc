//! A stack's parent cgroup: made, limited, read back, removed. Where the engine uses systemd, systemd does the making.

mod name;
mod systemd;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use std::io;
use std::path::{Path, PathBuf};

use aiplat_core::observed::{CgroupFacts, CgroupUse};
use aiplat_core::spec::CgroupSpec;

use super::HostError;
use super::program::Program;
use name::Parent;

/// Where the kernel's cgroups are (`/sys/fs/cgroup`), and the program that speaks to systemd.
pub(crate) struct Cgroups<'a> {
    pub(crate) root: &'a Path,
    pub(crate) systemctl: &'a Program,
}

impl Cgroups<'_> {
    /// The limits as the kernel has them; nothing when there is no such cgroup.
    pub(crate) fn facts(&self, parent: &str) -> Result<Option<CgroupFacts>, HostError> {
        let below = Parent::parse(parent)?.below();
        if self.unified() {
            v2::read(&self.root.join(below))
        } else {
            v1::read(self.root, &below)
        }
    }

    /// A container's limits, found by the name that engines give its cgroup; nothing where there is none of that name.
    pub(crate) fn of_container(
        &self,
        parent: Option<&str>,
        driver: &str,
        id: &str,
    ) -> Result<Option<CgroupFacts>, HostError> {
        let Some(below) = container(parent, driver, id)? else {
            return Ok(None);
        };
        if self.unified() {
            v2::read(&self.root.join(below))
        } else {
            v1::read(self.root, &below)
        }
    }

    /// What a container's processes use, wherever its cgroup is: below a parent, or where one without a parent is.
    pub(crate) fn used_by_container(
        &self,
        parent: Option<&str>,
        driver: &str,
        id: &str,
    ) -> Result<CgroupUse, HostError> {
        let mut used = CgroupUse::default();
        for parent in parent.map(Some).into_iter().chain([None]) {
            if let Some(below) = container(parent, driver, id)? {
                used += self.used(&below)?;
            }
        }
        Ok(used)
    }

    /// What the processes of a cgroup use; nothing where there is none.
    fn used(&self, below: &Path) -> Result<CgroupUse, HostError> {
        if self.unified() {
            v2::used(&self.root.join(below))
        } else {
            v1::used(self.root, below)
        }
    }

    /// The limits of a cgroup by its path below the root, which no hierarchy has in front of it.
    pub(crate) fn of_path(&self, below: &str) -> Result<Option<CgroupFacts>, HostError> {
        if self.unified() {
            v2::read(&self.root.join(below))
        } else {
            v1::read(self.root, Path::new(below))
        }
    }

    pub(crate) fn set(&self, spec: &CgroupSpec) -> Result<CgroupFacts, HostError> {
        let wanted = CgroupFacts {
            memory_bytes: spec.memory_bytes,
            milli_cpus: spec.milli_cpus,
            pids: spec.pids,
        };
        let parent = Parent::parse(&spec.parent)?;
        self.enough(spec, &parent)?;
        match parent {
            Parent::Slice(slice) if self.unified() => {
                systemd::set(self.systemctl, &slice, &wanted)?;
            }
            Parent::Slice(_) => {
                let what = "limit a stack through systemd without the unified cgroup hierarchy";
                return Err(HostError::Unsupported {
                    what: what.to_owned(),
                });
            }
            Parent::Plain(name) if self.unified() => v2::write(self.root, &name, &wanted)?,
            Parent::Plain(name) => v1::write(self.root, &name, &wanted)?,
        }
        let found = self.facts(&spec.parent)?.unwrap_or_default();
        if same(&wanted, &found) {
            return Ok(found);
        }
        Err(HostError::CgroupDiffers {
            parent: spec.parent.clone(),
            wanted,
            found,
        })
    }

    /// A kernel with the unified layout kills processes to get below a limit of memory; the older one refuses it.
    fn enough(&self, spec: &CgroupSpec, parent: &Parent) -> Result<(), HostError> {
        let Some(wanted) = spec.memory_bytes else {
            return Ok(());
        };
        let used = self.used(&parent.below())?.memory_bytes;
        if used <= wanted {
            return Ok(());
        }
        Err(HostError::CgroupTooSmall {
            parent: spec.parent.clone(),
            wanted,
            used,
        })
    }

    pub(crate) fn remove(&self, parent: &str) -> Result<(), HostError> {
        let parsed = Parent::parse(parent)?;
        let below = parsed.below();
        if let Parent::Slice(slice) = &parsed {
            systemd::remove(self.systemctl, slice)?;
        }
        let places = if self.unified() {
            vec![self.root.join(below)]
        } else {
            v1::places(self.root, &below)
        };
        for place in places {
            remove_tree(&place).map_err(|e| match e.kind() {
                io::ErrorKind::ResourceBusy => HostError::CgroupBusy {
                    parent: parent.to_owned(),
                },
                _ => HostError::io("remove", &place, e),
            })?;
        }
        Ok(())
    }

    fn unified(&self) -> bool {
        self.root.join("cgroup.controllers").exists()
    }
}

/// The kernel rounds memory down to whole pages.
fn same(wanted: &CgroupFacts, found: &CgroupFacts) -> bool {
    let page = rustix::param::page_size() as u64;
    wanted.memory_bytes.map(|b| b / page) == found.memory_bytes.map(|b| b / page)
        && wanted.milli_cpus == found.milli_cpus
        && wanted.pids == found.pids
}

/// Removes a cgroup and the empty ones below it. The files in it are the kernel's and go with it.
fn remove_tree(path: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_tree(&entry.path())?;
        }
    }
    match std::fs::remove_dir(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The cgroup of a container, as engines name it; none for what is no engine's id.
fn container(parent: Option<&str>, driver: &str, id: &str) -> Result<Option<PathBuf>, HostError> {
    if !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let parent = parent.map(Parent::parse).transpose()?;
    Ok(Some(if driver == "systemd" {
        let slice = parent.map_or_else(|| "system.slice".into(), |p| p.below());
        slice.join(format!("docker-{id}.scope"))
    } else {
        parent
            .map_or_else(|| "docker".into(), |p| p.below())
            .join(id)
    }))
}

/// Memory in use without what the kernel keeps of files, which it gives back when it must. `prefix` is what the layout
/// puts before the names of sums over a cgroup and those below it.
fn without_files(used: Option<String>, stat: Option<String>, prefix: &str) -> u64 {
    let used = used.and_then(|u| u.parse().ok()).unwrap_or(0_u64);
    let stat = stat.unwrap_or_default();
    let files = stat.lines().filter_map(|line| {
        let (name, bytes) = line.split_once(' ')?;
        let name = name.strip_prefix(prefix)?;
        matches!(name, "active_file" | "inactive_file").then(|| bytes.parse::<u64>().ok())?
    });
    used.saturating_sub(files.sum())
}

fn make(path: &Path) -> Result<(), HostError> {
    match std::fs::create_dir(path) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(HostError::io("make", path, e)),
        _ => Ok(()),
    }
}

fn put(path: &Path, value: &str) -> Result<(), HostError> {
    // the kernel's files exist already: making one would hide that a controller is missing
    let write = || {
        use std::io::Write as _;
        std::fs::OpenOptions::new()
            .write(true)
            .open(path)?
            .write_all(value.as_bytes())
    };
    write().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => HostError::Unsupported {
            what: format!(
                "limit a cgroup by `{}`",
                path.file_name().unwrap_or_default().display()
            ),
        },
        _ => HostError::io("write", path, e),
    })
}

/// A kernel file's text without the line break; nothing when there is none.
fn get(path: &Path) -> Result<Option<String>, HostError> {
    match std::fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other
            .map(|t| Some(t.trim().to_owned()))
            .map_err(|e| HostError::io("read", path, e)),
    }
}

/// The length of the window in which processor time is counted, microseconds; the kernel's own default.
const PERIOD: u64 = 100_000;

/// Microseconds of processor time in a window.
fn quota(milli_cpus: u64) -> u64 {
    milli_cpus * PERIOD / 1000
}

/// Thousandths of a processor.
fn milli(quota: u64, period: u64) -> Option<u64> {
    (quota * 1000).checked_div(period)
}
