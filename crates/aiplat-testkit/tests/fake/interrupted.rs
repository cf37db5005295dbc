//! A refusal and a death at every single call of engine and host, journal records included, and then the same again:
//! the same end, nothing twice, nothing left over.

use std::collections::BTreeSet;

use aiplat_core::observed::ContainerState;
use aiplat_docker::engine::Engine as _;
use aiplat_testkit::fake::stack::{CANARY, Recipe};
use aiplat_testkit::fake::{Machine, Run, RunError, Trouble};

use crate::support::{catalogue, machine, run, stack};

/// What was tried of one scenario.
struct Tried {
    calls: usize,
    refusals: usize,
    deaths: usize,
}

/// Brings each trouble at each call of `act` on a copy of `start`, and repeats it without.
async fn everywhere(
    what: &str,
    start: &Machine,
    run: &Run<'_>,
    act: impl AsyncFn(&Run<'_>) -> Result<(), RunError>,
) -> Tried {
    let quiet = start.fork();
    quiet.trouble(Trouble::Never);
    act(&run.on(&quiet))
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}"));
    let (wanted, calls) = (quiet.picture(), quiet.calls());
    let mut tried = Tried {
        calls: calls.len(),
        refusals: 0,
        deaths: 0,
    };
    let journal = calls.iter().filter(|c| c.starts_with("append to")).count();
    assert!(journal >= 2, "{what}: {calls:?}");
    for n in 0..calls.len() {
        let before = (n == 0).then_some(Trouble::DieBefore(0));
        for trouble in [Trouble::Refuse(n), Trouble::DieAfter(n)]
            .into_iter()
            .chain(before)
        {
            let machine = start.fork();
            let run = run.on(&machine);
            machine.trouble(trouble);
            let first = act(&run).await;
            let calls = machine.calls();
            let at = format!(
                "{what}, {trouble:?} at `{}`",
                calls.get(n).map_or("", String::as_str)
            );
            match first {
                Err(RunError::Died(_)) => tried.deaths += 1,
                Err(error) => {
                    tried.refusals += 1;
                    told(&at, &error);
                    still_there(&at, start, &machine, &wanted);
                }
                // somebody else was to remove it, and it is gone
                Ok(()) => assert!(
                    calls.len() <= n || matches!(trouble, Trouble::Refuse(_)),
                    "{at}"
                ),
            }
            machine.trouble(Trouble::Never);
            act(&run)
                .await
                .unwrap_or_else(|error| panic!("{at}, again: {error}"));
            let differences = machine.picture().differences(&wanted);
            assert!(differences.is_empty(), "{at}:\n{}", differences.join("\n"));
        }
    }
    tried
}

/// A refusal is told in words, without a secret.
fn told(at: &str, error: &RunError) {
    let words = format!("{error} {error:?}");
    let plain =
        words.contains("the test wants it so") || words.contains("disk or the quota is full");
    assert!(plain || words.contains("NoSpace"), "{at}: {words}");
    assert!(!words.contains(CANARY), "{at}: {words}");
}

/// A refusal takes down nothing that ran before and is wanted.
fn still_there(
    at: &str,
    start: &Machine,
    machine: &Machine,
    wanted: &aiplat_testkit::fake::Picture,
) {
    let (before, now) = (start.picture(), machine.picture());
    let ran = before
        .containers
        .iter()
        .filter(|(_, c)| c.state == ContainerState::Running);
    for (name, _) in ran.filter(|(name, _)| wanted.containers.contains_key(*name)) {
        let state = now.containers.get(name).map(|c| c.state);
        assert_eq!(state, Some(ContainerState::Running), "{at}: `{name}`");
    }
}

#[allow(
    clippy::print_stdout,
    reason = "how much was tried is what the run is for"
)]
fn report(what: &str, tried: &Tried) {
    println!(
        "{what}: {} calls, {} refusals and {} deaths survived",
        tried.calls, tried.refusals, tried.deaths
    );
    assert!(
        tried.refusals > tried.calls / 2 && tried.deaths > tried.calls / 2,
        "{what}"
    );
}

fn first() -> Recipe {
    Recipe::named("a", 1)
        .with("SERVICES", "n8n,caddy")
        .with("STACK_PIDS", "4096")
        .with("STACK_DISK", "20g")
        .with("VECTOR_DB", "pgvector")
}

/// Another image of a database, one more service that the front door must be told of, and one that goes.
fn second() -> Recipe {
    first()
        .with("SERVICES", "redis,postgres,grafana,caddy")
        .with("STACK_DISK", "30g")
        .with("IMAGE_POSTGRES", "registry.example/postgres:17.99")
}

async fn deploy(run: &Run<'_>) -> Result<(), RunError> {
    run.deploy().await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_deploy() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&first(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    report(
        "first deploy",
        &everywhere("first deploy", &machine, &run, deploy).await,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_deploy() {
    let catalogue = catalogue();
    let (machine, old, new) = (
        machine(&catalogue),
        stack(&first(), &catalogue),
        stack(&second(), &catalogue),
    );
    run(&machine, &old, &catalogue).deploy().await.unwrap();
    let run = run(&machine, &new, &catalogue);
    report(
        "changed deploy",
        &everywhere("changed deploy", &machine, &run, deploy).await,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_after_everything_was_stopped() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&first(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    for (_, name) in run.plan().await.unwrap().services {
        machine
            .engine
            .container_stop(name.as_str(), 1)
            .await
            .unwrap();
    }
    report(
        "start again",
        &everywhere("start again", &machine, &run, deploy).await,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_of_what_a_killed_backup_left_frozen() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&first(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let running = machine.picture();
    for name in ["a-n8n", "a-postgres"] {
        machine.engine.container_pause(name).await.unwrap();
    }
    report("thaw", &everywhere("thaw", &machine, &run, deploy).await);
    run.deploy().await.unwrap();
    let differences = machine.picture().differences(&running);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teardown_with_and_without_data() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&first(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    for purge in [false, true] {
        let act = async |run: &Run<'_>| run.teardown(purge).await.map(drop);
        let quiet = machine.fork();
        act(&run.on(&quiet)).await.unwrap();
        assert_eq!(quiet.picture().containers.len(), 1, "somebody else's alone");
        if purge {
            let tried = everywhere_unjournalled("purge", &machine, &run, act).await;
            report("purge", &tried);
        } else {
            report(
                "teardown",
                &everywhere("teardown", &machine, &run, act).await,
            );
        }
    }
}

/// A purge takes the journal's own directory away, so it has none.
async fn everywhere_unjournalled(
    what: &str,
    start: &Machine,
    run: &Run<'_>,
    act: impl AsyncFn(&Run<'_>) -> Result<(), RunError>,
) -> Tried {
    let quiet = start.fork();
    quiet.trouble(Trouble::Never);
    act(&run.on(&quiet)).await.unwrap();
    let (wanted, total) = (quiet.picture(), quiet.calls().len());
    let mut tried = Tried {
        calls: total,
        refusals: 0,
        deaths: 0,
    };
    for n in 0..total {
        for trouble in [Trouble::Refuse(n), Trouble::DieAfter(n)] {
            let machine = start.fork();
            let run = run.on(&machine);
            machine.trouble(trouble);
            match act(&run).await {
                Err(RunError::Died(_)) => tried.deaths += 1,
                Err(_) => tried.refusals += 1,
                Ok(()) => {}
            }
            machine.trouble(Trouble::Never);
            act(&run)
                .await
                .unwrap_or_else(|error| panic!("{what}, {trouble:?}, again: {error}"));
            let differences = machine.picture().differences(&wanted);
            assert!(
                differences.is_empty(),
                "{what}, {trouble:?}:\n{}",
                differences.join("\n")
            );
        }
    }
    tried
}

#[tokio::test(flavor = "multi_thread")]
async fn these_runs_have_every_kind_of_step() {
    let catalogue = catalogue();
    let (machine, old, new) = (
        machine(&catalogue),
        stack(&first(), &catalogue),
        stack(&second(), &catalogue),
    );
    let mut kinds = BTreeSet::new();
    let mut note = |plan: &aiplat_core::plan::Plan| {
        let json = serde_json::to_value(plan).unwrap();
        for step in json["steps"].as_array().unwrap() {
            let step = &step["step"];
            let kind = step["kind"].as_str().or(step.as_str());
            kinds.insert(kind.unwrap_or("?").to_owned());
        }
    };
    let one = run(&machine, &old, &catalogue);
    note(&one.plan().await.unwrap());
    one.deploy().await.unwrap();
    let two = run(&machine, &new, &catalogue);
    note(&two.plan().await.unwrap());
    two.deploy().await.unwrap();
    machine.engine.container_stop("a-redis", 1).await.unwrap();
    note(&two.plan().await.unwrap());
    let config = &new.config;
    let purge = aiplat_core::plan::Purge {
        directories: vec![config.path("data")],
    };
    note(&aiplat_core::plan::teardown(
        config.name(),
        &config.id,
        config.base_dir(),
        &config.path("apparmor"),
        &catalogue,
        &two.observe().await.unwrap(),
        Some(&purge),
    ));
    let all = [
        "cgroup",
        "check",
        "container",
        "directories",
        "files",
        "firewall",
        "gate",
        "image",
        "network",
        "profiles",
        "provision",
        "purge-directory",
        "quota",
        "release",
        "reload",
        "remove-cgroup",
        "remove-container",
        "remove-firewall",
        "remove-network",
        "remove-profiles",
        "remove-quota",
        "start",
    ];
    assert_eq!(kinds, all.iter().map(ToString::to_string).collect());
}
