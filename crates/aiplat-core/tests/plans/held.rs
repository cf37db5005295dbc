//! Names and places held by somebody else: refused in words, and nothing is planned.

use std::collections::BTreeMap;

use aiplat_core::observed::{
    ContainerState, Observed, ObservedContainer, ObservedNetwork, PathState,
};
use aiplat_core::plan::{Change, PlanProblem, Purge, Step, plan, teardown};
use aiplat_core::spec::Owner;
use aiplat_testkit::fake::simulate::simulate;
use aiplat_testkit::fake::stack::Recipe;
use aiplat_vectordb::StoreKind;

use crate::common::{Case, bare, case, catalogue, everything};

fn foreign(name: &str) -> ObservedContainer {
    ObservedContainer {
        id: format!("foreign-{name}"),
        name: name.to_owned(),
        image: "busybox".to_owned(),
        state: ContainerState::Running,
        status: String::new(),
        labels: BTreeMap::new(),
        networks: BTreeMap::new(),
        ports: Vec::new(),
        mounts: None,
        limits: None,
        differs: None,
        created: 0,
    }
}

fn refused(case: &Case, observed: &Observed) -> Vec<PlanProblem> {
    plan(&case.stack.config, &case.desired, observed).expect_err("a plan was made")
}

#[test]
fn a_foreign_container_or_network_is_never_taken_over() {
    let catalogue = catalogue();
    let host = bare(false);
    let case = case(
        &Recipe::named("a", 1).with("SERVICES", "redis"),
        &host,
        &catalogue,
    );
    for name in ["a-redis", "a-redis.superseded"] {
        let mut held = host.clone();
        held.containers.push(foreign(name));
        let words = refused(&case, &held)[0].to_string();
        assert!(
            words.contains(name) && words.contains("did not make"),
            "{words}"
        );
    }
    let mut held = host.clone();
    held.networks.push(ObservedNetwork {
        id: "n".to_owned(),
        name: "a".to_owned(),
        driver: "bridge".to_owned(),
        subnets: vec![case.stack.config.allocation.subnet],
        labels: BTreeMap::new(),
    });
    assert!(matches!(
        refused(&case, &held)[..],
        [PlanProblem::NetworkHeld { .. }]
    ));
}

#[test]
fn a_stack_of_another_identity_is_named() {
    let catalogue = catalogue();
    let host = bare(false);
    let recipe = |seed| Recipe::named("a", seed).with("SERVICES", "redis");
    let first = case(&recipe(1), &host, &catalogue);
    let there = simulate(&first.plan(&host), &host);
    let second = case(&recipe(2).with("BASE_DIR", "/mnt/other"), &host, &catalogue);
    let words: Vec<_> = refused(&second, &there)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(
        words.iter().all(|w| w.contains("stack `a` in `/mnt/a`")),
        "{words:?}"
    );
}

#[test]
fn wrong_things_at_the_stacks_places_are_told_all_at_once() {
    let catalogue = catalogue();
    let host = bare(false);
    let case = case(
        &Recipe::named("a", 1).with("SERVICES", "redis"),
        &host,
        &catalogue,
    );
    let mut wrong = host.clone();
    let other = Owner {
        uid: 4711,
        gid: 4711,
    };
    let taken = PathState::Directory {
        owner: other,
        mode: 0o750,
        empty: false,
    };
    wrong.paths.insert("/mnt/a/data".into(), PathState::Link);
    wrong.paths.insert("/mnt/a/config".into(), taken);
    wrong
        .paths
        .insert("/mnt/a/config/stack-id".into(), PathState::Other);
    let words: Vec<_> = refused(&case, &wrong)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(words.len(), 3, "{words:?}");
    assert!(
        words.iter().any(|w| w.contains("a symbolic link")),
        "{words:?}"
    );
    assert!(words.iter().any(|w| w.contains("4711:4711")), "{words:?}");
}

#[test]
fn data_of_another_format_is_not_touched() {
    let catalogue = catalogue();
    let host = bare(false);
    let case = case(
        &Recipe::named("a", 1).with("SERVICES", "redis"),
        &host,
        &catalogue,
    );
    let mut older = simulate(&case.plan(&host), &host);
    let owner = Owner {
        uid: 1000,
        gid: 1000,
    };
    let marker = "/mnt/a/data/redis/.aiplat-format";
    let state = PathState::File {
        owner,
        mode: 0o444,
        sha256: "0".repeat(64),
    };
    older.paths.insert(marker.into(), state);
    let words = refused(&case, &older)[0].to_string();
    assert!(
        words.contains("redis") && words.contains("valkey-8") && words.contains(marker),
        "{words}"
    );
}

#[test]
fn a_teardown_takes_exactly_the_stack() {
    let catalogue = catalogue();
    let mut host = bare(true);
    host.containers.push(foreign("somebody"));
    let other = case(
        &Recipe::named("b", 2).with("SERVICES", "redis"),
        &host,
        &catalogue,
    );
    let with_other = simulate(&other.plan(&host), &host);
    let one = case(&everything("a", 1, StoreKind::Pgvector), &host, &catalogue);
    let both = simulate(&one.plan(&with_other), &with_other);
    let config = &one.stack.config;
    let apparmor = config.path("apparmor");
    let purge = Purge {
        directories: ["config", "data", "logs", "apparmor", "caddy", "ssl"]
            .map(|d| config.path(d))
            .into(),
    };
    let plan = teardown(
        config.name(),
        &config.id,
        config.base_dir(),
        &apparmor,
        &catalogue,
        &both,
        Some(&purge),
    );
    assert!(matches!(plan.steps.last().unwrap().step, Step::Release));
    // images are the engine's own store: they stay for whoever wants them next
    let after = Observed {
        images: with_other.images.clone(),
        ..simulate(&plan, &both)
    };
    assert_eq!(after, with_other);
    let kept = teardown(
        config.name(),
        &config.id,
        config.base_dir(),
        &apparmor,
        &catalogue,
        &both,
        None,
    );
    assert!(kept.notes[0].contains("/mnt/a"), "{:?}", kept.notes);
    // whoever got the same user would own the data that stays
    assert!(!kept.steps.iter().any(|s| matches!(s.step, Step::Release)));
    let after = simulate(&kept, &both);
    assert_eq!(after.containers, with_other.containers);
    assert!(
        after.paths.keys().any(|p| p.starts_with("/mnt/a/data")),
        "data stays"
    );
}

#[test]
fn what_an_interrupted_run_was_stopping_is_stopped_to_the_end_and_started() {
    let catalogue = catalogue();
    let host = bare(false);
    let recipe = Recipe::named("a", 1).with("SERVICES", "redis,prometheus");
    let case = case(&recipe, &host, &catalogue);
    let mut there = simulate(&case.plan(&host), &host);
    let redis = there.containers.iter().find(|c| c.name == "a-redis");
    let id = redis.expect("it was made").id.clone();
    there.stopping.insert(id.clone());
    let plan = case.plan(&there);
    let changes: Vec<_> = plan
        .steps
        .iter()
        .filter(|s| s.change != Change::Verify)
        .collect();
    let ids: Vec<&str> = changes.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids, ["stop/redis", "service/redis"]);
    assert!(
        changes[1].after.iter().any(|a| a == "stop/redis"),
        "{:?}",
        changes[1].after
    );
    let acts = changes.iter().map(|s| &s.step).collect::<Vec<_>>();
    assert!(
        matches!(acts[..], [Step::Stop(stop), Step::Start { id: start, .. }] if stop.id == id && *start == id)
    );
}
