//! What every engine and every host must do, run on the fakes and on the real ones alike.

use std::collections::BTreeMap;
use std::path::Path;

use aiplat_core::names::StackId;
use aiplat_core::observed::{ContainerState, PathState};
use aiplat_core::spec::{
    ContainerSpec, DirectorySpec, EngineHealth, FileSpec, Limits, NetworkMode, NetworkSpec, Owner,
    label,
};
use aiplat_core::text::Text;
use aiplat_docker::engine::{Engine, EngineError, EventQuestion, ExecRequest, Life, UserOf};
use aiplat_docker::host::{Host, HostError, Outcome};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

/// The names of everything that the engine's contract makes, and what from.
#[derive(Debug, Clone)]
pub struct EngineCase {
    /// An image that the engine has.
    pub image: String,
    /// A command that runs until it is killed.
    pub command: Vec<String>,
    /// The stack that everything belongs to.
    pub id: StackId,
    /// Subnet of the network.
    pub subnet: ipnet::Ipv4Net,
}

impl EngineCase {
    fn labels(&self) -> BTreeMap<String, String> {
        [
            (label::STACK, format!("t{}", self.id)),
            (label::STACK_ID, self.id.to_string()),
            (label::BASE_DIR, "/nowhere".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
    }

    fn network(&self) -> NetworkSpec {
        NetworkSpec {
            name: format!("t{}", self.id),
            subnet: self.subnet,
            gateway: self
                .subnet
                .hosts()
                .next()
                .unwrap_or_else(|| self.subnet.network()),
            bridge: self.id.bridge(),
            labels: self.labels(),
        }
    }

    fn container(&self, service: &str) -> ContainerSpec {
        ContainerSpec {
            service: service.parse().expect("a service name"),
            name: format!("t{}-{service}", self.id)
                .parse()
                .expect("a container name"),
            image: self.image.clone(),
            entrypoint: None,
            command: Some(
                self.command
                    .iter()
                    .map(|w| Text::plain(w.clone()))
                    .collect(),
            ),
            env: BTreeMap::new(),
            user: Owner {
                uid: 12_345,
                gid: 12_345,
            },
            groups: Vec::new(),
            workdir: None,
            network: NetworkMode::Stack {
                network: format!("t{}", self.id),
                aliases: vec![service.to_owned()],
            },
            ports: Vec::new(),
            binds: Vec::new(),
            tmpfs: Vec::new(),
            read_only: true,
            capabilities: Vec::new(),
            apparmor: None,
            init: true,
            shm_bytes: None,
            gpus: Vec::new(),
            limits: Limits {
                memory_bytes: Some(32 << 20),
                milli_cpus: Some(200),
                pids: 16,
            },
            cgroup_parent: None,
            engine_health: EngineHealth {
                test: Vec::new(),
                interval_seconds: 60,
                start_seconds: 5,
            },
            stop_signal: Some("SIGKILL".to_owned()),
            stop_seconds: 1,
            labels: self.labels(),
            config_fingerprint: None,
        }
    }
}

/// Takes away whatever the contract left on an engine.
pub async fn tidy<E: Engine>(engine: &E, case: &EngineCase) {
    for name in ["one", "two", "three"] {
        let _ = engine
            .container_remove(&format!("t{}-{name}", case.id), true)
            .await;
    }
    let _ = engine.network_remove(&format!("t{}", case.id)).await;
}

/// The contract of an engine. Leaves nothing behind when it holds; [`tidy`] does the rest.
///
/// # Panics
/// Where the engine does something else.
pub async fn engine<E: Engine>(engine: &E, case: &EngineCase) {
    let spec = case.network();
    let network = engine
        .network_create(&spec)
        .await
        .expect("a network is made");
    let again = engine
        .network_create(&spec)
        .await
        .expect_err("a name is held once");
    assert!(
        matches!(
            again,
            EngineError::NameTaken { .. } | EngineError::SubnetTaken { .. }
        ),
        "{again:?}"
    );
    let found = engine
        .network_inspect(&spec.name)
        .await
        .expect("found by its name");
    assert_eq!((&found.id, &found.labels), (&network, &spec.labels));
    assert_eq!(found.subnets, [case.subnet.to_string()]);
    assert_eq!(found.attached, [""; 0]);

    let one = case.container("one");
    let hash = one.hash();
    let life = Life::Service { hash: &hash };
    let id = engine
        .container_create(&one, life)
        .await
        .expect("a container is made");
    let again = engine
        .container_create(&one, life)
        .await
        .expect_err("a name is held once");
    assert!(matches!(again, EngineError::NameTaken { .. }), "{again:?}");
    let absent = ContainerSpec {
        image: "localhost/aiplat/nowhere:1".to_owned(),
        ..case.container("three")
    };
    let absent = engine
        .container_create(&absent, life)
        .await
        .expect_err("no such image");
    assert!(
        matches!(absent, EngineError::ImageAbsent { .. }),
        "{absent:?}"
    );

    let made = engine
        .container_inspect(one.name.as_str())
        .await
        .expect("found by its name");
    assert_eq!(
        (made.state, made.pid, &made.id),
        (ContainerState::Created, None, &id)
    );
    assert!(made.belongs_to(&case.id) && !made.is_up());
    assert_eq!(made.labels.get(label::SPEC_HASH), Some(&hash));
    assert_eq!(
        made.labels.get(label::SERVICE).map(String::as_str),
        Some("one")
    );

    engine.container_start(&id).await.expect("it starts");
    engine
        .container_start(&id)
        .await
        .expect("a running one is left alone");
    let up = engine
        .container_inspect(&id)
        .await
        .expect("found by its id");
    assert_eq!(up.state, ContainerState::Running);
    assert!(
        up.pid.is_some() && up.addresses.contains_key(&spec.name),
        "{up:?}"
    );
    assert_eq!(
        engine
            .network_inspect(&network)
            .await
            .expect("there")
            .attached,
        [one.name.to_string()]
    );
    let listed = engine.containers().await.expect("a list");
    let listed = listed.iter().find(|c| c.id == id).expect("all are listed");
    assert_eq!(
        (listed.name.as_str(), listed.state),
        (one.name.as_str(), ContainerState::Running)
    );
    assert!(
        listed.networks.keys().eq([&spec.name]),
        "{:?}",
        listed.networks
    );

    let busy = engine
        .network_remove(&network)
        .await
        .expect_err("somebody is attached");
    assert!(matches!(busy, EngineError::Refused { .. }), "{busy:?}");
    let running = engine
        .container_remove(&id, false)
        .await
        .expect_err("it runs");
    assert!(
        matches!(running, EngineError::Refused { status: 409, .. }),
        "{running:?}"
    );

    attached(engine, &id).await;
    let usage = engine.container_usage(&id).await.expect("an answer");
    let usage = usage.expect("one that runs uses something");
    assert_eq!(usage.memory_limit_bytes, 32 << 20);
    assert!(usage.processes > 0 && usage.memory_bytes > 0, "{usage:?}");

    // the dance of a replacement
    engine
        .container_rename(&id, &one.name.superseded())
        .await
        .expect("a running one can be renamed");
    let successor = engine
        .container_create(&one, life)
        .await
        .expect("the name is free");
    let taken = engine
        .container_rename(&id, one.name.as_str())
        .await
        .expect_err("the name is held");
    assert!(matches!(taken, EngineError::NameTaken { .. }), "{taken:?}");
    engine
        .container_remove(&successor, false)
        .await
        .expect("one that never ran needs no force");
    engine
        .container_rename(&id, one.name.as_str())
        .await
        .expect("the name is free again");

    // another one in its network namespace
    let guest = ContainerSpec {
        network: NetworkMode::Container {
            service: one.service.clone(),
            name: one.name.clone(),
        },
        ..case.container("two")
    };
    let guest = engine.container_create(&guest, life).await.expect("made");
    engine.container_start(&guest).await.expect("started");
    let shared = engine.container_inspect(&guest).await.expect("there");
    assert!(
        shared.network_mode.starts_with("container:"),
        "{}",
        shared.network_mode
    );
    assert!(shared.addresses.is_empty(), "{:?}", shared.addresses);
    engine
        .container_remove(&guest, true)
        .await
        .expect("force kills");

    // frozen, and on again
    engine.container_pause(&id).await.expect("it freezes");
    engine
        .container_pause(&id)
        .await
        .expect("a frozen one is left alone");
    let frozen = engine.container_inspect(&id).await.expect("there");
    assert_eq!(frozen.state, ContainerState::Paused);
    let refused = engine
        .container_start(&id)
        .await
        .expect_err("a frozen one is not started");
    assert!(
        matches!(refused, EngineError::Refused { .. }),
        "{refused:?}"
    );
    engine.container_unpause(&id).await.expect("it goes on");
    engine
        .container_unpause(&id)
        .await
        .expect("one that is not frozen is left alone");
    let on = engine.container_inspect(&id).await.expect("there");
    assert_eq!(on.state, ContainerState::Running);

    engine.container_stop(&id, 1).await.expect("it stops");
    let refused = engine
        .container_pause(&id)
        .await
        .expect_err("a stopped one cannot be frozen");
    assert!(
        matches!(refused, EngineError::Refused { .. }),
        "{refused:?}"
    );
    engine
        .container_stop(&id, 1)
        .await
        .expect("a stopped one is left alone");
    assert!(!engine.container_inspect(&id).await.expect("there").is_up());
    let usage = engine.container_usage(&id).await.expect("an answer");
    assert_eq!(usage, None, "one that does not run uses nothing");
    happened(engine, &case.id).await;
    engine.container_wait(&id).await.expect("it has ended");
    engine.container_remove(&id, true).await.expect("gone");
    engine
        .network_remove(&network)
        .await
        .expect("nobody is attached");

    let gone = |error: EngineError| assert!(error.is_absent(), "{error:?}");
    gone(engine.container_inspect(&id).await.expect_err("gone"));
    gone(engine.container_start(&id).await.expect_err("gone"));
    gone(engine.container_stop(&id, 1).await.expect_err("gone"));
    gone(engine.container_pause(&id).await.expect_err("gone"));
    gone(engine.container_unpause(&id).await.expect_err("gone"));
    gone(engine.container_remove(&id, true).await.expect_err("gone"));
    gone(engine.container_rename(&id, "x1").await.expect_err("gone"));
    gone(engine.network_inspect(&network).await.expect_err("gone"));
    gone(engine.network_remove(&network).await.expect_err("gone"));
}

/// A command gives back what it was given, and its exit code.
async fn attached<E: Engine>(engine: &E, id: &str) {
    let request = |argv: &[&str]| ExecRequest {
        argv: argv.iter().map(ToString::to_string).collect(),
        user: UserOf::Container,
        stdin: true,
        terminal: None,
    };
    let mut run = engine
        .exec_attach(id, &request(&["cat"]))
        .await
        .expect("it runs");
    run.input.write_all(b"there\0and").await.expect("it reads");
    run.input.write_all(b" back").await.expect("it reads");
    run.input.shutdown().await.expect("an end");
    let mut said = Vec::new();
    while let Some(piece) = run.output.next().await {
        said.extend_from_slice(&piece.expect("a piece").bytes);
    }
    assert_eq!(said, b"there\0and back");
    assert_eq!(engine.exec_exit(&run.exec).await.expect("a code"), 0);
}

/// What was done to the stack's containers is told, and of nobody else's.
async fn happened<E: Engine>(engine: &E, stack: &StackId) {
    // until the last of it is told: by a clock that goes back it would be told of too early
    let question = EventQuestion {
        stack: stack.clone(),
        since: Some(0),
        until: None,
    };
    let mut events = Vec::new();
    let mut told = Box::pin(engine.events(question));
    let listened = async {
        while let Some(event) = told.next().await {
            events.push(event.expect("an event"));
            if events.last().is_some_and(|e| e.action == "die") {
                break;
            }
        }
    };
    let patience = std::time::Duration::from_secs(120);
    let _ = tokio::time::timeout(patience, listened).await;
    assert!(events.iter().all(|e| e.belongs_to(stack)), "{events:?}");
    let at = |action: &str| events.iter().position(|e| e.action == action);
    assert!(
        at("start").is_some() && at("start") < at("die"),
        "{events:?}"
    );
}

/// The contract of a host's files, below an empty directory of `owner`'s.
///
/// # Panics
/// Where the host does something else.
pub fn host<H: Host>(host: &H, root: &Path, owner: Owner) {
    let directory = |below: &str, mode| DirectorySpec {
        path: root.join(below),
        owner,
        mode,
    };
    let file = |below: &str, text: &str, mode| FileSpec {
        path: root.join(below),
        content: Text::plain(text),
        owner,
        mode,
    };
    // directories
    let data = directory("data", 0o750);
    let early = host
        .make_directory(&directory("data/deep", 0o750))
        .expect_err("no parent");
    assert!(matches!(early, HostError::NoParent { .. }), "{early:?}");
    assert_eq!(
        host.path_state(&data.path).expect("a look"),
        PathState::Absent
    );
    assert_eq!(host.make_directory(&data).expect("made"), Outcome::Created);
    assert_eq!(
        host.make_directory(&data).expect("there"),
        Outcome::Unchanged
    );
    let made = PathState::Directory {
        owner,
        mode: 0o750,
        empty: true,
    };
    assert_eq!(host.path_state(&data.path).expect("a look"), made);
    let narrower = host
        .make_directory(&directory("data", 0o700))
        .expect("narrowed");
    assert_eq!(narrower, Outcome::Changed);
    assert_eq!(
        host.make_directory(&data).expect("a narrower mode stays"),
        Outcome::Unchanged
    );

    // files
    let note = file("data/note", "one", 0o640);
    let nowhere = host
        .write_file(&file("nowhere/note", "x", 0o600))
        .expect_err("no parent");
    assert!(matches!(nowhere, HostError::NoParent { .. }), "{nowhere:?}");
    assert_eq!(host.write_file(&note).expect("written"), Outcome::Created);
    assert_eq!(host.write_file(&note).expect("there"), Outcome::Unchanged);
    let changed = file("data/note", "two", 0o600);
    assert_eq!(
        host.write_file(&changed).expect("written"),
        Outcome::Changed
    );
    let state = PathState::File {
        owner,
        mode: 0o600,
        sha256: changed.content.content_hash(),
    };
    assert_eq!(host.path_state(&note.path).expect("a look"), state);
    assert_eq!(
        host.read_file(&note.path, 9).expect("read"),
        Some(b"two".to_vec())
    );
    assert!(matches!(
        host.read_file(&note.path, 2),
        Err(HostError::TooLarge { .. })
    ));
    assert_eq!(
        host.read_file(&root.join("data/none"), 9).expect("read"),
        None
    );
    let wrong = host
        .make_directory(&directory("data/note", 0o750))
        .expect_err("a file is there");
    assert!(
        matches!(wrong, HostError::NotADirectory { .. }),
        "{wrong:?}"
    );
    let wrong = host
        .write_file(&file("data", "x", 0o600))
        .expect_err("a directory is there");
    assert!(matches!(wrong, HostError::NotAFile { .. }), "{wrong:?}");
    let inside = host
        .path_state(&root.join("data/note/deep"))
        .expect("a look below a file");
    assert_eq!(inside, PathState::Absent);

    // a journal
    for line in ["a", "b"] {
        host.append_line(&file("data/journal", line, 0o600))
            .expect("appended");
    }
    let journal = host
        .read_file(&root.join("data/journal"), 99)
        .expect("read");
    assert_eq!(journal, Some(b"a\nb\n".to_vec()));

    // another name
    let (moved, again) = (root.join("data/moved"), root.join("data/again"));
    host.make_directory(&directory("data/deep", 0o750))
        .expect("made");
    let inner = file("data/deep/inner", "deep", 0o600);
    host.write_file(&inner).expect("written");
    host.rename(&root.join("data/deep"), &moved).expect("moved");
    let read = host.read_file(&moved.join("inner"), 9).expect("read");
    assert_eq!(read, Some(b"deep".to_vec()));
    assert_eq!(
        host.path_state(&inner.path).expect("a look"),
        PathState::Absent
    );
    host.rename(&note.path, &again).expect("moved");
    for (from, to) in [(&moved, &again), (&note.path, &inner.path)] {
        let taken = host.rename(from, to).expect_err("taken, or not there");
        assert!(
            matches!(taken, HostError::Io { .. } | HostError::NoParent { .. }),
            "{taken:?}"
        );
    }
    host.rename(&again, &note.path).expect("moved");
    host.remove_own(&moved).expect("removed");
    host.remove_own(&moved).expect("an absent one is fine");
    assert_eq!(host.path_state(&moved).expect("a look"), PathState::Absent);

    // removal
    host.remove_file(&note.path).expect("removed");
    host.remove_file(&note.path).expect("an absent one is fine");
    assert!(matches!(
        host.remove_file(&data.path),
        Err(HostError::NotAFile { .. })
    ));
    let outside = host
        .purge_directory(Path::new("/etc"), root)
        .expect_err("outside");
    assert!(
        matches!(outside, HostError::NotContained { .. }),
        "{outside:?}"
    );
    host.make_directory(&directory("data/config", 0o750))
        .expect("made");
    host.write_file(&file("data/config/stack-id", "0123456789ab\n", 0o600))
        .expect("written");
    let other = host
        .purge_directory(&data.path, root)
        .expect_err("another stack is in it");
    assert!(matches!(other, HostError::OtherStack { .. }), "{other:?}");
    host.remove_file(&root.join("data/config/stack-id"))
        .expect("removed");
    host.purge_directory(&data.path, root).expect("purged");
    host.purge_directory(&data.path, root)
        .expect("an absent one is fine");
    assert_eq!(
        host.path_state(&data.path).expect("a look"),
        PathState::Absent
    );
}
