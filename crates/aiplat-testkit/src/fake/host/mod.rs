//! A host in memory: a file tree with owners and modes, a firewall, profiles, cgroups and a register.

mod copies;
mod tree;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use aiplat_apparmor::{Label, LabelMode};
use aiplat_core::names::StackId;
use aiplat_core::observed::{
    AppArmorFacts, CgroupFacts, CgroupUse, FirewallFacts, HostFacts, Listener, PathState,
    QuotaFacts, VolumeFacts,
};
use aiplat_core::spec::{
    CgroupSpec, DataCopy, DirectorySpec, FileSpec, FirewallSpec, Owner, ProfileFile, QuotaSpec,
};
use aiplat_docker::host::{Host, HostError, HostQuestion, Outcome};

use super::machine::Shared;
use super::state::{Node, State};
use super::trouble::Verdict;

/// The host of a [`Machine`](super::Machine).
#[derive(Debug, Clone)]
pub struct FakeHost {
    pub(super) shared: Arc<Shared>,
}

impl FakeHost {
    pub(super) fn act<T>(
        &self,
        what: &str,
        path: &Path,
        effect: impl FnOnce(&mut State) -> Result<T, HostError>,
    ) -> Result<T, HostError> {
        let dead = || HostError::Unsupported {
            what: format!("{what}: the caller died"),
        };
        match self
            .shared
            .calls
            .judge(format!("{what} {}", path.display()))
        {
            Verdict::Go => effect(&mut self.shared.state()),
            Verdict::Refuse => Err(HostError::NoSpace {
                path: path.to_owned(),
            }),
            Verdict::Dead => Err(dead()),
            Verdict::GoAndDie => {
                effect(&mut self.shared.state())?;
                self.shared.calls.die();
                Err(dead())
            }
        }
    }
}

impl Host for FakeHost {
    fn facts(&self, question: &HostQuestion) -> Result<HostFacts, HostError> {
        let volume = self.volume(&question.base_dir)?;
        let state = self.shared.state();
        let published = state
            .running()
            .flat_map(|(_, c)| &c.spec.ports)
            .map(|port| Listener {
                address: port.address.into(),
                port: port.host,
                protocol: port.protocol,
            });
        Ok(HostFacts {
            listeners: published.chain(state.listeners.iter().copied()).collect(),
            routes: state.networks.values().map(|n| n.subnet).collect(),
            addresses: BTreeSet::new(),
            apparmor: AppArmorFacts {
                enabled: state.facts.apparmor,
                parser: state.facts.apparmor,
                loaded: state.loaded.clone(),
                files: state.loaded.keys().cloned().collect(),
            },
            firewall: FirewallFacts {
                available: true,
                guarded: state.guarded.clone(),
                named: state.guarded.clone(),
                unkept: false,
            },
            cgroup: None,
            cgroup_use: CgroupUse::default(),
            quota: None,
            gpus: 0,
            volume,
            max_open_files: 1 << 20,
        })
    }

    fn volume(&self, path: &Path) -> Result<VolumeFacts, HostError> {
        let state = self.shared.state();
        let exists = matches!(state.tree.get(path), Some(Node::Directory { .. }));
        Ok(VolumeFacts {
            exists,
            mount_point: exists,
            free_bytes: 1 << 40,
            file_system: "ext4".to_owned(),
        })
    }

    fn path_state(&self, path: &Path) -> Result<PathState, HostError> {
        tree::state(&self.shared.state(), path)
    }

    fn make_directory(&self, spec: &DirectorySpec) -> Result<Outcome, HostError> {
        self.act("make directory", &spec.path, |state| {
            tree::make(state, spec)
        })
    }

    fn write_file(&self, spec: &FileSpec) -> Result<Outcome, HostError> {
        self.act("write", &spec.path, |state| tree::write(state, spec))
    }

    fn read_file(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
        tree::read(&self.shared.state(), path, limit)
    }

    fn read_end(&self, path: &Path, limit: usize) -> Result<Option<Vec<u8>>, HostError> {
        tree::read_end(&self.shared.state(), path, limit)
    }

    fn append_line(&self, spec: &FileSpec) -> Result<(), HostError> {
        self.act("append to", &spec.path, |state| tree::append(state, spec))
    }

    fn remove_file(&self, path: &Path) -> Result<(), HostError> {
        self.act("remove", path, |state| tree::remove(state, path))
    }

    fn purge_directory(&self, path: &Path, base_dir: &Path) -> Result<(), HostError> {
        self.act("purge", path, |state| tree::purge(state, path, base_dir))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), HostError> {
        self.act("move", to, |state| tree::rename(state, from, to))
    }

    fn remove_own(&self, path: &Path) -> Result<(), HostError> {
        self.act("remove", path, |state| {
            copies::remove(state, path);
            Ok(())
        })
    }

    fn copy_room(&self, copy: &DataCopy, dumps: u64) -> Result<(), HostError> {
        // a disk that has space for one
        if self.shared.state().tree.contains_key(&copy.at) {
            return Err(HostError::CopyRoom {
                path: copy.at.clone(),
                needed: dumps,
                free: 0,
            });
        }
        Ok(())
    }

    fn copy_begin(&self, copy: &DataCopy) -> Result<(), HostError> {
        self.act("begin copy", &copy.partial(), |state| {
            copies::begin(state, copy);
            Ok(())
        })
    }

    fn copy_take(&self, copy: &DataCopy, started: &str) -> Result<(), HostError> {
        self.act("complete copy", &copy.at, |state| {
            copies::complete(state, copy, started);
            Ok(())
        })
    }

    fn copy_put_back(&self, copy: &DataCopy, started: &str) -> Result<bool, HostError> {
        if !copies::is_complete(&self.shared.state(), copy, started) {
            return Ok(false);
        }
        self.act("put back", &copy.at, |state| {
            copies::put_back(state, copy);
            Ok(true)
        })
    }

    fn copy_drop(&self, copy: &DataCopy) -> Result<(), HostError> {
        self.act("drop copy", &copy.at, |state| {
            copies::remove(state, &copy.at);
            copies::remove(state, &copy.partial());
            Ok(())
        })
    }

    fn copy_keep_only(&self, copy: &DataCopy) -> Result<(), HostError> {
        self.act("keep only", &copy.at, |state| {
            copies::keep_only(state, copy);
            Ok(())
        })
    }

    fn load_profiles(&self, files: &[ProfileFile]) -> Result<(), HostError> {
        self.act("load profiles", Path::new("/etc/apparmor.d"), |state| {
            if !state.facts.apparmor {
                return Err(HostError::NoAppArmor);
            }
            for file in files {
                for path in [&file.source, &file.system] {
                    tree::place(state, path)?;
                    let node = Node::File {
                        owner: Owner { uid: 0, gid: 0 },
                        mode: 0o644,
                        content: file.text.clone().into_bytes(),
                    };
                    state.tree.insert(path.clone(), node);
                }
                state.loaded.insert(file.name.clone(), "enforce".to_owned());
            }
            Ok(())
        })
    }

    fn remove_profiles(&self, files: &[ProfileFile]) -> Result<(), HostError> {
        self.act("unload profiles", Path::new("/etc/apparmor.d"), |state| {
            for file in files {
                let worn = state
                    .running()
                    .find(|(_, c)| c.spec.apparmor.as_ref() == Some(&file.name));
                if let Some((_, wearer)) = worn {
                    return Err(HostError::ProfileInUse {
                        name: file.name.clone(),
                        pid: wearer.pid,
                    });
                }
            }
            for file in files {
                state.loaded.remove(&file.name);
                state.tree.remove(&file.source);
                state.tree.remove(&file.system);
            }
            Ok(())
        })
    }

    fn label_of(&self, pid: u32) -> Result<Label, HostError> {
        let state = self.shared.state();
        let Some((_, container)) = state.running().find(|(_, c)| c.pid == pid) else {
            return Err(HostError::NoProcess { pid });
        };
        let worn = container
            .spec
            .apparmor
            .clone()
            .filter(|name| state.loaded.contains_key(name));
        Ok(worn.map_or(Label::Unconfined, |name| Label::Confined {
            name,
            mode: LabelMode::Enforce,
        }))
    }

    fn processes_of_container(&self, pid: u32) -> Result<Vec<u32>, HostError> {
        Ok(vec![pid])
    }

    fn guard_bridge(&self, spec: &FirewallSpec) -> Result<Outcome, HostError> {
        self.act("guard", Path::new(&spec.bridge), |state| {
            let new = state.guarded.insert(spec.bridge.clone());
            Ok(if new {
                Outcome::Created
            } else {
                Outcome::Unchanged
            })
        })
    }

    fn unguard_bridge(&self, spec: &FirewallSpec) -> Result<Outcome, HostError> {
        self.act("unguard", Path::new(&spec.bridge), |state| {
            let there = state.guarded.remove(&spec.bridge);
            Ok(if there {
                Outcome::Changed
            } else {
                Outcome::Unchanged
            })
        })
    }

    fn cgroup(&self, parent: &str) -> Result<Option<CgroupFacts>, HostError> {
        Ok(self.shared.state().cgroups.get(parent).cloned())
    }

    fn set_cgroup(&self, spec: &CgroupSpec) -> Result<CgroupFacts, HostError> {
        self.act("limit", Path::new(&spec.parent), |state| {
            let facts = CgroupFacts {
                memory_bytes: spec.memory_bytes,
                milli_cpus: spec.milli_cpus,
                pids: spec.pids,
            };
            state.cgroups.insert(spec.parent.clone(), facts.clone());
            Ok(facts)
        })
    }

    fn remove_cgroup(&self, parent: &str) -> Result<(), HostError> {
        self.act("remove cgroup", Path::new(parent), |state| {
            if state
                .running()
                .any(|(_, c)| c.spec.cgroup_parent.as_deref() == Some(parent))
            {
                return Err(HostError::CgroupBusy {
                    parent: parent.to_owned(),
                });
            }
            state.cgroups.remove(parent);
            Ok(())
        })
    }

    fn quota(&self, base_dir: &Path, wanted: Option<u32>) -> Result<Option<QuotaFacts>, HostError> {
        let found = self.shared.state().quotas.get(base_dir).cloned();
        Ok(found.or_else(|| wanted.map(|_| QuotaFacts::default())))
    }

    fn set_quota(&self, spec: &QuotaSpec) -> Result<QuotaFacts, HostError> {
        // in two acts, so that a death between them leaves a tree that is marked and not limited
        self.act("put under its project", &spec.base_dir, |state| {
            let facts = state.quotas.entry(spec.base_dir.clone()).or_default();
            facts.project = Some(spec.project);
            facts.marked = true;
            Ok(())
        })?;
        self.act("limit", &spec.base_dir, |state| {
            let facts = state.quotas.entry(spec.base_dir.clone()).or_default();
            facts.limit_bytes = spec.bytes;
            Ok(facts.clone())
        })
    }

    fn remove_quota(&self, spec: &QuotaSpec) -> Result<(), HostError> {
        self.act("take the limit from", &spec.base_dir, |state| {
            state.quotas.remove(&spec.base_dir);
            Ok(())
        })
    }

    fn release(&self, stack_id: &StackId) -> Result<(), HostError> {
        self.act("release", Path::new(stack_id.as_str()), |state| {
            state.released.push(stack_id.to_string());
            Ok(())
        })
    }

    fn capabilities(&self) -> Result<BTreeSet<String>, HostError> {
        Ok(["NET_ADMIN", "SYS_ADMIN", "CHOWN"]
            .map(str::to_owned)
            .into())
    }
}
