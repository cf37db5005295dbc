//! A refusal, and a death, at every single call of the engine; and then the same again.

use std::time::Duration;

use aiplat_core::plan::{ContainerStep, Plan};
use aiplat_core::spec::label;
use aiplat_docker::apply::{ApplyOptions, apply};
use aiplat_docker::events::Silent;

use crate::engine::{Fake, Trouble};
use crate::host::TestHost;
use crate::specs::{container, network, plan, service};

/// What a planner makes of what is there, for one service: the rules of [`ContainerStep`]'s fields.
fn planned(engine: &Fake, name: &str, image: &str) -> ContainerStep {
    let mut step = service(name, image);
    for (id, found) in engine.all() {
        if found.name == step.spec.name.superseded() {
            step.superseded = Some(id);
        } else if found.name == step.spec.name.as_str()
            && found.labels.get(label::SPEC_HASH) != Some(&step.hash)
        {
            step.replaces = Some(id);
        }
    }
    step
}

fn wanted(engine: &Fake, image: &str) -> Plan {
    plan(vec![
        ("net", &[], network()),
        ("one", &["net"], container(planned(engine, "one", image))),
        ("two", &["one"], container(planned(engine, "two", image))),
    ])
}

async fn run(engine: &Fake, image: &str) -> Result<(), String> {
    let (plan, host) = (wanted(engine, image), TestHost::default());
    // a death is a future that is dropped: a container is given 2 s to become healthy
    let options = ApplyOptions::for_cpus(2);
    let applied = apply(engine, &host, &plan, &options, &Silent);
    match tokio::time::timeout(Duration::from_secs(60), applied).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("died".into()),
    }
}

fn both(image: &str) -> Vec<(String, String, bool)> {
    ["ai-one", "ai-two"]
        .map(|name| (name.to_owned(), image.to_owned(), true))
        .into()
}

/// An engine on which `before` runs, when given.
async fn engine(before: Option<&str>) -> Fake {
    let engine = Fake::new();
    if let Some(image) = before {
        run(&engine, image).await.unwrap();
        assert_eq!(engine.picture(), both(image));
    }
    engine.forget_calls();
    engine
}

#[tokio::test(start_paused = true)]
async fn trouble_at_any_call_and_then_the_same_again_comes_to_the_same_end() {
    for before in [None, Some("old")] {
        let quiet = engine(before).await;
        run(&quiet, "new").await.unwrap();
        assert_eq!(quiet.picture(), both("new"));
        let total = quiet.calls().len();
        assert!(total > 8, "{:?}", quiet.calls());
        for n in 0..total {
            for trouble in [Trouble::Refuse(n), Trouble::Hang(n)] {
                let engine = engine(before).await;
                *engine.trouble.lock().unwrap() = trouble;
                let first = run(&engine, "new").await;
                let calls = engine.calls();
                *engine.trouble.lock().unwrap() = Trouble::Never;
                let between = engine.picture();
                if first.is_err() && matches!(trouble, Trouble::Refuse(_)) {
                    for name in ["ai-one", "ai-two"].iter().filter(|_| before.is_some()) {
                        let up = between.iter().any(|(n, _, runs)| n == name && *runs);
                        assert!(
                            up,
                            "{trouble:?}: `{name}` is down after {calls:?}: {between:?}"
                        );
                    }
                }
                run(&engine, "new")
                    .await
                    .unwrap_or_else(|e| panic!("{trouble:?}: {e}: {between:?}, {calls:?}"));
                assert_eq!(
                    engine.picture(),
                    both("new"),
                    "{before:?} {trouble:?} {calls:?}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_death_at_any_call_of_a_rollback_and_then_a_good_plan() {
    let quiet = engine(Some("old")).await;
    run(&quiet, "sick").await.unwrap_err();
    assert_eq!(quiet.picture(), both("old"));
    let total = quiet.calls().len();
    for n in 0..total {
        let engine = engine(Some("old")).await;
        *engine.trouble.lock().unwrap() = Trouble::Hang(n);
        let _ = run(&engine, "sick").await;
        let (between, calls) = (engine.picture(), engine.calls());
        *engine.trouble.lock().unwrap() = Trouble::Never;
        run(&engine, "new")
            .await
            .unwrap_or_else(|e| panic!("{n}: {e}: {between:?}, {calls:?}"));
        assert_eq!(engine.picture(), both("new"), "{n}: {between:?} {calls:?}");
    }
}
