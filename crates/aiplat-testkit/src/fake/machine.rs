//! A machine: an engine and a host that see the same world, and a picture of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use aiplat_core::desired::Desired;
use aiplat_core::observed::{CgroupFacts, ContainerState, EngineFacts, ImageFacts, QuotaFacts};
use aiplat_core::spec::{NetworkSpec, Owner, label};
use aiplat_docker::host::LinuxHost;

use super::answers::{self, lessons};
use super::disk::DiskHost;
use super::doors::{Door, content, copied};
use super::engine::{FakeEngine, Load};
use super::host::FakeHost;
use super::state::{Container, Exec, Node, State, TailnetNode};
use super::trouble::{Calls, Trouble};

/// What engine and host share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) calls: Calls,
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics while it holds the state")
    }
}

/// An engine and a host in memory. Its containers answer on addresses of 127.0.0.0/8 while they run, so it must be used
/// in a tokio runtime.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The engine.
    pub engine: FakeEngine,
    /// The host.
    pub host: FakeHost,
    shared: Arc<Shared>,
}

/// Everything on a machine that two runs may be compared by. Ids and addresses, which are drawn, are left out; so is the
/// journal, which only grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Containers by name.
    pub containers: BTreeMap<String, PicturedContainer>,
    /// Networks by name.
    pub networks: BTreeMap<String, NetworkSpec>,
    /// The file tree.
    pub tree: BTreeMap<PathBuf, Node>,
    /// Bridges with rules.
    pub guarded: BTreeSet<String>,
    /// Profiles that the kernel has.
    pub loaded: BTreeMap<String, String>,
    /// Cgroups with their limits.
    pub cgroups: BTreeMap<String, CgroupFacts>,
    /// Nodes of a tailnet, by container.
    pub nodes: BTreeMap<String, TailnetNode>,
    /// Limits of disk space, by directory.
    pub quotas: BTreeMap<PathBuf, QuotaFacts>,
    /// Databases with their owners, and roles, of the servers that run.
    pub databases: BTreeMap<String, (BTreeMap<String, String>, Vec<String>)>,
}

/// One container in a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PicturedContainer {
    /// Image.
    pub image: String,
    /// Labels, hash and all.
    pub labels: BTreeMap<String, String>,
    /// State.
    pub state: ContainerState,
    /// Networks, by name.
    pub network: Option<String>,
}

impl Machine {
    /// What its engine says of itself.
    pub(super) fn facts(&self) -> EngineFacts {
        self.shared.state().facts.clone()
    }

    /// A machine with an engine of these properties, and a firewall.
    pub fn new(facts: EngineFacts) -> Self {
        let root = Node::Directory {
            owner: Owner { uid: 0, gid: 0 },
            mode: 0o755,
        };
        let places = ["/", "/etc", "/etc/apparmor.d", "/mnt"];
        let state = State {
            facts,
            tree: places
                .iter()
                .map(|p| (PathBuf::from(p), root.clone()))
                .collect(),
            ..State::default()
        };
        Self::of(state)
    }

    fn of(state: State) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            calls: Calls::default(),
        });
        Self {
            engine: FakeEngine {
                shared: Arc::clone(&shared),
                load: Arc::new(Load::default()),
            },
            host: FakeHost {
                shared: Arc::clone(&shared),
            },
            shared,
        }
    }

    /// Another machine in the same state, whose containers answer at addresses of their own.
    ///
    /// # Panics
    /// Where no port of 127.0.0.0/8 can be had.
    #[must_use]
    pub fn fork(&self) -> Self {
        let mut state = self.shared.state().clone();
        for roles in state.roles.values_mut() {
            *roles = copied(roles);
        }
        let running: Vec<String> = state.running().map(|(id, _)| id.clone()).collect();
        for id in &running {
            if let Some(container) = state.containers.get_mut(id) {
                container.servers.clear();
                container.address = container.address.map(|_| answers::address());
            }
        }
        for id in &running {
            let container = &state.containers[id];
            let owner = container
                .shares
                .as_ref()
                .and_then(|o| state.containers.get(o));
            let Some(address) = owner.unwrap_or(container).address else {
                continue;
            };
            let sick = state.sick.contains(&container.spec.image);
            let lesson = state
                .lessons
                .get(container.spec.service.as_str())
                .cloned()
                .unwrap_or_default();
            let roles = state.roles.get(&container.name).cloned();
            let door = container.door.with_roles(roles.unwrap_or_default());
            let servers = answers::serve(address, &lesson, sick, &door);
            let servers = servers.expect("a port of 127.0.0.0/8");
            if let Some(container) = state.containers.get_mut(id) {
                container.door = door;
                container.servers = servers;
            }
        }
        Self::of(state)
    }

    /// Teaches the services how to answer, as their own programs would.
    pub fn teach(&self, desired: &Desired) {
        self.shared.state().lessons.extend(lessons(desired));
    }

    /// Makes a directory of root's, as an operator would who mounts a volume there.
    pub fn volume(&self, path: &str) {
        let mut state = self.shared.state();
        let all: Vec<PathBuf> = Path::new(path).ancestors().map(Path::to_path_buf).collect();
        for path in all {
            let owner = Owner { uid: 0, gid: 0 };
            state
                .tree
                .entry(path)
                .or_insert(Node::Directory { owner, mode: 0o755 });
        }
    }

    /// Its host, with the files of this directory on this machine's own disk: register and marks in `state_dir`. From now
    /// on the engine sees them there, too.
    #[must_use]
    pub fn on_disk(&self, directory: &Path, state_dir: &Path) -> DiskHost {
        self.shared.state().disk = Some(directory.to_path_buf());
        DiskHost {
            fake: self.host.clone(),
            real: LinuxHost {
                state_dir: state_dir.to_path_buf(),
                ..LinuxHost::default()
            },
        }
    }

    /// Puts something into the file tree.
    pub fn put(&self, path: &str, node: Node) {
        self.shared.state().tree.insert(path.into(), node);
    }

    /// From now on this happens, counted from the next call.
    pub fn trouble(&self, trouble: Trouble) {
        self.shared.calls.restart(trouble);
    }

    /// Counted calls since the trouble was set last.
    pub fn calls(&self) -> Vec<String> {
        self.shared.calls.made()
    }

    /// Whether the caller has died.
    pub fn is_dead(&self) -> bool {
        self.shared.calls.is_dead()
    }

    /// Ends when the caller dies.
    pub async fn death(&self) {
        self.shared.calls.death().await;
    }

    /// From now on a program that starts writes a file `written-by` into its data, with its image in it.
    pub fn programs_write(&self) {
        self.shared.state().writing = true;
    }

    /// Containers of this image never become ready.
    pub fn sick(&self, image: &str) {
        self.shared.state().sick.insert(image.to_owned());
    }

    /// Checks of configuration in a container of this image fail; services of it run on.
    pub fn refuses_checks(&self, image: &str) {
        self.shared.state().refused.insert(image.to_owned());
    }

    /// Containers of this image end at once, after they wrote this.
    pub fn ends(&self, image: &str, code: i64, log: &[&str]) {
        let mut state = self.shared.state();
        state.ends.insert(image.to_owned(), code);
        state.logs.insert(
            image.to_owned(),
            log.iter().map(ToString::to_string).collect(),
        );
    }

    /// What an attached command of this image writes whose program is this one.
    pub fn says(&self, image: &str, program: &str, output: &[u8]) {
        let key = (image.to_owned(), program.to_owned());
        self.shared.state().says.insert(key, output.to_vec());
    }

    /// Attached commands that were run, oldest first, each with the input that it was given.
    ///
    /// # Panics
    /// Where a test panicked while it wrote such an input.
    pub fn attached(&self) -> Vec<(Vec<String>, Vec<u8>)> {
        let state = self.shared.state();
        let input = |exec: &Exec| exec.input.lock().expect("no test panics in here").clone();
        let all = state.execs.values();
        all.map(|exec| (exec.argv.clone(), input(exec))).collect()
    }

    /// Whether the container of this name, which must run, lets a value in: for a role of a database server that
    /// role's password, else whatever it was started with.
    pub fn lets_in(&self, container: &str, role: Option<&str>, value: &str) -> bool {
        let state = self.shared.state();
        let mut all = state.running().map(|(_, c)| c);
        all.find(|c| c.name == container)
            .is_some_and(|c| match role {
                Some(role) => c.door.lets_in(role, value),
                None => c.door.knows(value),
            })
    }

    /// Every file below a directory, with its content.
    pub fn files(&self, below: &str) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.shared.state();
        let files = state.tree.iter().filter(|(p, _)| p.starts_with(below));
        files
            .filter_map(|(path, node)| match node {
                Node::File { content, .. } => Some((path.clone(), content.clone())),
                Node::Directory { .. } | Node::Link => None,
            })
            .collect()
    }

    /// Only these images can be pulled.
    pub fn registry(&self, images: &[&str]) {
        self.shared.state().registry = Some(images.iter().map(ToString::to_string).collect());
    }

    /// An image that is there without a pull.
    pub fn image(&self, reference: &str) {
        let facts = ImageFacts {
            id: format!("sha256:{reference}"),
            stand_in: false,
            ..ImageFacts::default()
        };
        self.shared
            .state()
            .images
            .insert(reference.to_owned(), facts);
    }

    /// Reservations that were given back, by stack id.
    pub fn released(&self) -> Vec<String> {
        self.shared.state().released.clone()
    }

    /// How often each running container was started.
    pub fn starts(&self) -> BTreeMap<String, u32> {
        let state = self.shared.state();
        state
            .containers
            .values()
            .map(|c| (c.name.clone(), c.starts))
            .collect()
    }

    /// Ids of all containers and networks by name.
    pub fn ids(&self) -> BTreeMap<String, String> {
        let state = self.shared.state();
        let containers = state
            .containers
            .iter()
            .map(|(id, c)| (c.name.clone(), id.clone()));
        let networks = state
            .networks
            .iter()
            .map(|(id, n)| (format!("network {}", n.name), id.clone()));
        containers.chain(networks).collect()
    }

    /// A container that somebody else made and that runs.
    pub fn foreign_container(&self, like: &aiplat_core::spec::ContainerSpec, name: &str) {
        let mut state = self.shared.state();
        let number = state.number();
        let container = Container {
            name: name.to_owned(),
            spec: aiplat_core::spec::ContainerSpec {
                network: aiplat_core::spec::NetworkMode::None,
                ports: Vec::new(),
                ..like.clone()
            },
            labels: BTreeMap::from([("somebody".to_owned(), "else".to_owned())]),
            once: false,
            state: ContainerState::Running,
            exit_code: 0,
            address: None,
            shares: None,
            pid: 90_000 + number,
            starts: 1,
            servers: Vec::new(),
            door: Door::default(),
        };
        state.containers.insert(
            format!("{:064x}", 0xff00_0000_u64 + u64::from(number)),
            container,
        );
    }

    /// A network that somebody else made.
    pub fn foreign_network(&self, spec: NetworkSpec) {
        let mut state = self.shared.state();
        let number = state.number();
        state.networks.insert(
            format!("{:064x}", 0xee00_0000_u64 + u64::from(number)),
            spec,
        );
    }

    /// What is there.
    pub fn picture(&self) -> Picture {
        let state = self.shared.state();
        let pictured = |c: &Container| PicturedContainer {
            image: c.spec.image.clone(),
            labels: c.labels.clone(),
            state: c.state,
            network: c.network().map(str::to_owned),
        };
        let journal = |path: &PathBuf| path.ends_with("config/journal.jsonl");
        Picture {
            containers: state
                .containers
                .values()
                .map(|c| (c.name.clone(), pictured(c)))
                .collect(),
            networks: state
                .networks
                .values()
                .map(|n| (n.name.clone(), n.clone()))
                .collect(),
            tree: state
                .below(Path::new("/"))
                .into_iter()
                .chain(state.disk.iter().flat_map(|disk| state.below(disk)))
                .filter(|(p, _)| !journal(p))
                .collect(),
            guarded: state.guarded.clone(),
            loaded: state.loaded.clone(),
            cgroups: state.cgroups.clone(),
            nodes: state.nodes.clone(),
            quotas: state.quotas.clone(),
            databases: state
                .containers
                .values()
                .filter_map(|c| Some((c.name.clone(), state.roles.get(&c.name)?)))
                .map(|(name, server)| (name, content(server)))
                .filter(|(_, (databases, _))| !databases.is_empty())
                .collect(),
        }
    }
}

impl Picture {
    /// What differs, in words.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut all = Vec::new();
        maps("container", &self.containers, &other.containers, &mut all);
        maps("network", &self.networks, &other.networks, &mut all);
        maps("path", &self.tree, &other.tree, &mut all);
        maps("profile", &self.loaded, &other.loaded, &mut all);
        maps("quota", &self.quotas, &other.quotas, &mut all);
        maps("cgroup", &self.cgroups, &other.cgroups, &mut all);
        maps("node", &self.nodes, &other.nodes, &mut all);
        maps("databases of", &self.databases, &other.databases, &mut all);
        if self.guarded != other.guarded {
            all.push(format!(
                "rules for {:?}, not {:?}",
                self.guarded, other.guarded
            ));
        }
        all
    }

    /// The containers that wear this stack's identity.
    pub fn of_stack<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a String> {
        let own =
            move |c: &PicturedContainer| c.labels.get(label::STACK_ID).is_some_and(|i| i == id);
        self.containers
            .iter()
            .filter(move |(_, c)| own(c))
            .map(|(name, _)| name)
    }
}

/// What differs between two maps, in words.
fn maps<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    what: &str,
    a: &BTreeMap<K, V>,
    b: &BTreeMap<K, V>,
    all: &mut Vec<String>,
) {
    let keys: BTreeSet<&K> = a.keys().chain(b.keys()).collect();
    for key in keys {
        if a.get(key) != b.get(key) {
            all.push(format!(
                "{what} {key:?}: {:?}, not {:?}",
                a.get(key),
                b.get(key)
            ));
        }
    }
}
