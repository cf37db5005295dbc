//! A service that is added to a stack that runs, and one that is taken out of it: a refusal and a death at every call.

use aiplat_core::names::ServiceName;
use aiplat_testkit::fake::stack::Recipe;
use aiplat_testkit::fake::{Machine, Picture, Run, RunError};

use crate::support::{catalogue, everywhere, machine, run, stack};

fn before() -> Recipe {
    Recipe::named("a", 1).with("SERVICES", "prometheus,caddy")
}

/// With a service that has data, secrets, a route and a scrape job, so that others are told of it.
fn with_grafana() -> Recipe {
    before().with("SERVICES", "prometheus,caddy,grafana")
}

/// Beside one that has a database of its own, in the same server.
fn beside() -> Recipe {
    Recipe::named("a", 1)
        .with("SERVICES", "flowise")
        .with("VECTOR_DB", "pgvector")
}

fn with_n8n() -> Recipe {
    beside().with("SERVICES", "flowise,n8n")
}

fn grafana() -> [ServiceName; 1] {
    ["grafana".parse().unwrap()]
}

async fn deploy(run: &Run<'_>) -> Result<(), RunError> {
    run.deploy().await.map(drop)
}

async fn purge(run: &Run<'_>) -> Result<(), RunError> {
    run.forget(&grafana()).await.map(drop)
}

/// Everything by whose name the service could be found.
fn traces(picture: &Picture) -> Vec<String> {
    let files = picture.tree.keys().map(|path| path.display().to_string());
    let containers = picture.containers.keys().cloned();
    let all = files.chain(containers);
    all.filter(|name| name.contains("grafana")).collect()
}

/// Starts of all containers but the service's.
fn others(machine: &Machine) -> Vec<(String, u32)> {
    let starts = machine.starts().into_iter();
    starts
        .filter(|(name, _)| !name.contains("grafana"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_addition_that_dies_is_finished_by_itself() {
    let catalogue = catalogue();
    let (machine, old, new) = (
        machine(&catalogue),
        stack(&before(), &catalogue),
        stack(&with_grafana(), &catalogue),
    );
    run(&machine, &old, &catalogue).deploy().await.unwrap();
    let started = others(&machine);
    let run = run(&machine, &new, &catalogue);
    let calls = everywhere(&machine, &run, deploy, deploy).await;
    assert!(calls > 40, "{calls}");
    run.deploy().await.unwrap();
    assert_eq!(others(&machine), started, "nothing else was started again");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_never_healthy_is_undone_wherever_its_run_dies() {
    let catalogue = catalogue();
    let (machine, old, new) = (
        machine(&catalogue),
        stack(&before(), &catalogue),
        stack(&with_grafana(), &catalogue),
    );
    run(&machine, &old, &catalogue).deploy().await.unwrap();
    let added = run(&machine, &new, &catalogue);
    let service = added.desired.service(&grafana()[0]).unwrap();
    machine.ends(&service.container.image, 3, &["no"]);
    let start = machine.picture();
    // what the operation does: the plan with the service, and after a failure the plan without it and its own things
    let add = async |added: &Run<'_>| match added.deploy().await {
        Err(died @ RunError::Died(_)) => Err(died),
        Err(_) => purge(&run(added.machine, &old, &catalogue)).await,
        Ok(_) => panic!("a service that ends became healthy"),
    };
    let undone = machine.fork();
    add(&added.on(&undone)).await.unwrap();
    let differences = undone.picture().differences(&start);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(others(&undone), others(&machine));
    everywhere(&machine, &added, add, add).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_dies_is_finished_by_itself_with_and_without_a_purge() {
    let catalogue = catalogue();
    let (machine, old, new) = (
        machine(&catalogue),
        stack(&before(), &catalogue),
        stack(&with_grafana(), &catalogue),
    );
    run(&machine, &old, &catalogue).deploy().await.unwrap();
    let start = machine.picture();
    run(&machine, &new, &catalogue).deploy().await.unwrap();
    let removed = run(&machine, &old, &catalogue);
    let started = others(&machine);
    everywhere(&machine, &removed, deploy, deploy).await;
    everywhere(&machine, &removed, purge, purge).await;
    // what a removal left can be purged later
    let later = machine.fork();
    deploy(&removed.on(&later)).await.unwrap();
    let kept = traces(&later.picture());
    let data = kept.iter().any(|path| path.contains("data/grafana"));
    assert!(data, "{kept:?}");
    let profiles: Vec<_> = kept.iter().filter(|p| p.contains("apparmor")).collect();
    assert!(profiles.is_empty(), "{profiles:?}");
    everywhere(&later, &removed.on(&later), purge, purge).await;
    purge(&removed.on(&later)).await.unwrap();
    assert_eq!(traces(&later.picture()), Vec::<String>::new());
    let differences = later.picture().differences(&start);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(others(&later), started);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purge_takes_its_databases_along_and_nobody_elses_wherever_it_dies() {
    let catalogue = catalogue();
    let (machine, old, new) = (
        machine(&catalogue),
        stack(&beside(), &catalogue),
        stack(&with_n8n(), &catalogue),
    );
    run(&machine, &old, &catalogue).deploy().await.unwrap();
    let start = machine.picture();
    run(&machine, &new, &catalogue).deploy().await.unwrap();
    let (before, _) = &machine.picture().databases["a-postgres"];
    let own = before.keys().filter(|name| name.contains("n8n")).count();
    assert_eq!(own, 2, "one of its own and one for its vectors: {before:?}");
    let removed = run(&machine, &old, &catalogue);
    // what is only removed keeps them
    let kept = machine.fork();
    deploy(&removed.on(&kept)).await.unwrap();
    assert_eq!(kept.picture().databases["a-postgres"].0, *before);
    let purge = async |run: &Run<'_>| run.forget(&["n8n".parse().unwrap()]).await.map(drop);
    everywhere(&machine, &removed, purge, purge).await;
    everywhere(&kept, &removed.on(&kept), purge, purge).await;
    purge(&removed).await.unwrap();
    let differences = machine.picture().differences(&start);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
