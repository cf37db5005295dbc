//! The real host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aiplat_apparmor::Label;
use aiplat_core::names::{StackId, StackName};
use aiplat_core::observed::{
    CgroupFacts, CgroupUse, FirewallFacts, HostFacts, PathState, QuotaFacts, VolumeFacts,
};
use aiplat_core::spec::{
    CgroupSpec, DataCopy, DirectorySpec, FIREWALL_CHAIN, FileSpec, FirewallSpec, ProfileFile,
    QuotaSpec,
};

use super::apparmor::{self, AppArmor, AppArmorPaths};
use super::boot::Boot;
use super::cgroup::Cgroups;
use super::firewall::Firewall;
use super::in_force::{self, InForce};
use super::lock::HostLock;
use super::mark::{Marks, VolumeMark};
use super::mounts::mounts;
use super::program::Program;
use super::quota::Quotas;
use super::register::RegisterStore;
use super::{
    Host, HostError, HostQuestion, Outcome, device, files, members, network, open_files, volume,
};

/// How long the register's lock is waited for: it is held for moments.
const PATIENCE: Duration = Duration::from_secs(30);

/// The host this process runs on. Every place and program is a field, so that a test can have its own.
///
/// ```no_run
/// use aiplat_docker::host::{Host, HostQuestion, LinuxHost};
///
/// let host = LinuxHost::default();
/// let facts = host.facts(&HostQuestion { base_dir: "/mnt/data".into(), ..Default::default() })?;
/// assert!(facts.volume.exists);
/// # Ok::<(), aiplat_docker::host::HostError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinuxHost {
    /// Where the register and the host-wide locks are: `/var/lib/aiplat`.
    pub state_dir: PathBuf,
    /// The lock of the firewall's chain, which is one a machine wherever the register is: `/run/aiplat`.
    pub lock_dir: PathBuf,
    /// `/proc`.
    pub proc: PathBuf,
    /// `/sys/fs/cgroup`.
    pub cgroups: PathBuf,
    /// `AppArmor`'s places.
    pub apparmor: AppArmorPaths,
    /// `iptables`; the program of the same name with `-restore` after it must be beside it.
    pub iptables: Program,
    /// `ip6tables`, likewise.
    pub ip6tables: Program,
    /// `systemctl`.
    pub systemctl: Program,
    /// `blkid`.
    pub blkid: Program,
    /// `chattr` and `lsattr`, which put a directory under a project and tell which it is under.
    pub chattr: Program,
    /// See [`Self::chattr`].
    pub lsattr: Program,
    /// `setquota` and `repquota`, which limit a project and tell what it uses.
    pub setquota: Program,
    /// See [`Self::setquota`].
    pub repquota: Program,
    /// The table of what is mounted at boot: `/etc/fstab`.
    pub fstab: PathBuf,
    /// How every boot puts the firewall's rules back; nothing where somebody else sees to it.
    pub boot: Option<Boot>,
}

impl Default for LinuxHost {
    fn default() -> Self {
        Self {
            state_dir: "/var/lib/aiplat".into(),
            lock_dir: "/run/aiplat".into(),
            proc: "/proc".into(),
            cgroups: "/sys/fs/cgroup".into(),
            apparmor: AppArmorPaths::default(),
            iptables: Program::named("iptables"),
            ip6tables: Program::named("ip6tables"),
            systemctl: Program::named("systemctl"),
            blkid: Program::named("blkid"),
            chattr: Program::named("chattr"),
            lsattr: Program::named("lsattr"),
            setquota: Program::named("setquota"),
            repquota: Program::named("repquota"),
            fstab: "/etc/fstab".into(),
            boot: None,
        }
    }
}

impl LinuxHost {
    fn apparmor(&self) -> AppArmor<'_> {
        AppArmor {
            paths: &self.apparmor,
            proc: &self.proc,
        }
    }

    fn firewall(&self) -> Firewall<'_> {
        let Self {
            iptables,
            ip6tables,
            lock_dir,
            ..
        } = self;
        Firewall {
            iptables,
            ip6tables,
            lock_dir,
        }
    }

    fn quotas(&self) -> Quotas<'_> {
        let Self {
            proc,
            chattr,
            lsattr,
            setquota,
            repquota,
            ..
        } = self;
        Quotas {
            proc,
            chattr,
            lsattr,
            setquota,
            repquota,
        }
    }

    fn marks(&self) -> Marks<'_> {
        Marks {
            state_dir: &self.state_dir,
        }
    }

    fn cgroups(&self) -> Cgroups<'_> {
        Cgroups {
            root: &self.cgroups,
            systemctl: &self.systemctl,
        }
    }
}

impl Host for LinuxHost {
    fn facts(&self, question: &HostQuestion) -> Result<HostFacts, HostError> {
        let HostQuestion {
            base_dir,
            engine_root,
        } = question;
        std::thread::scope(|scope| {
            let firewall = scope.spawn(|| self.firewall().facts(FIREWALL_CHAIN));
            Ok(HostFacts {
                listeners: network::listeners(&self.proc)?,
                routes: network::routes(&self.proc)?,
                addresses: network::addresses()?,
                apparmor: self.apparmor().facts(),
                // asked for by itself: which one it is, is known later
                cgroup: None,
                gpus: gpus(&self.proc)?,
                // asked for by itself, of its containers
                cgroup_use: CgroupUse::default(),
                // asked for by itself: it costs programs
                quota: None,
                volume: volume::volume(&self.proc, base_dir)?,
                max_open_files: open_files::most(&self.proc, engine_root.as_deref()),
                firewall: FirewallFacts {
                    unkept: self.boot.as_ref().is_some_and(|boot| !boot.is_kept()),
                    ..firewall.join().unwrap_or_default()
                },
            })
        })
    }

    fn container_limits(
        &self,
        parent: Option<&str>,
        driver: &str,
        ids: &[&str],
    ) -> Result<BTreeMap<String, CgroupFacts>, HostError> {
        let mut found = BTreeMap::new();
        for id in ids {
            if let Some(limits) = self.cgroups().of_container(parent, driver, id)? {
                found.insert((*id).to_owned(), limits);
            }
        }
        Ok(found)
    }

    fn containers_use(
        &self,
        parent: Option<&str>,
        driver: &str,
        ids: &[&str],
    ) -> Result<CgroupUse, HostError> {
        let mut all = CgroupUse::default();
        for id in ids {
            all += self.cgroups().used_by_container(parent, driver, id)?;
        }
        Ok(all)
    }

    fn volume(&self, path: &Path) -> Result<VolumeFacts, HostError> {
        volume::volume(&self.proc, path)
    }

    fn marked_volume(&self, base_dir: &Path) -> Result<Option<VolumeMark>, HostError> {
        self.marks().read(base_dir)
    }

    fn marked_volumes(&self) -> Result<Vec<VolumeMark>, HostError> {
        self.marks().all()
    }

    fn mark_volume(
        &self,
        stack: &StackName,
        id: &StackId,
        base_dir: &Path,
    ) -> Result<(), HostError> {
        let facts = self.volume(base_dir)?;
        let known = self.marks().read(base_dir)?;
        let same = known.filter(|mark| {
            mark.stack_id == *id
                && mark.mount_point == facts.mount_point
                && mark.file_system == facts.file_system
        });
        // the program is asked once: a stack does not change its volume unseen
        if same.is_some() {
            return Ok(());
        }
        let uuid = if facts.mount_point {
            device::mounted_uuid(&self.proc, &self.blkid, base_dir)?
        } else {
            None
        };
        self.marks().write(&VolumeMark {
            stack: stack.clone(),
            stack_id: id.clone(),
            base_dir: base_dir.to_path_buf(),
            mount_point: facts.mount_point,
            file_system: facts.file_system,
            uuid,
        })
    }

    fn path_state(&self, path: &Path) -> Result<PathState, HostError> {
        files::path_state(path)
    }

    fn make_directory(&self, spec: &DirectorySpec) -> Result<Outcome, HostError> {
        files::make_directory(spec)
    }

    fn write_file(&self, spec: &FileSpec) -> Result<Outcome, HostError> {
        files::write_file(spec)
    }

    fn read_file(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
        files::read_file(path, limit)
    }

    fn read_end(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
        files::read_end(path, limit)
    }

    fn append_line(&self, spec: &FileSpec) -> Result<(), HostError> {
        files::append_line(spec)
    }

    fn remove_file(&self, path: &Path) -> Result<(), HostError> {
        files::remove_file(path)
    }

    fn purge_directory(&self, path: &Path, base_dir: &Path) -> Result<(), HostError> {
        files::purge_directory(path, base_dir, &mounts(&self.proc)?)
    }

    fn purge_check(&self, path: &Path, base_dir: &Path) -> Result<(), HostError> {
        files::purge_check(path, base_dir, &mounts(&self.proc)?)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), HostError> {
        files::rename(from, to)
    }

    fn remove_own(&self, path: &Path) -> Result<(), HostError> {
        files::copy::remove(path)
    }

    fn copy_room(&self, copy: &DataCopy, dumps: u64) -> Result<(), HostError> {
        files::room(copy, dumps)
    }

    fn copy_begin(&self, copy: &DataCopy) -> Result<(), HostError> {
        files::begin(copy)
    }

    fn copy_take(&self, copy: &DataCopy, started: &str) -> Result<(), HostError> {
        files::take(copy, started)
    }

    fn copy_put_back(&self, copy: &DataCopy, started: &str) -> Result<bool, HostError> {
        files::put_back(copy, started)
    }

    fn copy_drop(&self, copy: &DataCopy) -> Result<(), HostError> {
        files::drop_copy(copy)
    }

    fn copy_keep_only(&self, copy: &DataCopy) -> Result<(), HostError> {
        files::keep_only(copy)
    }

    fn load_profiles(&self, profiles: &[ProfileFile]) -> Result<(), HostError> {
        self.apparmor().load(profiles)
    }

    fn remove_profiles(&self, profiles: &[ProfileFile]) -> Result<(), HostError> {
        self.apparmor().remove(profiles)
    }

    fn label_of(&self, pid: u32) -> Result<Label, HostError> {
        self.apparmor().require()?;
        apparmor::label_of(&self.proc, pid)
    }

    fn processes_of_container(&self, pid: u32) -> Result<Vec<u32>, HostError> {
        members::members(&self.proc, &self.cgroups, pid)
    }

    fn in_force(&self, pid: u32, id: &str) -> Result<Option<InForce>, HostError> {
        in_force::in_force(&self.proc, &self.cgroups(), pid, id)
    }

    fn guard_bridge(&self, spec: &FirewallSpec) -> Result<Outcome, HostError> {
        let outcome = self.firewall().guard(spec)?;
        match &self.boot {
            Some(boot) if boot.keep()? == Outcome::Changed => Ok(Outcome::Changed),
            _ => Ok(outcome),
        }
    }

    fn unguard_bridge(&self, spec: &FirewallSpec) -> Result<Outcome, HostError> {
        self.firewall().unguard(spec)
    }

    fn cgroup(&self, parent: &str) -> Result<Option<CgroupFacts>, HostError> {
        self.cgroups().facts(parent)
    }

    fn set_cgroup(&self, spec: &CgroupSpec) -> Result<CgroupFacts, HostError> {
        self.cgroups().set(spec)
    }

    fn remove_cgroup(&self, parent: &str) -> Result<(), HostError> {
        self.cgroups().remove(parent)
    }

    fn quota(&self, base_dir: &Path, wanted: Option<u32>) -> Result<Option<QuotaFacts>, HostError> {
        self.quotas().facts(base_dir, wanted)
    }

    fn set_quota(&self, spec: &QuotaSpec) -> Result<QuotaFacts, HostError> {
        self.quotas().set(spec)
    }

    fn remove_quota(&self, spec: &QuotaSpec) -> Result<(), HostError> {
        self.quotas().remove(spec)
    }

    fn release(&self, stack_id: &StackId) -> Result<(), HostError> {
        self.marks().forget(stack_id)?;
        let lock = HostLock::wait(&self.state_dir, PATIENCE)?;
        let store = RegisterStore::new(&self.state_dir);
        let mut loaded = store.load()?;
        // one that is lost is rebuilt by whoever reserves next: writing an empty one would hide that
        if loaded.rebuild || loaded.register.get(stack_id).is_none() {
            return Ok(());
        }
        loaded.register.remove(stack_id);
        store.save(&lock, &loaded.register)?;
        match &self.boot {
            Some(boot) if loaded.register.stacks.is_empty() => boot.forget(),
            _ => Ok(()),
        }
    }

    fn capabilities(&self) -> Result<BTreeSet<String>, HostError> {
        let held = caps::read(None, caps::CapSet::Effective).map_err(|e| HostError::Io {
            what: "read the capabilities in",
            path: "/proc/self/status".into(),
            source: std::io::Error::other(e),
        })?;
        Ok(held
            .iter()
            .map(|c| c.to_string().trim_start_matches("CAP_").to_owned())
            .collect())
    }
}

/// The graphics processors that the NVIDIA driver has: a directory each.
fn gpus(proc: &Path) -> Result<u32, HostError> {
    let all = proc.join("driver/nvidia/gpus");
    match std::fs::read_dir(&all) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(0),
        other => {
            let count = other.map_err(|e| HostError::io("read", &all, e))?.count();
            Ok(u32::try_from(count).unwrap_or(u32::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_host_answers() {
        let state = tempfile::tempdir().unwrap();
        let host = LinuxHost {
            state_dir: state.path().into(),
            lock_dir: state.path().into(),
            ..LinuxHost::default()
        };
        let question = HostQuestion {
            base_dir: state.path().join("absent"),
            engine_root: None,
        };
        let facts = host.facts(&question).unwrap();
        assert!(!facts.addresses.is_empty());
        assert!(facts.max_open_files > 0);
        assert!(!facts.volume.exists && facts.volume.free_bytes > 0);
        assert_eq!(host.cgroup("/aiplat-absent").unwrap(), None);
        let again = host.volume(&question.base_dir).unwrap();
        assert_eq!(facts.volume.file_system, again.file_system);
        assert!(
            !host
                .capabilities()
                .unwrap()
                .iter()
                .any(|c| c.starts_with("CAP_"))
        );
        if !facts.apparmor.enabled {
            let own = std::process::id();
            assert!(matches!(host.label_of(own), Err(HostError::NoAppArmor)));
        }
    }

    #[test]
    fn graphics_processors_are_those_of_the_driver() {
        let proc = tempfile::tempdir().unwrap();
        assert_eq!(gpus(proc.path()).unwrap(), 0);
        for bus in ["0000:01:00.0", "0000:02:00.0"] {
            let of = proc.path().join("driver/nvidia/gpus").join(bus);
            std::fs::create_dir_all(of).unwrap();
        }
        assert_eq!(gpus(proc.path()).unwrap(), 2);
    }

    #[test]
    fn a_release_takes_out_one_stack_and_makes_no_register() {
        let state = tempfile::tempdir().unwrap();
        let host = LinuxHost {
            state_dir: state.path().into(),
            lock_dir: state.path().into(),
            ..LinuxHost::default()
        };
        let store = RegisterStore::new(state.path());
        let id: StackId = "0123456789ab".parse().unwrap();
        host.release(&id).unwrap();
        assert!(!store.path().exists());
        let entry = |id: &str| {
            serde_json::json!({
                "stack": "ai", "stack_id": id, "base_dir": "/x", "subnet": "10.0.0.0/26", "uids": [],
                "gids": [], "ports": [], "container_prefix": "ai-", "domain": "ai.localhost",
            })
        };
        let both = serde_json::json!({"stacks": [entry("0123456789ab"), entry("ba9876543210")]});
        std::fs::write(store.path(), both.to_string()).unwrap();
        host.release(&id).unwrap();
        host.release(&id).unwrap();
        let left = store.load().unwrap();
        assert!(!left.rebuild);
        assert_eq!(left.register.stacks.len(), 1);
        assert_eq!(left.register.stacks[0].stack_id.as_str(), "ba9876543210");
    }
}
