//! A plan leads to what is wanted, wherever it is interrupted; a plan for what is there already changes nothing.

use std::path::Path;

use aiplat_core::observed::{ContainerState, Observed};
use aiplat_core::plan::{Change, Plan, Step};
use aiplat_testkit::fake::simulate::simulate;
use aiplat_testkit::fake::stack::Recipe;
use aiplat_vectordb::StoreKind;

use crate::common::{Case, bare, case, catalogue, everything};

fn recipes() -> Vec<Recipe> {
    let mut all: Vec<_> = StoreKind::ALL
        .iter()
        .map(|store| everything("a", 1, *store))
        .collect();
    all.push(Recipe::named("b", 2).with("SERVICES", "redis"));
    all.push(
        everything("c", 3, StoreKind::Pgvector)
            .with("PUBLISH", "front-door")
            .with("STACK_MEMORY", "8g")
            .with("STACK_PIDS", "5000")
            .with("STACK_DISK", "20g"),
    );
    all
}

/// The plan of what the first plan left behind.
fn again(case: &Case, before: &Observed) -> (Observed, Plan) {
    let after = simulate(&case.plan(before), before);
    let plan = case.plan(&after);
    (after, plan)
}

#[test]
fn the_plan_of_its_own_result_is_empty() {
    let catalogue = catalogue();
    for recipe in recipes() {
        for apparmor in [false, true] {
            let host = bare(apparmor);
            let case = case(&recipe, &host, &catalogue);
            let (after, plan) = again(&case, &host);
            let changes: Vec<_> = plan
                .steps
                .iter()
                .filter(|s| s.change != Change::Verify)
                .map(|s| &s.id)
                .collect();
            assert!(changes.is_empty(), "{recipe:?}: {changes:?}");
            assert!(!plan.has_changes());
            assert_eq!(
                plan.steps.len(),
                case.desired.services.len(),
                "a proof of health for each"
            );
            assert_eq!(case.check(&plan, &catalogue), [""; 0]);
            assert_eq!(simulate(&plan, &after), after);
        }
    }
}

/// The first `kept` steps of a plan: every step stands after all it waits for, so that is what a killed run may leave.
fn cut(plan: &Plan, kept: usize) -> Plan {
    Plan {
        steps: plan.steps[..kept].to_vec(),
        ..plan.clone()
    }
}

#[test]
fn a_plan_cut_off_anywhere_is_completed_by_the_next() {
    let catalogue = catalogue();
    let host = bare(true);
    for recipe in [
        everything("a", 1, StoreKind::Pgvector),
        everything("b", 2, StoreKind::Weaviate),
    ] {
        let case = case(&recipe, &host, &catalogue);
        let plan = case.plan(&host);
        let whole = simulate(&plan, &host);
        for kept in (0..plan.steps.len()).step_by(2) {
            let half = simulate(&cut(&plan, kept), &host);
            let rest = case.plan(&half);
            assert_eq!(case.check(&rest, &catalogue), [""; 0]);
            let end = simulate(&rest, &half);
            assert_eq!(
                sorted(end),
                sorted(whole.clone()),
                "cut after {kept}: {}",
                plan.steps[kept].id
            );
        }
    }
}

/// Containers by name, and without the copies of configuration that only a check reads: they may be old.
fn sorted(mut observed: Observed) -> Observed {
    observed.containers.sort_by(|a, b| a.name.cmp(&b.name));
    let staged = |path: &Path| {
        path.components()
            .any(|c| c.as_os_str().to_string_lossy().ends_with(".next"))
    };
    observed.paths.retain(|path, _| !staged(path));
    observed
}

#[test]
fn each_step_left_out_alone_is_done_by_the_next_plan() {
    let catalogue = catalogue();
    let host = bare(true);
    let case = case(&everything("a", 1, StoreKind::Qdrant), &host, &catalogue);
    let plan = case.plan(&host);
    let whole = sorted(simulate(&plan, &host));
    for left_out in (0..plan.steps.len()).step_by(3).chain(0..6) {
        let mut part = plan.clone();
        let step = part.steps.remove(left_out);
        let half = simulate(&part, &host);
        let rest = case.plan(&half);
        assert_eq!(sorted(simulate(&rest, &half)), whole, "without {}", step.id);
    }
}

#[test]
fn one_changed_setting_changes_only_what_depends_on_it() {
    let catalogue = catalogue();
    let host = bare(true);
    let before = everything("a", 1, StoreKind::Qdrant);
    let case_before = case(&before, &host, &catalogue);
    let (there, _) = again(&case_before, &host);
    let after = before.with("IMAGE_GRAFANA", "registry.example/grafana:99.1");
    let case_after = case(&after, &host, &catalogue);
    let plan = case_after.plan(&there);
    let changes: Vec<_> = plan
        .steps
        .iter()
        .filter(|s| s.change != Change::Verify)
        .map(|s| s.id.as_str())
        .collect();
    assert_eq!(
        changes,
        [
            "image/registry.example/grafana:99.1",
            "secrets",
            "service/grafana"
        ]
    );
    let end = simulate(&plan, &there);
    assert!(!case_after.plan(&end).has_changes());
}

#[test]
fn a_rotated_secret_remakes_only_those_that_know_it() {
    let catalogue = catalogue();
    let host = bare(false);
    let recipe = everything("a", 1, StoreKind::Qdrant);
    let (there, _) = again(&case(&recipe, &host, &catalogue), &host);
    let rotated = recipe.with("GRAFANA_ADMIN_PASSWORD", "another-password-of-the-operator");
    let plan = case(&rotated, &host, &catalogue).plan(&there);
    let made: Vec<_> = plan
        .steps
        .iter()
        .filter(|s| matches!(s.step, Step::Container(_)))
        .map(|s| s.id.as_str())
        .collect();
    assert!(made.iter().all(|id| *id == "service/grafana"), "{made:?}");
    assert!(plan.has_changes());
}

use ContainerState::{Created, Dead, Exited, Paused, Removing, Restarting, Running};

#[test]
fn whatever_state_a_container_is_in_it_ends_up_running() {
    let catalogue = catalogue();
    let host = bare(false);
    let case = case(&everything("a", 1, StoreKind::Qdrant), &host, &catalogue);
    let (there, _) = again(&case, &host);
    for state in [Created, Running, Paused, Restarting, Removing, Exited, Dead] {
        // one that others need, one whose network others share, one that shares it, and one that comes last
        let told = ["a-redis", "a-tailscale", "a-openclaw", "a-caddy"];
        let chosen = (0..there.containers.len())
            .filter(|at| told.contains(&there.containers[*at].name.as_str()));
        for at in chosen {
            let mut spoilt = there.clone();
            spoilt.containers[at].state = state;
            let plan = case.plan(&spoilt);
            assert_eq!(case.check(&plan, &catalogue), [""; 0]);
            let end = simulate(&plan, &spoilt);
            let name = &spoilt.containers[at].name;
            assert!(
                end.containers.iter().all(|c| c.state == Running),
                "{name} {state:?}"
            );
            assert!(!case.plan(&end).has_changes(), "{name} {state:?}");
        }
    }
}

#[test]
fn a_service_that_is_no_longer_wanted_goes_last() {
    let catalogue = catalogue();
    let host = bare(true);
    let recipe = Recipe::named("a", 1).with("SERVICES", "redis,n8n,grafana");
    let (there, _) = again(&case(&recipe, &host, &catalogue), &host);
    let fewer = case(&recipe.with("SERVICES", "redis"), &host, &catalogue);
    let plan = fewer.plan(&there);
    let removed: Vec<_> = plan
        .steps
        .iter()
        .filter(|s| s.change == Change::Remove)
        .map(|s| s.id.as_str())
        .collect();
    assert!(
        removed.contains(&"remove/a-grafana") && removed.contains(&"remove/a-n8n"),
        "{removed:?}"
    );
    let end = simulate(&plan, &there);
    let names: Vec<_> = end.containers.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["a-redis"]);
    assert!(!fewer.plan(&end).has_changes());
}
