//! A host on which nothing is done but the journal.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use aiplat_apparmor::Label;
use aiplat_core::names::StackId;
use aiplat_core::observed::{CgroupFacts, HostFacts, PathState, VolumeFacts};
use aiplat_core::spec::{CgroupSpec, DataCopy, DirectorySpec, FileSpec, FirewallSpec, ProfileFile};
use aiplat_docker::host::{Host, HostError, HostQuestion, Outcome};

#[derive(Default)]
pub(crate) struct TestHost {
    pub(crate) calls: Mutex<Vec<String>>,
}

impl TestHost {
    fn note(&self, call: impl Into<String>) {
        self.calls.lock().unwrap().push(call.into());
    }
}

impl Host for TestHost {
    fn facts(&self, _: &HostQuestion) -> Result<HostFacts, HostError> {
        Ok(HostFacts::default())
    }
    fn volume(&self, _: &Path) -> Result<VolumeFacts, HostError> {
        Ok(VolumeFacts::default())
    }
    fn path_state(&self, _: &Path) -> Result<PathState, HostError> {
        Ok(PathState::Absent)
    }
    fn make_directory(&self, spec: &DirectorySpec) -> Result<Outcome, HostError> {
        self.note(format!("make_directory {}", spec.path.display()));
        Ok(Outcome::Created)
    }
    fn write_file(&self, spec: &FileSpec) -> Result<Outcome, HostError> {
        self.note(format!("write_file {}", spec.path.display()));
        Ok(Outcome::Created)
    }
    fn read_file(&self, path: &Path, _: usize) -> Result<Option<Vec<u8>>, HostError> {
        Ok(std::fs::read(path).ok())
    }
    fn read_end(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
        let all = std::fs::read(path).ok();
        Ok(all.map(|mut all| all.split_off(all.len().saturating_sub(limit))))
    }
    fn append_line(&self, spec: &FileSpec) -> Result<(), HostError> {
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&spec.path)
            .unwrap();
        writeln!(file, "{}", spec.content.expose()).unwrap();
        file.sync_data().unwrap();
        Ok(())
    }
    fn remove_file(&self, _: &Path) -> Result<(), HostError> {
        Ok(())
    }
    fn purge_directory(&self, _: &Path, _: &Path) -> Result<(), HostError> {
        Ok(())
    }
    fn rename(&self, _: &Path, _: &Path) -> Result<(), HostError> {
        Ok(())
    }
    fn remove_own(&self, _: &Path) -> Result<(), HostError> {
        Ok(())
    }
    fn copy_room(&self, _: &DataCopy, _: u64) -> Result<(), HostError> {
        Ok(())
    }
    fn copy_begin(&self, _: &DataCopy) -> Result<(), HostError> {
        Ok(())
    }
    fn copy_take(&self, _: &DataCopy, _: &str) -> Result<(), HostError> {
        Ok(())
    }
    fn copy_put_back(&self, _: &DataCopy, _: &str) -> Result<bool, HostError> {
        Ok(false)
    }
    fn copy_drop(&self, _: &DataCopy) -> Result<(), HostError> {
        Ok(())
    }
    fn copy_keep_only(&self, _: &DataCopy) -> Result<(), HostError> {
        Ok(())
    }
    fn load_profiles(&self, _: &[ProfileFile]) -> Result<(), HostError> {
        Ok(())
    }
    fn remove_profiles(&self, _: &[ProfileFile]) -> Result<(), HostError> {
        Ok(())
    }
    fn label_of(&self, _: u32) -> Result<Label, HostError> {
        Ok(Label::Unconfined)
    }
    fn processes_of_container(&self, pid: u32) -> Result<Vec<u32>, HostError> {
        Ok(vec![pid])
    }
    fn guard_bridge(&self, _: &FirewallSpec) -> Result<Outcome, HostError> {
        Ok(Outcome::Created)
    }
    fn unguard_bridge(&self, _: &FirewallSpec) -> Result<Outcome, HostError> {
        Ok(Outcome::Changed)
    }
    fn cgroup(&self, _: &str) -> Result<Option<CgroupFacts>, HostError> {
        Ok(None)
    }
    fn set_cgroup(&self, _: &CgroupSpec) -> Result<CgroupFacts, HostError> {
        Ok(CgroupFacts::default())
    }
    fn remove_cgroup(&self, _: &str) -> Result<(), HostError> {
        Ok(())
    }
    fn release(&self, _: &StackId) -> Result<(), HostError> {
        self.note("release");
        Ok(())
    }
    fn capabilities(&self) -> Result<BTreeSet<String>, HostError> {
        Ok(BTreeSet::new())
    }
}
