//! Restart and reload: what they do, and a refusal and a death at every call of theirs.

use aiplat_core::names::ServiceName;
use aiplat_core::observed::ContainerState;
use aiplat_core::plan::Reach;
use aiplat_core::spec::FileSpec;
use aiplat_docker::engine::Engine as _;
use aiplat_docker::host::Host as _;
use aiplat_testkit::fake::stack::Recipe;
use aiplat_testkit::fake::{Machine, Run, RunError, Trouble};

use crate::support::{catalogue, everything, everywhere, machine, run, stack};

fn names(all: &[&str]) -> Vec<ServiceName> {
    all.iter().map(|name| name.parse().unwrap()).collect()
}

fn recipe() -> Recipe {
    Recipe::named("a", 1).with("SERVICES", "litellm,prometheus,grafana,caddy")
}

async fn deploy(run: &Run<'_>) -> Result<(), RunError> {
    run.deploy().await.map(drop)
}

/// Calls that stop or start a container, by name.
fn stops_and_starts(machine: &Machine) -> Vec<String> {
    let ids = machine.ids();
    let name = |call: &str| {
        let (what, id) = call.split_once(" container ")?;
        let name = ids.iter().find(|(_, own)| *own == id)?.0;
        Some(format!("{what} {name}"))
    };
    let calls = machine.calls();
    let of = |c: &&String| c.starts_with("stop") || c.starts_with("start");
    calls.iter().filter(of).filter_map(|c| name(c)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn dependants_stop_before_what_they_need_and_start_after_it() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let (before, ids) = (machine.starts(), machine.ids());
    machine.trouble(Trouble::Never);
    run.restart(&names(&["redis"]), Reach::Dependants)
        .await
        .unwrap();
    let acts = stops_and_starts(&machine);
    assert_eq!(
        acts,
        [
            "stop a-litellm",
            "stop a-redis",
            "start a-redis",
            "start a-litellm"
        ]
    );
    assert_eq!(machine.ids(), ids, "containers stay");
    machine.trouble(Trouble::Never);
    run.restart(&names(&["redis"]), Reach::Named).await.unwrap();
    assert_eq!(
        stops_and_starts(&machine),
        ["stop a-redis", "start a-redis"]
    );
    let after = machine.starts();
    assert_eq!(after["a-redis"], before["a-redis"] + 2);
    assert_eq!(after["somebody"], before["somebody"]);
    assert_eq!(after["a-caddy"], before["a-caddy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lives_in_anothers_network_namespace_goes_with_it() {
    let catalogue = catalogue();
    let (machine, stack) = (
        machine(&catalogue),
        stack(&everything("qdrant"), &catalogue),
    );
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    machine.trouble(Trouble::Never);
    run.restart(&names(&["tailscale"]), Reach::Named)
        .await
        .unwrap();
    assert_eq!(
        stops_and_starts(&machine),
        [
            "stop a-openclaw",
            "stop a-tailscale",
            "start a-tailscale",
            "start a-openclaw"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_that_dies_is_finished_by_itself_and_by_a_deploy() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let act = async |run: &Run<'_>| run.restart(&[], Reach::Dependants).await.map(drop);
    assert!(everywhere(&machine, &run, act, act).await > 30);
    everywhere(&machine, &run, act, deploy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_a_container_is_refused_before_anything_stops() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    machine
        .engine
        .container_remove("a-litellm", true)
        .await
        .unwrap();
    let before = machine.starts();
    let error = run.restart(&[], Reach::Dependants).await.unwrap_err();
    assert!(
        error.to_string().contains("`litellm` has no container"),
        "{error}"
    );
    assert_eq!(machine.starts(), before);
}

/// One more service that the front door and the collector are told of.
fn second() -> Recipe {
    recipe().with("SERVICES", "litellm,prometheus,grafana,caddy,n8n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_dies_is_finished_by_itself_and_by_a_deploy() {
    let catalogue = catalogue();
    let (machine, old, new) = (
        machine(&catalogue),
        stack(&recipe(), &catalogue),
        stack(&second(), &catalogue),
    );
    run(&machine, &old, &catalogue).deploy().await.unwrap();
    // what the manifest says by now, and nothing was deployed of it
    let run = run(&machine, &new, &catalogue);
    let act = async |run: &Run<'_>| run.reload(&[]).await.map(drop);
    assert!(everywhere(&machine, &run, act, act).await > 15);
    let wanted = machine.fork();
    run.on(&wanted).deploy().await.unwrap();
    for n in 0..40 {
        let machine = machine.fork();
        let run = run.on(&machine);
        machine.trouble(Trouble::DieAfter(n));
        let _ = act(&run).await;
        machine.trouble(Trouble::Never);
        run.deploy().await.unwrap();
        let differences = machine.picture().differences(&wanted.picture());
        assert!(differences.is_empty(), "{n}:\n{}", differences.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_happens_even_where_nothing_changed_and_by_force() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let before = machine.picture();
    machine.trouble(Trouble::Never);
    run.reload(&[]).await.unwrap();
    let calls = machine.calls();
    let forced = |c: &String| c.contains("caddy reload") && c.contains("--force");
    assert!(calls.iter().any(forced), "{calls:?}");
    assert!(calls.iter().any(|c| c.ends_with("SIGHUP")), "{calls:?}");
    let checks = calls.iter().filter(|c| c.starts_with("make container"));
    assert_eq!(checks.count(), 2, "{calls:?}");
    assert!(before.differences(&machine.picture()).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_staged_for_a_check_goes_with_it_or_with_the_next_deploy() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let check = run.desired.service(&"caddy".parse().unwrap()).unwrap();
    let staged = check.check.clone().unwrap().staged;
    let foreign = FileSpec {
        path: staged[0].path.with_file_name("somebody's"),
        ..staged[0].clone()
    };
    machine.host.write_file(&foreign).unwrap();
    let before = machine.picture();
    let left = |machine: &Machine| {
        let tree = machine.picture().tree;
        staged.iter().any(|file| tree.contains_key(&file.path))
    };
    assert!(!left(&machine), "a deploy leaves nothing");
    let mut killed = 0;
    for n in 0..20 {
        let machine = machine.fork();
        let run = run.on(&machine);
        machine.trouble(Trouble::DieAfter(n));
        let _ = run.reload(&names(&["caddy"])).await;
        killed += usize::from(left(&machine));
        machine.trouble(Trouble::Never);
        run.deploy().await.unwrap();
        let differences = machine.picture().differences(&before);
        assert!(differences.is_empty(), "{n}:\n{}", differences.join("\n"));
    }
    assert!(killed > 2, "{killed} runs died between staging and its end");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_changes_nothing_of_the_service() {
    let catalogue = catalogue();
    let (machine, old, new) = (
        machine(&catalogue),
        stack(&recipe(), &catalogue),
        stack(&second(), &catalogue),
    );
    run(&machine, &old, &catalogue).deploy().await.unwrap();
    let run = run(&machine, &new, &catalogue);
    let (caddy, prometheus) = (image(&run, "caddy"), image(&run, "prometheus"));
    let files = |machine: &Machine| machine.picture().tree.into_iter().collect::<Vec<_>>();
    let before = files(&machine);
    // the program that checks it says no
    let checked = machine.fork();
    checked.refuses_checks(&caddy);
    let error = run
        .on(&checked)
        .reload(&names(&["caddy"]))
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("check the configuration"),
        "{error}"
    );
    assert_eq!(files(&checked), before);
    assert_eq!(checked.picture().containers, machine.picture().containers);
    // the running program itself says no
    let refused = machine.fork();
    refused.sick(&caddy);
    let error = run
        .on(&refused)
        .reload(&names(&["caddy"]))
        .await
        .unwrap_err();
    let told = format!("{error:?}");
    assert!(
        told.contains("Configure") && told.contains("stuck: None"),
        "{told}"
    );
    let differing = files(&refused)
        .into_iter()
        .filter(|entry| !before.contains(entry))
        .map(|(path, _)| path);
    assert_eq!(differing.count(), 0);
    assert_ne!(caddy, prometheus);
    let state = refused.picture().containers["a-caddy"].state;
    assert_eq!(state, ContainerState::Running);
}

fn image(run: &Run<'_>, service: &str) -> String {
    let service = run.desired.service(&service.parse().unwrap()).unwrap();
    service.container.image.clone()
}
