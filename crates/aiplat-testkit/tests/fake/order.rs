//! The order of steps, how many run at once, and what is told of them.

use std::collections::BTreeSet;
use std::sync::Mutex;

use aiplat_docker::events::Event;

use crate::support::{catalogue, everything, machine, run, stack};

#[tokio::test(flavor = "multi_thread")]
async fn no_step_begins_before_what_it_waits_for_and_no_more_than_allowed_work_at_once() {
    let catalogue = catalogue();
    let (machine, stack) = (
        machine(&catalogue),
        stack(&everything("pgvector"), &catalogue),
    );
    let run = run(&machine, &stack, &catalogue);
    let plan = run.plan().await.unwrap();
    let done: Mutex<BTreeSet<String>> = Mutex::default();
    let told: Mutex<Vec<String>> = Mutex::default();
    let listen = |event: Event<'_>| match event {
        Event::StepStarted { id, .. } => {
            let step = plan.steps.iter().find(|s| s.id == id).unwrap();
            let done = done.lock().unwrap();
            let early: Vec<_> = step.after.iter().filter(|a| !done.contains(*a)).collect();
            assert!(early.is_empty(), "`{id}` began before {early:?}");
            told.lock().unwrap().push(id.to_owned());
        }
        Event::StepDone { id, .. } => {
            done.lock().unwrap().insert(id.to_owned());
        }
        _ => {}
    };
    let report = run.apply(&plan, &listen).await.unwrap();
    assert_eq!(report.steps.len(), plan.steps.len());
    assert_eq!(told.lock().unwrap().len(), plan.steps.len(), "each once");
    assert!(
        (2..=4).contains(&machine.engine.busiest()),
        "{}",
        machine.engine.busiest()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_comes_after_those_it_needs() {
    let catalogue = catalogue();
    let (machine, stack) = (
        machine(&catalogue),
        stack(&everything("qdrant"), &catalogue),
    );
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let calls = machine.calls();
    let made = |name: &str| {
        let call = format!("make container a-{name}");
        calls
            .iter()
            .position(|c| *c == call)
            .unwrap_or_else(|| panic!("no `{call}`"))
    };
    let network = calls.iter().position(|c| c == "make network a").unwrap();
    let guard = calls.iter().position(|c| c.starts_with("guard")).unwrap();
    assert!(
        guard < network,
        "the host is closed before there is a way in"
    );
    for service in &run.desired.services {
        assert!(made(service.name.as_str()) > network);
        for before in &service.after {
            assert!(
                made(before.as_str()) < made(service.name.as_str()),
                "{} {before}",
                service.name
            );
        }
    }
}
