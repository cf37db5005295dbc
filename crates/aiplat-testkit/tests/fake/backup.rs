//! A backup that is refused or dies at every single call of the engine: no service stays paused, and the next run makes
//! its archive.

use std::path::Path;

use aiplat_archive::{Seal, Stamp, Target};
use aiplat_core::observed::ContainerState;
use aiplat_docker::events::Silent;
use aiplat_docker::host::LinuxHost;
use aiplat_docker::stack::{
    BackupError, BackupQuestion, BackupReport, Destination, Places, prepare_backup,
};
use aiplat_testkit::fake::stack::{Recipe, Stack};
use aiplat_testkit::fake::{Machine, Trouble};
use secrecy::ExposeSecret as _;

use crate::support::{catalogue, machine, run, stack};

/// What the fake machine has in memory, as far as a backup reads it from the disk.
fn on_disk(stack: &Stack, base: &Path) {
    let config = &stack.config;
    std::fs::create_dir_all(base.join("config/secrets")).unwrap();
    std::fs::write(base.join("config/.env"), &config.manifest).unwrap();
    std::fs::write(base.join("config/stack-id"), format!("{}\n", config.id)).unwrap();
    for (name, value) in config.secrets.iter() {
        let path = base.join("config/secrets").join(name.as_str());
        std::fs::write(path, value.expose_secret()).unwrap();
    }
    for name in ["grafana", "prometheus"] {
        std::fs::create_dir_all(base.join("data").join(name)).unwrap();
        std::fs::write(base.join("data").join(name).join("file"), name).unwrap();
    }
    std::fs::create_dir_all(base.join("caddy/data")).unwrap();
}

/// A backup on a machine; `None` when it died.
async fn backup(
    machine: &Machine,
    base: &Path,
    state: &Path,
) -> Option<Result<BackupReport, BackupError>> {
    let catalogue = catalogue();
    let host = LinuxHost {
        state_dir: state.to_path_buf(),
        ..LinuxHost::default()
    };
    let question = BackupQuestion {
        base_dir: base.to_path_buf(),
        command: "backup".to_owned(),
        ..BackupQuestion::default()
    };
    let places = Places {
        state_dir: state.to_path_buf(),
        ..Places::default()
    };
    let target = Target::directory(state.join("archives"));
    let destination = Destination {
        target: &target,
        seal: &Seal::Unencrypted,
        at: Stamp::from_unix(1_800_000_000),
        kill_after: None,
    };
    let made = async {
        prepare_backup(&machine.engine, &host, &catalogue, &question, &places)
            .await?
            .run(&machine.engine, &catalogue, &destination, &Silent)
            .await
    };
    tokio::select! {
        biased;
        () = machine.death() => None,
        made = made => Some(made),
    }
}

fn paused(machine: &Machine) -> Vec<String> {
    let picture = machine.picture();
    picture
        .containers
        .iter()
        .filter(|(_, c)| c.state == ContainerState::Paused)
        .map(|(name, _)| name.clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_call_nothing_stays_paused_and_the_next_run_makes_it() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    let (base, state) = (home.join("a"), home.join("state"));
    let catalogue = catalogue();
    let recipe = Recipe::named("a", 1)
        .with("SERVICES", "grafana,caddy")
        .with("BASE_DIR", &base.display().to_string());
    let (start, stack) = (machine(&catalogue), stack(&recipe, &catalogue));
    run(&start, &stack, &catalogue).deploy().await.unwrap();
    on_disk(&stack, &base);

    let quiet = start.fork();
    quiet.trouble(Trouble::Never);
    let report = backup(&quiet, &base, &state).await.unwrap().unwrap();
    assert_eq!(report.contents.services.len(), 3);
    let calls = quiet.calls();
    let pauses = calls.iter().filter(|c| c.starts_with("pause ")).count();
    assert_eq!(pauses, 3, "{calls:?}");
    for (n, call) in calls.iter().enumerate() {
        for trouble in [Trouble::Refuse(n), Trouble::DieAfter(n)] {
            let machine = start.fork();
            machine.trouble(trouble);
            let at = format!("{trouble:?} at `{call}`");
            let _ = std::fs::remove_dir_all(state.join("archives"));
            match backup(&machine, &base, &state).await {
                None => assert!(matches!(trouble, Trouble::DieAfter(_)), "{at}"),
                Some(Ok(_)) => panic!("{at}: expected a refusal to be told"),
                Some(Err(error)) => {
                    assert!(
                        error.to_string().contains("the test wants it so")
                            || matches!(error, BackupError::StillPaused { .. }),
                        "{at}: {error}"
                    );
                    // what the engine refuses to let go on, nobody can
                    if !call.starts_with("unpause ") {
                        assert_eq!(paused(&machine), Vec::<String>::new(), "{at}");
                    }
                    let archives = std::fs::read_dir(state.join("archives"));
                    assert_eq!(archives.into_iter().flatten().count(), 0, "{at}");
                }
            }
            machine.trouble(Trouble::Never);
            let again = backup(&machine, &base, &state).await.unwrap();
            again.unwrap_or_else(|error| panic!("{at}, again: {error}"));
            assert_eq!(paused(&machine), Vec::<String>::new(), "{at}");
            assert!(!base.join("backups/.staging").exists(), "{at}");
        }
    }
}
