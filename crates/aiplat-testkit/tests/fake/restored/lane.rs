//! A machine whose files are real, with a stack on it and an archive of that stack, as often as a test wants it anew.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

use aiplat_archive::{ArchiveName, Key, Stamp, Target};
use aiplat_core::spec::label;
use aiplat_docker::apply::ApplyOptions;
use aiplat_docker::events::Silent;
use aiplat_docker::stack::{
    Inputs, Intent, Places, RestoreError, RestoreQuestion, RestoreReport, Source, prepare, restore,
};
use aiplat_testkit::fake::stack::engine_facts;
use aiplat_testkit::fake::{Died, DiskHost, Machine};
use futures_util::FutureExt;
use secrecy::ExposeSecret;

use super::archive::archive;
use crate::support::catalogue;

/// What a file of the stack has when it is backed up, and what was written into it since.
const KEPT: &str = "as it was backed up";
const SINCE: &str = "written since";
const NOTE: &str = "data/prometheus/note.txt";

/// So much of an identity is in the name of a bridge.
const SHORT: usize = 8;

/// A place of its own for one test after the other.
pub(crate) struct Lane {
    home: PathBuf,
    start: Machine,
    archive: ArchiveName,
    pub(crate) secrets: Vec<String>,
}

/// What is there, in words that do not tell where or who.
pub(crate) type View = BTreeMap<String, String>;

impl Lane {
    /// Deploys the stack `a`, and makes an archive of it that asks for these settings beside its own.
    pub(crate) async fn new(home: PathBuf, changed: &[(&str, &str)]) -> Self {
        let (a, archives) = (home.join("world/a"), home.join("archives"));
        for place in ["world/a", "world/b", "world/state", "archives"] {
            std::fs::create_dir_all(home.join(place)).unwrap();
        }
        let (start, catalogue) = (Machine::new(engine_facts(false)), catalogue());
        let mut lane = Self {
            start,
            archive: ArchiveName::new("a", Stamp::from_unix(1_800_000_000)).unwrap(),
            secrets: Vec::new(),
            home,
        };
        let base_dir = a.display().to_string();
        let flags = [
            ("BASE_DIR", base_dir.as_str()),
            ("DOCKER_NETWORK", "a"),
            ("DOMAIN_NAME", "a.localhost"),
            ("SERVICES", "postgres,redis,prometheus"),
        ];
        let inputs = Inputs {
            flags: flags.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            command: "deploy".to_owned(),
            ..Inputs::default()
        };
        let (engine, host, places) = (&lane.start.engine, lane.host(&lane.start), lane.places());
        let prepared = prepare(engine, &host, &catalogue, &inputs, &places, Intent::Deploy);
        let prepared = prepared.await.unwrap();
        lane.start.teach(&prepared.desired);
        let config = prepared.config.clone();
        let options = ApplyOptions::for_cpus(2);
        prepared
            .deploy(engine, &host, &options, &Silent)
            .await
            .unwrap();
        let secrets = config.secrets.iter();
        lane.secrets = secrets.map(|(_, v)| v.expose_secret().to_owned()).collect();
        let uid = Some(config.allocation.uid);
        std::fs::write(a.join(NOTE), KEPT).unwrap();
        std::os::unix::fs::chown(a.join(NOTE), uid, uid).unwrap();
        archive(
            &config,
            &lane.archive,
            &Target::directory(archives),
            changed,
        );
        std::fs::write(a.join(NOTE), SINCE).unwrap();
        // what it needs it has by now
        lane.start.registry(&[]);
        lane.copy("world", "before");
        lane
    }

    fn copy(&self, from: &str, to: &str) {
        let (from, to) = (self.home.join(from), self.home.join(to));
        let _ = std::fs::remove_dir_all(&to);
        let copied = Command::new("cp").arg("-a").args([&from, &to]).status();
        assert!(copied.unwrap().success(), "{}", to.display());
    }

    /// Everything as it was at the beginning.
    pub(crate) fn anew(&self) -> Machine {
        self.copy("before", "world");
        let machine = self.start.fork();
        machine.trouble(aiplat_testkit::fake::Trouble::Never);
        machine
    }

    pub(crate) fn base(&self, stack: &str) -> PathBuf {
        self.home.join("world").join(stack)
    }

    pub(crate) fn host(&self, machine: &Machine) -> DiskHost {
        machine.on_disk(&self.home.join("world"), &self.base("state"))
    }

    pub(crate) fn places(&self) -> Places {
        Places {
            state_dir: self.base("state"),
            ..Places::default()
        }
    }

    /// Restores the archive in place of `a`, or into a second stack `b`; `None` when the run died.
    pub(crate) async fn restore(
        &self,
        machine: &Machine,
        in_place: bool,
    ) -> Option<Result<RestoreReport, RestoreError>> {
        let beside = [("DOCKER_NETWORK", "b"), ("DOMAIN_NAME", "b.localhost")];
        let flags = beside.iter().filter(|_| !in_place);
        let question = RestoreQuestion {
            base_dir: self.base(if in_place { "a" } else { "b" }),
            flags: flags
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            in_place,
            moment: "1800000000".to_owned(),
            command: "restore".to_owned(),
            ..RestoreQuestion::default()
        };
        let source = Source {
            target: &Target::directory(self.home.join("archives")),
            name: &self.archive,
            key: &Key::Unencrypted,
        };
        let (host, places) = (self.host(machine), self.places());
        let options = ApplyOptions::for_cpus(2);
        let restored = restore(
            &machine.engine,
            &host,
            &source,
            &question,
            &places,
            &options,
            &Silent,
        );
        tokio::select! {
            biased;
            () = machine.death() => None,
            done = AssertUnwindSafe(Box::pin(restored)).catch_unwind() => match done {
                Ok(done) => Some(done),
                Err(died) if died.is::<Died>() => None,
                Err(panic) => resume_unwind(panic),
            },
        }
    }

    /// Whether the stack in a directory is as its manifest says.
    pub(crate) async fn is_settled(&self, machine: &Machine, stack: &str) -> bool {
        let base_dir = self.base(stack).display().to_string();
        let inputs = Inputs {
            flags: [("BASE_DIR".to_owned(), base_dir)].into(),
            ..Inputs::default()
        };
        let (host, places, catalogue) = (self.host(machine), self.places(), catalogue());
        let intent = Intent::Plan;
        let prepared = prepare(&machine.engine, &host, &catalogue, &inputs, &places, intent);
        !prepared.await.unwrap().plan.has_changes()
    }

    /// What is there: files with owners and modes, containers, reservations, and all else that a run could leave.
    pub(crate) fn view(&self, machine: &Machine) -> View {
        let picture = machine.picture();
        let id = |stack: &str| std::fs::read_to_string(self.base(stack).join("config/stack-id"));
        let ids = ["a", "b"].map(|stack| (id(stack).unwrap_or_default(), stack));
        let plain = |text: String| {
            let text = text.replace(&self.home.display().to_string(), "~");
            let names = ids.iter().filter(|(id, _)| id.len() > SHORT);
            names.fold(text, |text, (id, stack)| {
                let text = text.replace(id.trim(), &format!("<{stack}>"));
                text.replace(&id[..SHORT], &format!("<short {stack}>"))
            })
        };
        let mut view = View::new();
        for (path, node) in &picture.tree {
            let own = path.strip_prefix(self.base("state"));
            let told = match own {
                Ok(inner) => inner == Path::new("register.json"),
                // trail and lock have the time in them
                Err(_) => !path.ends_with("config/audit.jsonl") && !path.ends_with("config/lock"),
            };
            if told {
                let shown = match node {
                    aiplat_testkit::fake::Node::File {
                        owner,
                        mode,
                        content,
                    } => {
                        format!("{owner:?} {mode:o} {}", String::from_utf8_lossy(content))
                    }
                    other => format!("{other:?}"),
                };
                view.insert(plain(path.display().to_string()), plain(shown));
            }
        }
        for (name, container) in &picture.containers {
            let mut container = container.clone();
            // made from the identity, which is drawn
            container.labels.remove(label::SPEC_HASH);
            container.labels.remove(label::SPEC_SECTIONS);
            view.insert(format!("container {name}"), plain(format!("{container:?}")));
        }
        for bridge in &picture.guarded {
            view.insert(plain(format!("rules for {bridge}")), String::new());
        }
        let rest = (&picture.networks, &picture.cgroups, &picture.databases);
        view.insert("all else".to_owned(), plain(format!("{rest:?}")));
        view
    }
}
