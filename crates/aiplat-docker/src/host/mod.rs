//! The host: files and owners, ports and routes, firewall, cgroups, `AppArmor`, locks.
//!
//! [`Host`] is the seam that [`crate::apply`] works through; [`LinuxHost`] is the real one. Nothing here decides what is
//! wanted: each call is handed a complete specification. All calls block: call them from a blocking task.
//!
//! Paths are absolute, and no component of one may be a symbolic link, so that a stack's own user cannot lead the tool,
//! which runs as root, out of the stack's directory. Hand in a canonical `BASE_DIR`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use aiplat_apparmor::Label;
use aiplat_core::names::{StackId, StackName};
use aiplat_core::observed::{
    CgroupFacts, CgroupUse, HostFacts, PathState, QuotaFacts, QuotaRefusal, VolumeFacts,
};
use aiplat_core::spec::{
    CgroupSpec, DataCopy, DirectorySpec, FileSpec, FirewallSpec, ProfileFile, QuotaSpec,
};

pub use apparmor::AppArmorPaths;
pub use boot::{Boot, UNIT as BOOT_UNIT};
pub use error::HostError;
pub use in_force::InForce;
pub use linux::LinuxHost;
pub use lock::{Held, Holder, HostLock, StackLock};
pub use manifest::ManifestStore;
pub use mark::VolumeMark;
pub use program::Program;
pub use register::{LoadedRegister, RegisterStore};
pub use secrets::{SecretsStore, draw};

mod apparmor;
mod boot;
mod cgroup;
pub(crate) mod device;
mod error;
pub(crate) mod files;
mod firewall;
pub(crate) mod in_force;
mod linux;
pub(crate) mod lock;
mod manifest;
mod mark;
mod members;
mod mounts;
mod network;
mod open_files;
mod program;
mod quota;
pub(crate) mod register;
mod secrets;
mod volume;

/// What [`Host::facts`] is asked about, beside the host itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostQuestion {
    /// The stack's `BASE_DIR`; it need not exist.
    pub base_dir: PathBuf,
    /// Where the engine keeps its data: tells which engine process's limit of open files counts.
    pub engine_root: Option<PathBuf>,
}

/// What making a directory or writing a file came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was not there.
    Created,
    /// It was there and is different now.
    Changed,
    /// It was there as wanted.
    Unchanged,
}

/// One host, in the product's own words. Every act may be done twice with the effect of once.
pub trait Host: Send + Sync {
    /// What the host has and uses at this moment, but for what is asked by itself: [`Self::cgroup`], [`Self::quota`].
    fn facts(&self, question: &HostQuestion) -> Result<HostFacts, HostError>;

    /// The limits of running containers as the kernel has them, by engine id, found by the names that engines give
    /// their cgroups: no engine is asked. `parent` is as in [`CgroupSpec::parent`], `driver` as in
    /// [`aiplat_core::observed::EngineFacts::cgroup_driver`]. One that is not found is left out.
    fn container_limits(
        &self,
        parent: Option<&str>,
        driver: &str,
        ids: &[&str],
    ) -> Result<BTreeMap<String, CgroupFacts>, HostError> {
        let _ = (parent, driver, ids);
        Ok(BTreeMap::new())
    }

    /// What the processes of containers use now, all together, found as by [`Host::container_limits`]; a container may
    /// still be outside of `parent`. One that is not found counts nothing.
    fn containers_use(
        &self,
        parent: Option<&str>,
        driver: &str,
        ids: &[&str],
    ) -> Result<CgroupUse, HostError> {
        let _ = (parent, driver, ids);
        Ok(CgroupUse::default())
    }

    /// Where a path lies; for a path that does not exist, where it would lie.
    fn volume(&self, path: &Path) -> Result<VolumeFacts, HostError>;

    /// Which stack belongs in a directory, as far as this host remembers.
    fn marked_volume(&self, base_dir: &Path) -> Result<Option<VolumeMark>, HostError> {
        let _ = base_dir;
        Ok(None)
    }

    /// All volumes that this host remembers.
    fn marked_volumes(&self) -> Result<Vec<VolumeMark>, HostError> {
        Ok(Vec::new())
    }

    /// Remembers that a stack lies in a directory, and on which file system, until [`Self::release`].
    fn mark_volume(
        &self,
        stack: &StackName,
        id: &StackId,
        base_dir: &Path,
    ) -> Result<(), HostError> {
        let _ = (stack, id, base_dir);
        Ok(())
    }

    /// What a path is, without following any link. `lost+found` does not count as content of a directory.
    fn path_state(&self, path: &Path) -> Result<PathState, HostError>;

    /// Makes a directory that has its owner and mode from the moment it has its name. Its parent must exist.
    ///
    /// One that exists keeps what is in it. A mode wider than wanted is narrowed, a narrower one is left (databases
    /// narrow their own). An empty one of root's is taken over, since that is what a fresh volume is; any other owner
    /// than the wanted one is [`HostError::WrongOwner`].
    fn make_directory(&self, spec: &DirectorySpec) -> Result<Outcome, HostError>;

    /// Writes a file whole or not at all: content, owner and mode arrive with the name, synced to disk.
    /// A link, directory or device of that name is refused.
    fn write_file(&self, spec: &FileSpec) -> Result<Outcome, HostError>;

    /// A regular file's bytes, when there is one and it has at most `limit` bytes.
    fn read_file(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError>;

    /// The last `limit` bytes of a regular file, or all of a smaller one, when there is one.
    fn read_end(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError>;

    /// Appends one line (the line break is added) to a file of the given owner and mode, and syncs it to disk.
    fn append_line(&self, spec: &FileSpec) -> Result<(), HostError>;

    /// Removes a file or a link itself; an absent one is fine, a directory is refused.
    fn remove_file(&self, path: &Path) -> Result<(), HostError>;

    /// Removes a directory of the stack and all in it, following no link and crossing no mount.
    ///
    /// Refused: `/`, a link, a mount point, a directory outside `base_dir`, one that has another stack in it. With
    /// `path` equal to `base_dir` only an empty `base_dir` that is no mount point is removed: a volume is not ours.
    fn purge_directory(&self, path: &Path, base_dir: &Path) -> Result<(), HostError>;

    /// Refuses what [`Self::purge_directory`] would refuse as things are, and changes nothing.
    fn purge_check(&self, path: &Path, base_dir: &Path) -> Result<(), HostError> {
        let _ = (path, base_dir);
        Ok(())
    }

    /// Gives a file or directory another name on the same volume, which nothing may have; both directories are synced.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), HostError>;

    /// Removes whatever is at a path in a directory that only this user can enter, following no link; an absent one is
    /// fine. What a stack's programs can write to is [`Self::purge_directory`]'s.
    fn remove_own(&self, path: &Path) -> Result<(), HostError>;

    /// Refuses a copy for which there is no space, before anything is stopped for it. Its dumps take at most so many
    /// bytes beside its directories.
    fn copy_room(&self, copy: &DataCopy, dumps: u64) -> Result<(), HostError>;

    /// Begins a copy: [`DataCopy::partial`] is a directory that only root can enter, with nothing in it. Its dumps are
    /// put there.
    fn copy_begin(&self, copy: &DataCopy) -> Result<(), HostError>;

    /// Copies directories that nothing writes to into a copy that was begun: it has its name only when all of it is
    /// complete and on disk. `started` is what the container that wrote them says of its last start.
    fn copy_take(&self, copy: &DataCopy, started: &str) -> Result<(), HostError>;

    /// Puts a complete copy back in place of what is there, and says whether it did: not where there is none, nor where
    /// the container was started since.
    fn copy_put_back(&self, copy: &DataCopy, started: &str) -> Result<bool, HostError>;

    /// Removes a copy, complete or not.
    fn copy_drop(&self, copy: &DataCopy) -> Result<(), HostError>;

    /// Removes all other copies of the service.
    fn copy_keep_only(&self, copy: &DataCopy) -> Result<(), HostError>;

    /// Writes, checks and loads profiles in one parser call, and proves that the kernel enforces them: all or none.
    fn load_profiles(&self, files: &[ProfileFile]) -> Result<(), HostError>;

    /// Unloads profiles that no process wears, and removes their files. [`HostError::ProfileInUse`] otherwise.
    fn remove_profiles(&self, files: &[ProfileFile]) -> Result<(), HostError>;

    /// The `AppArmor` label of a process.
    fn label_of(&self, pid: u32) -> Result<Label, HostError>;

    /// Every process in the cgroup of a container, given its first one.
    fn processes_of_container(&self, pid: u32) -> Result<Vec<u32>, HostError>;

    /// What the kernel holds a container's first process to. `None` where that process is not the container's, or not
    /// on this host.
    fn in_force(&self, pid: u32, id: &str) -> Result<Option<InForce>, HostError> {
        let _ = (pid, id);
        Ok(None)
    }

    /// Puts the rules that close the host's listeners to a bridge in place, first in the host's input chain. The bridge
    /// need not exist yet.
    fn guard_bridge(&self, spec: &FirewallSpec) -> Result<Outcome, HostError>;

    /// Takes a bridge's rules away, and the chain with its jump when no other bridge has rules in it.
    fn unguard_bridge(&self, spec: &FirewallSpec) -> Result<Outcome, HostError>;

    /// A parent cgroup as the kernel has it, when it is there. `parent` is as in [`CgroupSpec::parent`].
    fn cgroup(&self, parent: &str) -> Result<Option<CgroupFacts>, HostError>;

    /// Makes or adjusts a parent cgroup, and returns the limits as the kernel then has them.
    fn set_cgroup(&self, spec: &CgroupSpec) -> Result<CgroupFacts, HostError>;

    /// Removes a parent cgroup that no process is in; an absent one is fine.
    fn remove_cgroup(&self, parent: &str) -> Result<(), HostError>;

    /// What the file system holds a stack's directory to, with the project that it is wanted to belong to. Nothing where
    /// none is wanted and it belongs to none of a stack's; why not, where the host cannot.
    fn quota(&self, base_dir: &Path, wanted: Option<u32>) -> Result<Option<QuotaFacts>, HostError> {
        let _ = base_dir;
        Ok(wanted.map(|_| QuotaFacts {
            refusal: Some(QuotaRefusal::Host),
            ..QuotaFacts::default()
        }))
    }

    /// Puts everything in a stack's directory under its project, sets or takes away the limit, and returns what the
    /// kernel then has.
    fn set_quota(&self, spec: &QuotaSpec) -> Result<QuotaFacts, HostError> {
        let _ = spec;
        Err(QuotaRefusal::Host.into())
    }

    /// Takes the limit away, and the directory itself out of its project; an absent one is fine.
    fn remove_quota(&self, spec: &QuotaSpec) -> Result<(), HostError> {
        let _ = spec;
        Ok(())
    }

    /// Gives a stack's reservations back: takes its entry out of the host-wide register, under its lock, and forgets its
    /// volume.
    fn release(&self, stack_id: &StackId) -> Result<(), HostError>;

    /// The effective capabilities of this process, without `CAP_`, such as `NET_ADMIN`.
    fn capabilities(&self) -> Result<BTreeSet<String>, HostError>;
}
