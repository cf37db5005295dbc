//! Starting a container that exists as wanted.

use aiplat_core::names::StackId;
use aiplat_core::plan::Step;
use aiplat_core::spec::label;
use aiplat_docker::apply::{ApplyError, ApplyOptions, StepError, apply};
use aiplat_docker::engine::{Engine as _, Life};
use aiplat_docker::events::Silent;

use crate::engine::Fake;
use crate::host::TestHost;
use crate::specs::{plan, service};

/// A container that is made and does not run, and the step that starts it.
async fn made(engine: &Fake, image: &str, stack: Option<&StackId>) -> (String, Step) {
    let mut wanted = service("one", image);
    if let Some(stack) = stack {
        let labels = &mut wanted.spec.labels;
        labels.insert(label::STACK_ID.into(), stack.to_string());
    }
    let life = Life::Service { hash: &wanted.hash };
    let id = engine.container_create(&wanted.spec, life).await.unwrap();
    let step = Step::Start {
        id: id.clone(),
        gate: Box::new(wanted.gate),
    };
    (id, step)
}

async fn start(engine: &Fake, step: Step) -> Result<(), StepError> {
    let (host, options) = (TestHost::default(), ApplyOptions::for_cpus(1));
    engine.forget_calls();
    let plan = plan(vec![("start/one", &[], step)]);
    match apply(engine, &host, &plan, &options, &Silent).await {
        Ok(_) => Ok(()),
        Err(ApplyError::Steps { mut failures, .. }) => Err(failures.remove(0).source),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn it_runs_once_it_is_healthy() {
    let engine = Fake::new();
    let (id, step) = made(&engine, "ok", None).await;
    start(&engine, step).await.unwrap();
    assert!(engine.all()[&id].running);
    let engine = Fake::new();
    let (_, step) = made(&engine, "sick", None).await;
    assert!(matches!(
        start(&engine, step).await,
        Err(StepError::Gate(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_frozen_goes_on_instead() {
    let engine = Fake::new();
    let (id, step) = made(&engine, "ok", None).await;
    engine.container_start(&id).await.unwrap();
    engine.container_pause(&id).await.unwrap();
    start(&engine, step).await.unwrap();
    let calls = engine.calls();
    assert!(calls.contains(&format!("unpause {id}")), "{calls:?}");
    assert!(!calls.contains(&format!("start {id}")), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn somebody_elses_is_not_touched_and_one_that_is_gone_is_told() {
    let engine = Fake::new();
    let other = "ba9876543210".parse().unwrap();
    let (id, step) = made(&engine, "ok", Some(&other)).await;
    let refused = start(&engine, step.clone()).await;
    assert!(matches!(refused, Err(StepError::Foreign { .. })));
    assert!(!engine.all()[&id].running);
    engine.container_remove(&id, true).await.unwrap();
    assert!(matches!(
        start(&engine, step).await,
        Err(StepError::Engine(_))
    ));
}
