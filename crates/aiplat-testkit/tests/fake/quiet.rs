//! Runs in which nothing goes wrong.

use aiplat_core::observed::ContainerState;
use aiplat_testkit::fake::Trouble;
use aiplat_testkit::fake::simulate::simulate;
use aiplat_testkit::fake::stack::Recipe;

use crate::support::{catalogue, everything, machine, run, stack};

/// Calls that only an engine is asked.
fn of_engine(calls: &[String]) -> Vec<&String> {
    let host = [
        "make directory",
        "write",
        "append to",
        "limit",
        "guard",
        "load profiles",
    ];
    calls
        .iter()
        .filter(|call| !host.iter().any(|h| call.starts_with(h)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_service_comes_up_with_every_store_and_a_second_run_changes_nothing() {
    let catalogue = catalogue();
    for store in ["qdrant", "pgvector", "weaviate", "chroma"] {
        let (machine, stack) = (machine(&catalogue), stack(&everything(store), &catalogue));
        let run = run(&machine, &stack, &catalogue);
        run.deploy()
            .await
            .unwrap_or_else(|error| panic!("{store}: {error}"));
        let first = machine.picture();
        let own: Vec<_> = first.of_stack(stack.config.id.as_str()).collect();
        assert_eq!(
            own.len(),
            stack.config.selection.services().len(),
            "{own:?}"
        );
        assert!(
            first
                .containers
                .values()
                .all(|c| c.state == ContainerState::Running)
        );

        let (ids, starts) = (machine.ids(), machine.starts());
        machine.trouble(Trouble::Never);
        let report = run.deploy().await.unwrap();
        assert_eq!(report.changes(), 0, "{store}: {:?}", report.steps);
        assert_eq!(machine.picture().differences(&first), [""; 0], "{store}");
        assert_eq!((machine.ids(), machine.starts()), (ids, starts), "{store}");
        let calls = machine.calls();
        // commands in containers are the only probe of a service without a port
        let asked: Vec<_> = of_engine(&calls)
            .into_iter()
            .filter(|c| !c.starts_with("run "))
            .collect();
        let beyond = asked.len().saturating_sub(4);
        let portless = run.desired.services.iter().filter(|s| {
            use aiplat_core::spec::Probe;
            matches!(
                s.gate.probe,
                Probe::Exec { .. } | Probe::Alive { .. } | Probe::Engine
            )
        });
        assert!(beyond <= 1 + 3 * portless.count(), "{store}: {asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_without_changes_asks_the_engine_five_times_at_most() {
    let catalogue = catalogue();
    let recipe = Recipe::named("a", 1).with(
        "SERVICES",
        "redis,n8n,grafana,prometheus,caddy,openwebui,ollama",
    );
    let (machine, stack) = (machine(&catalogue), stack(&recipe, &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    machine.trouble(Trouble::Never);
    let report = run.deploy().await.unwrap();
    assert_eq!(report.changes(), 0);
    let calls = machine.calls();
    assert!(of_engine(&calls).len() <= 5, "{calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_behind_is_what_the_model_says() {
    let catalogue = catalogue();
    let (machine, stack) = (
        machine(&catalogue),
        stack(
            &everything("pgvector")
                .with("STACK_PIDS", "4096")
                .with("STACK_DISK", "20g"),
            &catalogue,
        ),
    );
    let run = run(&machine, &stack, &catalogue);
    let before = run.observe().await.unwrap();
    let plan = run.plan().await.unwrap();
    let model = simulate(&plan, &before);
    run.apply(&plan, &|_: aiplat_docker::events::Event<'_>| {})
        .await
        .unwrap();
    let after = run.observe().await.unwrap();
    assert_eq!(
        after.paths,
        model
            .paths
            .into_iter()
            .filter(|(p, _)| after.paths.contains_key(p))
            .collect()
    );
    assert_eq!(after.host.firewall, model.host.firewall);
    assert_eq!(after.host.apparmor, model.host.apparmor);
    assert_eq!(after.host.cgroup, model.host.cgroup);
    assert_eq!(after.host.quota, model.host.quota);
    let shown = |all: &[aiplat_core::observed::ObservedContainer]| {
        let mut all: Vec<_> = all
            .iter()
            .map(|c| {
                (
                    c.name.clone(),
                    c.image.clone(),
                    c.labels.clone(),
                    c.ports.clone(),
                )
            })
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    };
    assert_eq!(shown(&after.containers), shown(&model.containers));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_teardown_leaves_exactly_what_was_there_before() {
    let catalogue = catalogue();
    let (machine, a) = (
        machine(&catalogue),
        stack(
            &everything("qdrant")
                .with("STACK_PIDS", "4096")
                .with("STACK_DISK", "20g"),
            &catalogue,
        ),
    );
    let first = run(&machine, &a, &catalogue);
    first.deploy().await.unwrap();
    let observed = first.observe().await.unwrap();
    let mut register = aiplat_core::allocation::Register::default();
    a.reserve(&mut register);
    let recipe = Recipe::named("b", 2).with("SERVICES", "redis,n8n,caddy");
    let b = recipe
        .on(&observed, &register, &catalogue)
        .unwrap_or_else(|s| panic!("{s}"));
    machine.volume("/mnt/b");
    let (before, ids, starts) = (machine.picture(), machine.ids(), machine.starts());

    let second = run(&machine, &b, &catalogue);
    second.deploy().await.unwrap();
    assert!(machine.picture().containers.contains_key("b-redis"));
    second.teardown(true).await.unwrap();
    assert_eq!(machine.picture().differences(&before), [""; 0]);
    assert_eq!(
        (machine.ids(), machine.starts()),
        (ids, starts),
        "same objects, none restarted"
    );
    assert_eq!(machine.released(), [b.config.id.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_somebody_else_holds_is_refused_and_nothing_is_touched() {
    let catalogue = catalogue();
    let (machine, stack) = (
        machine(&catalogue),
        stack(&Recipe::named("a", 1).with("SERVICES", "redis"), &catalogue),
    );
    let run = run(&machine, &stack, &catalogue);
    machine.foreign_container(&run.desired.services[0].container, "a-redis");
    let before = machine.picture();
    machine.trouble(Trouble::Never);
    let error = run.plan().await.unwrap_err().to_string();
    assert!(
        error.contains("`a-redis`") && error.contains("CONTAINER_PREFIX"),
        "{error}"
    );
    assert_eq!(machine.picture().differences(&before), [""; 0]);
    let calls = machine.calls();
    assert_eq!(
        calls,
        ["facts", "containers", "networks", "images"],
        "only looked"
    );
}
