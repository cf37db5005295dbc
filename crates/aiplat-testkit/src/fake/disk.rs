//! A host whose files are real ones, below a directory of this machine, and whose every other part is in memory: for
//! what reads and writes the disk beside [`Host`], as all that is done with a whole stack does.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use aiplat_apparmor::Label;
use aiplat_core::names::{StackId, StackName};
use aiplat_core::observed::{CgroupFacts, HostFacts, PathState, QuotaFacts, VolumeFacts};
use aiplat_core::spec::{
    CgroupSpec, DataCopy, DirectorySpec, FileSpec, FirewallSpec, Owner, ProfileFile, QuotaSpec,
};
use aiplat_docker::host::{Host, HostError, HostQuestion, LinuxHost, Outcome, VolumeMark};

use super::host::FakeHost;
use super::run::Died;
use super::state::Node;

/// The host of a [`Machine`](super::Machine) on a disk. A caller that dies in one of its calls is unwound with [`Died`]:
/// nothing more is done in its name.
#[derive(Debug, Clone)]
pub struct DiskHost {
    pub(super) fake: FakeHost,
    pub(super) real: LinuxHost,
}

impl DiskHost {
    fn act<T>(
        &self,
        what: &str,
        path: &Path,
        effect: impl FnOnce() -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        self.survived(self.fake.act(what, path, |_| effect()))
    }

    fn survived<T>(&self, answer: T) -> T {
        if self.fake.shared.calls.is_dead() {
            std::panic::resume_unwind(Box::new(Died));
        }
        answer
    }
}

impl Host for DiskHost {
    fn facts(&self, question: &HostQuestion) -> Result<HostFacts, HostError> {
        Ok(HostFacts {
            volume: self.real.volume(&question.base_dir)?,
            ..self.fake.facts(question)?
        })
    }

    fn volume(&self, path: &Path) -> Result<VolumeFacts, HostError> {
        self.real.volume(path)
    }

    fn marked_volume(&self, base_dir: &Path) -> Result<Option<VolumeMark>, HostError> {
        self.real.marked_volume(base_dir)
    }

    fn marked_volumes(&self) -> Result<Vec<VolumeMark>, HostError> {
        self.real.marked_volumes()
    }

    fn mark_volume(
        &self,
        stack: &StackName,
        id: &StackId,
        base_dir: &Path,
    ) -> Result<(), HostError> {
        let mark = || self.real.mark_volume(stack, id, base_dir);
        self.act("mark", base_dir, mark)
    }

    fn path_state(&self, path: &Path) -> Result<PathState, HostError> {
        self.real.path_state(path)
    }

    fn make_directory(&self, spec: &DirectorySpec) -> Result<Outcome, HostError> {
        let make = || self.real.make_directory(spec);
        self.act("make directory", &spec.path, make)
    }

    fn write_file(&self, spec: &FileSpec) -> Result<Outcome, HostError> {
        self.act("write", &spec.path, || self.real.write_file(spec))
    }

    fn read_file(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
        self.real.read_file(path, limit)
    }

    fn read_end(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
        self.real.read_end(path, limit)
    }

    fn append_line(&self, spec: &FileSpec) -> Result<(), HostError> {
        self.act("append to", &spec.path, || self.real.append_line(spec))
    }

    fn remove_file(&self, path: &Path) -> Result<(), HostError> {
        self.act("remove", path, || self.real.remove_file(path))
    }

    fn purge_directory(&self, path: &Path, base_dir: &Path) -> Result<(), HostError> {
        let purge = || self.real.purge_directory(path, base_dir);
        self.act("purge", path, purge)
    }

    fn purge_check(&self, path: &Path, base_dir: &Path) -> Result<(), HostError> {
        self.real.purge_check(path, base_dir)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), HostError> {
        self.act("move", to, || self.real.rename(from, to))
    }

    fn remove_own(&self, path: &Path) -> Result<(), HostError> {
        self.act("remove", path, || self.real.remove_own(path))
    }

    fn copy_room(&self, copy: &DataCopy, dumps: u64) -> Result<(), HostError> {
        self.real.copy_room(copy, dumps)
    }

    fn copy_begin(&self, copy: &DataCopy) -> Result<(), HostError> {
        let begin = || self.real.copy_begin(copy);
        self.act("begin copy", &copy.partial(), begin)
    }

    fn copy_take(&self, copy: &DataCopy, started: &str) -> Result<(), HostError> {
        let take = || self.real.copy_take(copy, started);
        self.act("copy", &copy.at, take)
    }

    fn copy_put_back(&self, copy: &DataCopy, started: &str) -> Result<bool, HostError> {
        let put_back = || self.real.copy_put_back(copy, started);
        self.act("put back", &copy.at, put_back)
    }

    fn copy_drop(&self, copy: &DataCopy) -> Result<(), HostError> {
        self.act("drop copy", &copy.at, || self.real.copy_drop(copy))
    }

    fn copy_keep_only(&self, copy: &DataCopy) -> Result<(), HostError> {
        self.act("keep only", &copy.at, || self.real.copy_keep_only(copy))
    }

    fn load_profiles(&self, files: &[ProfileFile]) -> Result<(), HostError> {
        self.survived(self.fake.load_profiles(files))
    }

    fn remove_profiles(&self, files: &[ProfileFile]) -> Result<(), HostError> {
        self.survived(self.fake.remove_profiles(files))
    }

    fn label_of(&self, pid: u32) -> Result<Label, HostError> {
        self.fake.label_of(pid)
    }

    fn processes_of_container(&self, pid: u32) -> Result<Vec<u32>, HostError> {
        self.fake.processes_of_container(pid)
    }

    fn guard_bridge(&self, spec: &FirewallSpec) -> Result<Outcome, HostError> {
        self.survived(self.fake.guard_bridge(spec))
    }

    fn unguard_bridge(&self, spec: &FirewallSpec) -> Result<Outcome, HostError> {
        self.survived(self.fake.unguard_bridge(spec))
    }

    fn cgroup(&self, parent: &str) -> Result<Option<CgroupFacts>, HostError> {
        self.fake.cgroup(parent)
    }

    fn set_cgroup(&self, spec: &CgroupSpec) -> Result<CgroupFacts, HostError> {
        self.survived(self.fake.set_cgroup(spec))
    }

    fn remove_cgroup(&self, parent: &str) -> Result<(), HostError> {
        self.survived(self.fake.remove_cgroup(parent))
    }

    fn quota(&self, base_dir: &Path, wanted: Option<u32>) -> Result<Option<QuotaFacts>, HostError> {
        self.fake.quota(base_dir, wanted)
    }

    fn set_quota(&self, spec: &QuotaSpec) -> Result<QuotaFacts, HostError> {
        self.survived(self.fake.set_quota(spec))
    }

    fn remove_quota(&self, spec: &QuotaSpec) -> Result<(), HostError> {
        self.survived(self.fake.remove_quota(spec))
    }

    fn release(&self, stack_id: &StackId) -> Result<(), HostError> {
        let path = Path::new(stack_id.as_str());
        self.act("release", path, || self.real.release(stack_id))
    }

    fn capabilities(&self) -> Result<BTreeSet<String>, HostError> {
        self.fake.capabilities()
    }
}

/// What is at a path of the disk.
pub(super) fn node(path: &Path) -> Option<Node> {
    let found = std::fs::symlink_metadata(path).ok()?;
    let owner = Owner {
        uid: found.uid(),
        gid: found.gid(),
    };
    let mode = found.mode() & 0o7777;
    if found.is_dir() {
        return Some(Node::Directory { owner, mode });
    }
    if found.is_symlink() {
        return Some(Node::Link);
    }
    let content = std::fs::read(path).ok()?;
    Some(Node::File {
        owner,
        mode,
        content,
    })
}

/// Everything at and below a path of the disk.
pub(super) fn below(path: &Path) -> BTreeMap<PathBuf, Node> {
    let mut found = BTreeMap::new();
    let mut todo = vec![path.to_path_buf()];
    while let Some(path) = todo.pop() {
        let Some(node) = node(&path) else {
            continue;
        };
        if matches!(node, Node::Directory { .. }) {
            let entries = std::fs::read_dir(&path).into_iter().flatten().flatten();
            todo.extend(entries.map(|entry| entry.path()));
        }
        found.insert(path, node);
    }
    found
}
