//! A successor that does not become healthy, and other failures that are told in words.

use std::collections::BTreeMap;

use aiplat_core::plan::{Plan, Step};
use aiplat_docker::apply::ApplyError;
use aiplat_testkit::fake::stack::{Recipe, canary};
use aiplat_testkit::fake::{Picture, RunError, Trouble};

use crate::support::{catalogue, machine, run, stack};

fn hurried(mut plan: Plan) -> Plan {
    for planned in &mut plan.steps {
        if let Step::Container(step) = &mut planned.step {
            step.gate.deadline_seconds = 1;
        }
    }
    plan
}

fn containers(picture: &Picture) -> BTreeMap<String, (String, String)> {
    let all = picture.containers.iter();
    all.map(|(name, c)| (name.clone(), (c.image.clone(), format!("{:?}", c.state))))
        .collect()
}

fn recipe() -> Recipe {
    Recipe::named("a", 1).with("SERVICES", "redis,n8n")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_one_before_runs_again_when_its_successor_does_not_become_healthy() {
    let catalogue = catalogue();
    let (machine, old) = (machine(&catalogue), stack(&recipe(), &catalogue));
    run(&machine, &old, &catalogue).deploy().await.unwrap();
    let before = containers(&machine.picture());
    for (image, how) in [
        ("registry.example/redis:sick1", "not ready within 1 s"),
        ("registry.example/redis:ends1", "exit code 3"),
    ] {
        let new = stack(&recipe().with("IMAGE_REDIS", image), &catalogue);
        let run = run(&machine, &new, &catalogue);
        if how.contains("exit") {
            let leak = format!("cannot log in with {}", canary(1, "redis_password"));
            machine.ends(image, 3, &["first line", &leak]);
        } else {
            machine.sick(image);
        }
        let plan = hurried(run.plan().await.unwrap());
        let error = run
            .apply(&plan, &|_: aiplat_docker::events::Event<'_>| {})
            .await
            .unwrap_err();
        let words = chain(&error);
        for part in ["redis", how, "the one before it runs again"] {
            assert!(words.contains(part), "`{part}` is not in: {words}");
        }
        if how.contains("exit") {
            assert!(words.contains("cannot log in with <secret>"), "{words}");
        }
        assert!(!words.contains("canary"), "{words}");
        assert_eq!(containers(&machine.picture()), before, "{image}");
    }
    // and the next good one takes over
    let new = stack(
        &recipe().with("IMAGE_REDIS", "registry.example/redis:good1"),
        &catalogue,
    );
    run(&machine, &new, &catalogue).deploy().await.unwrap();
    let after = containers(&machine.picture());
    assert_eq!(after["a-redis"].0, "registry.example/redis:good1");
    assert_eq!(after.len(), before.len(), "nothing is left over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_container_that_fails_is_removed_and_nothing_after_it_is_begun() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    machine.ends("postgres:17.11-trixie", 1, &["no space"]);
    let error = run.deploy().await.unwrap_err();
    let words = chain(&error);
    assert!(
        words.contains("postgres") && words.contains("no space"),
        "{words}"
    );
    let picture = machine.picture();
    assert!(
        !picture.containers.contains_key("a-postgres"),
        "{:?}",
        picture.containers.keys()
    );
    assert!(
        !picture.containers.contains_key("a-n8n"),
        "it needs postgres"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absent_image_is_told_before_anything_is_made() {
    let catalogue = catalogue();
    let (machine, stack) = (machine(&catalogue), stack(&recipe(), &catalogue));
    let run = run(&machine, &stack, &catalogue);
    machine.registry(&[]);
    machine.trouble(Trouble::Never);
    let before = machine.picture();
    let plan = run.plan().await.unwrap();
    let words = chain(
        &run.apply(&plan, &|_: aiplat_docker::events::Event<'_>| {})
            .await
            .unwrap_err(),
    );
    assert!(words.contains("could not be pulled"), "{words}");
    assert_eq!(machine.picture().differences(&before), [""; 0]);
}

/// All failures with everything that caused them.
fn chain(error: &RunError) -> String {
    let RunError::Apply(ApplyError::Steps { failures, .. }) = error else {
        return error.to_string();
    };
    let mut words = String::new();
    for failure in failures {
        let mut next: Option<&dyn std::error::Error> = Some(failure);
        while let Some(cause) = next {
            words = format!("{words}: {cause}");
            next = cause.source();
        }
    }
    words
}
