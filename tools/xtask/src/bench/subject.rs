//! The three that are compared, as commands.

use std::path::PathBuf;

use super::measure::Task;
use super::place::Place;
use super::tiny::{Stack, Tiny};
use super::{compose_file, service_file, tiny};
use crate::Result;

/// Who brings the services up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Aiplat,
    Compose,
    Floor,
}

/// All of them.
pub(crate) const ALL: [Subject; 3] = [Subject::Aiplat, Subject::Compose, Subject::Floor];

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    /// From nothing to all healthy.
    Up,
    /// The same again, when there is nothing to do.
    Noop,
    /// Only the product: what a deploy would do, of the running stack.
    Plan,
    /// The least that a process of it does: its version.
    Version,
    /// Everything away again.
    Down,
}

/// Programs and files.
#[derive(Debug)]
pub(crate) struct Bed {
    /// This program as it is measured: built for release.
    pub(crate) tool: PathBuf,
    /// The `aiplat` command, built for release.
    pub(crate) aiplat: PathBuf,
    /// Compose's program.
    pub(crate) compose: PathBuf,
    /// The host-wide register's folder.
    pub(crate) state_dir: PathBuf,
    /// Calls that make the engine work at once: the product's number.
    pub(crate) concurrency: usize,
    name: String,
    services: Vec<Tiny>,
    files: Files,
}

#[derive(Debug)]
struct Files {
    base_dir: String,
    compose: String,
    floor: String,
}

impl Subject {
    /// Its name in the table.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Aiplat => "aiplat",
            Self::Compose => "compose",
            Self::Floor => "floor",
        }
    }
}

impl Bed {
    /// Writes what each subject reads.
    pub(crate) fn make(
        place: &Place,
        tool: PathBuf,
        aiplat: PathBuf,
        compose: PathBuf,
        state_dir: PathBuf,
        concurrency: usize,
    ) -> Result<Self> {
        let services = tiny::services()?;
        let name = format!("bench{}", std::process::id());
        let stack = |suffix: &str| -> Stack {
            tiny::stack(format!("{name}-{suffix}"), place, services.clone())
        };
        std::fs::write(place.path("compose.json"), compose_file::text(&stack("c")))?;
        std::fs::write(
            place.path("floor.json"),
            serde_json::to_string(&stack("f"))?,
        )?;
        let files = Files {
            base_dir: place.base_dir().display().to_string(),
            compose: place.file("compose.json"),
            floor: place.file("floor.json"),
        };
        Ok(Self {
            tool,
            aiplat,
            compose,
            state_dir,
            concurrency,
            name,
            services,
            files,
        })
    }

    /// A `BASE_DIR` with nothing in it but the service files.
    pub(crate) fn fresh(&self, place: &Place) -> Result<()> {
        let base_dir = place.base_dir();
        if base_dir.exists() {
            std::fs::remove_dir_all(&base_dir)?;
        }
        service_file::write(&base_dir, &self.services)
    }

    /// How a subject does something with the engine at `address`; nothing where it has no such thing.
    pub(crate) fn task(&self, subject: Subject, action: Action, address: &str) -> Option<Task> {
        let words: Vec<String> = match (subject, action) {
            (Subject::Aiplat, Action::Version) => self.product(&["--version"]),
            (Subject::Aiplat, Action::Up | Action::Noop) => {
                self.product(&["deploy", "--yes", "--allow-unmounted"])
            }
            (Subject::Aiplat, Action::Plan) => self.product(&["plan"]),
            (Subject::Aiplat, Action::Down) => {
                self.product(&["teardown", "--purge", "--confirm", &self.network()])
            }
            (Subject::Compose, Action::Up | Action::Noop) => self.composed(&["up", "-d", "--wait"]),
            (Subject::Compose, Action::Down) => self.composed(&["down"]),
            (Subject::Compose, Action::Version) => {
                vec![shown(&self.compose), "version".to_owned()]
            }
            (Subject::Floor, Action::Up) => self.floor("up"),
            (Subject::Floor, Action::Noop) => self.floor("noop"),
            (Subject::Floor, Action::Down) => self.floor("down"),
            (Subject::Compose | Subject::Floor, Action::Plan)
            | (Subject::Floor, Action::Version) => return None,
        };
        Some(Task {
            command: words,
            environment: self.environment(subject, address),
        })
    }

    fn product(&self, words: &[&str]) -> Vec<String> {
        let program = shown(&self.aiplat);
        let words = words.iter().map(|word| (*word).to_owned());
        std::iter::once(program).chain(words).collect()
    }

    /// The network of the product's stack, which is its name, too.
    fn network(&self) -> String {
        format!("{}-a", self.name)
    }

    fn composed(&self, action: &[&str]) -> Vec<String> {
        let program = shown(&self.compose);
        let mut words = vec![&*program, "-f", &self.files.compose, "--progress", "quiet"];
        words.extend(action);
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    fn floor(&self, action: &str) -> Vec<String> {
        let (tool, concurrency) = (shown(&self.tool), self.concurrency.to_string());
        let words = [
            &tool,
            "floor",
            action,
            "--stack",
            &self.files.floor,
            "--concurrency",
            &concurrency,
        ];
        words.iter().map(|w| (*w).to_owned()).collect()
    }

    fn environment(&self, subject: Subject, address: &str) -> Vec<(String, String)> {
        let (network, uid) = (self.network(), tiny::UID.to_string());
        let state_dir = shown(&self.state_dir);
        let pairs: &[(&str, &str)] = match subject {
            Subject::Aiplat => &[
                ("AIPLAT_HOST", address),
                ("AIPLAT_STATE_DIR", &state_dir),
                ("STACK_USER_UID", &uid),
                ("BASE_DIR", &self.files.base_dir),
                ("DOCKER_NETWORK", &network),
                ("DOMAIN_NAME", "bench.localhost"),
                ("BIND_ADDRESS", "127.0.0.1"),
                ("SERVICES", "bench-gateway-1"),
            ],
            Subject::Compose | Subject::Floor => &[("DOCKER_HOST", address), ("HOME", "/tmp")],
        };
        let owned = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        owned.collect()
    }
}

fn shown(path: &std::path::Path) -> String {
    path.display().to_string()
}
