//! Order, concurrency and the end after a failure.

use std::sync::Mutex;

use aiplat_core::plan::{ContainerStep, Plan};
use aiplat_docker::apply::{ApplyError, ApplyOptions, StepError, apply};
use aiplat_docker::events::{Event, Phase, Silent};

use crate::engine::Fake;
use crate::host::TestHost;
use crate::specs::{container, network, plan, service};

#[tokio::test(start_paused = true)]
async fn steps_begin_after_those_they_wait_for() {
    let (engine, host, seen) = (Fake::new(), TestHost::default(), Mutex::new(Vec::new()));
    let steps = vec![
        ("c", &["b"][..], container(service("c", "ok"))),
        ("b", &["net", "a"][..], container(service("b", "ok"))),
        ("a", &["net"][..], container(service("a", "ok"))),
        ("net", &[][..], network()),
    ];
    let note = |event: Event<'_>| match event {
        Event::StepStarted { id, .. } => seen.lock().unwrap().push(format!("+{id}")),
        Event::StepDone { id, .. } => seen.lock().unwrap().push(format!("-{id}")),
        _ => {}
    };
    let report = apply(
        &engine,
        &host,
        &plan(steps),
        &ApplyOptions::for_cpus(2),
        &note,
    )
    .await
    .unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        ["+net", "-net", "+a", "-a", "+b", "-b", "+c", "-c"]
    );
    assert_eq!(
        report
            .steps
            .iter()
            .map(|s| s.id.as_str())
            .collect::<Vec<_>>(),
        ["net", "a", "b", "c"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_engine_works_on_so_many_at_once_and_waiting_does_not_count() {
    let names: Vec<String> = (0..20).map(|n| format!("s{n}")).collect();
    for concurrency in [1, 3, 8] {
        let (engine, host) = (Fake::new(), TestHost::default());
        let steps = names
            .iter()
            .map(|n| (n.as_str(), &[][..], container(service(n, "ok"))))
            .collect();
        let options = ApplyOptions {
            concurrency,
            ..ApplyOptions::for_cpus(1)
        };
        apply(&engine, &host, &plan(steps), &options, &Silent)
            .await
            .unwrap();
        assert_eq!(engine.busiest(), concurrency);
    }
    // a service that is waited for keeps nobody from beginning: with one turn, two that never get well
    // take as long as one
    let (engine, host) = (Fake::new(), TestHost::default());
    let steps = vec![
        ("one", &[][..], container(service("one", "sick"))),
        ("two", &[][..], container(service("two", "sick"))),
    ];
    let options = ApplyOptions {
        concurrency: 1,
        ..ApplyOptions::for_cpus(1)
    };
    let began = tokio::time::Instant::now();
    let error = apply(&engine, &host, &plan(steps), &options, &Silent)
        .await
        .unwrap_err();
    let ApplyError::Steps { failures, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(failures.len(), 2);
    assert!(began.elapsed().as_secs_f32() < 2.5, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn after_a_failure_nothing_begins_and_what_runs_comes_to_its_end() {
    let (engine, host) = (Fake::new(), TestHost::default());
    let steps = vec![
        ("good", &[][..], container(service("good", "ok"))),
        ("sick", &[][..], container(service("sick", "sick"))),
        ("slow", &["sick"][..], container(service("slow", "ok"))),
        ("never", &["slow"][..], network()),
    ];
    let error = apply(
        &engine,
        &host,
        &plan(steps),
        &ApplyOptions::for_cpus(1),
        &Silent,
    )
    .await
    .unwrap_err();
    let words = error.to_string();
    let ApplyError::Steps {
        failures,
        done,
        not_started,
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!((failures.len(), done, not_started), (1, 1, 2));
    assert_eq!(
        (
            failures[0].id.as_str(),
            failures[0].index,
            failures[0].total
        ),
        ("sick", 1, 4)
    );
    assert_eq!(words, "step 2 of 4 failed: bring up `sick`");
    let StepError::Container { cause, .. } = &failures[0].source else {
        panic!("{}", failures[0].source)
    };
    let cause = cause.to_string();
    assert!(
        cause.contains("was not ready within 2 s: the engine's check fails: sick"),
        "{cause}"
    );
    assert_eq!(engine.picture(), [("ai-good".into(), "ok".into(), true)]);
    assert!(
        !engine
            .calls()
            .iter()
            .any(|c| c.contains("slow") || c.contains("network_create"))
    );
}

/// `b` needs `a`, and may be made as soon as the network is there.
fn made_ahead(a: &str) -> Plan {
    let b = ContainerStep {
        made_after: Some(vec!["net".to_owned()]),
        ..service("b", "ok")
    };
    plan(vec![
        ("net", &[][..], network()),
        ("a", &["net"][..], container(service("a", a))),
        ("b", &["net", "a"][..], container(b)),
    ])
}

#[tokio::test(start_paused = true)]
async fn a_container_is_made_ahead_of_its_turn_and_started_in_it() {
    let (engine, host, seen) = (Fake::new(), TestHost::default(), Mutex::new(Vec::new()));
    let note = |event: Event<'_>| match event {
        Event::StepStarted { id, .. } => seen.lock().unwrap().push(format!("+{id}")),
        Event::StepDone { id, .. } => seen.lock().unwrap().push(format!("-{id}")),
        Event::Phase {
            service,
            phase: Phase::Creating,
        } => {
            seen.lock().unwrap().push(format!("create {service}"));
        }
        _ => {}
    };
    let (plan, options) = (made_ahead("ok"), ApplyOptions::for_cpus(2));
    let report = apply(&engine, &host, &plan, &options, &note).await;
    assert_eq!(report.unwrap().steps.len(), 3);
    let seen = seen.into_inner().unwrap();
    let place = |what: &str| seen.iter().position(|s| s == what).expect(what);
    assert!(place("create b") < place("-a"), "{seen:?}");
    assert!(place("+b") > place("-a"), "{seen:?}");
    let creates = engine
        .calls()
        .iter()
        .filter(|c| c.starts_with("create"))
        .count();
    assert_eq!(creates, 2, "{:?}", engine.calls());
    assert!(engine.picture().iter().all(|(_, _, runs)| *runs));
}

#[tokio::test(start_paused = true)]
async fn what_was_made_ahead_goes_when_its_turn_never_comes() {
    let (engine, host) = (Fake::new(), TestHost::default());
    let options = ApplyOptions::for_cpus(2);
    let error = apply(&engine, &host, &made_ahead("sick"), &options, &Silent).await;
    let ApplyError::Steps {
        done, not_started, ..
    } = error.unwrap_err()
    else {
        panic!("steps were begun");
    };
    assert_eq!((done, not_started), (1, 1));
    assert!(
        engine
            .calls()
            .iter()
            .any(|c| c.contains("create") && c.ends_with("-b"))
    );
    assert_eq!(engine.picture(), []);
}

#[tokio::test]
async fn the_future_can_be_sent_to_another_thread() {
    let (engine, host) = (Fake::new(), TestHost::default());
    let handle = tokio::spawn(async move {
        apply(
            &engine,
            &host,
            &plan(Vec::new()),
            &ApplyOptions::for_cpus(1),
            &Silent,
        )
        .await
    });
    handle.await.unwrap().unwrap();
}
