//! Bringing containers up, replacing them, and what happens when they fail.

use aiplat_core::observed::ContainerState;
use aiplat_core::plan::Step;
use aiplat_core::spec::{Probe, label};
use aiplat_docker::apply::{AfterFailure, ApplyError, StepError};
use aiplat_docker::engine::{Engine, Life, UserOf};
use aiplat_docker::probe::GateError;

use crate::on_engine;
use crate::specs::{USER, secret, step};

fn cause(error: ApplyError) -> StepError {
    match error {
        ApplyError::Steps { mut failures, .. } => failures.remove(0).source,
        other => panic!("{other}"),
    }
}

#[test]
fn a_service_comes_up_hardened_on_its_network() {
    on_engine!(bed, {
        let mut made = bed.web_step("web", "hello");
        made.spec.env.insert("WORD".into(), secret("sesame-open"));
        let steps = vec![
            ("net", &[][..], Step::Network(bed.network())),
            ("web", &["net"][..], step(made.clone())),
        ];
        let report = bed.apply(steps).await.unwrap();
        assert_eq!(report.changes(), 2);

        let id = made.spec.name.as_str();
        let script = "id; cat /proc/1/status; touch /x 2>&1; cat /proc/mounts; echo word=$WORD";
        let argv = ["sh", "-c", script].map(str::to_owned);
        let seen = bed
            .engine
            .exec(id, UserOf::Container, &argv)
            .await
            .unwrap()
            .output;
        for expected in [
            &format!("uid={} gid={}", USER.uid, USER.gid),
            "CapEff:\t0000000000000000",
            "CapBnd:\t0000000000000000",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
            "Read-only file system",
            "tmpfs /tmp tmpfs rw,nosuid,nodev,noexec,relatime,size=1024k,uid=41234,gid=41235",
            "word=sesame-open",
        ] {
            assert!(seen.contains(expected), "no `{expected}` in:\n{seen}");
        }
        let detail = bed.engine.container_inspect(id).await.unwrap();
        assert_eq!(detail.labels[label::SPEC_HASH], made.hash);
        assert_eq!(detail.labels[label::SERVICE], "web");
        assert_eq!(
            (detail.state, detail.restart_count),
            (ContainerState::Running, 0)
        );
        let events = bed.events.lock().unwrap().join("\n");
        for phase in ["Creating", "Starting", "Waiting", "Healthy"] {
            assert!(events.contains(phase), "{events}");
        }
        assert!(!events.contains("sesame"), "{events}");
    });
}

#[test]
fn a_container_that_fails_is_taken_back_and_the_one_before_runs_again() {
    on_engine!(bed, {
        let first = bed.web_step("web", "first");
        let steps = vec![
            ("net", &[][..], Step::Network(bed.network())),
            ("web", &["net"][..], step(first.clone())),
        ];
        bed.apply(steps).await.unwrap();
        let before = bed.containers().await;

        let mut second = bed.web_step("web", "second");
        second.spec.env.insert("KEY".into(), secret("sesame-open"));
        second.spec.command = Some(vec!["echo key $KEY; exec sleep 60".into()]);
        second.hash = second.spec.hash();
        second.gate.deadline_seconds = 2;
        second.replaces = Some(before[0].1.clone());
        let error = cause(
            bed.apply(vec![("web", &[], step(second))])
                .await
                .unwrap_err(),
        );
        let StepError::Container { cause, after } = error else {
            panic!("{error}")
        };
        assert!(
            matches!(*cause, StepError::Gate(GateError::Deadline { .. })),
            "{cause}"
        );
        assert_eq!(after, AfterFailure::Restored);
        let words = cause.to_string();
        assert!(
            words.contains("key <secret>") && !words.contains("sesame"),
            "{words}"
        );
        assert!(words.contains("connecting to port 8080"), "{words}");

        assert_eq!(bed.containers().await, before);
        let gate = bed.gate(&first.spec, "first", 20);
        bed.apply(vec![("gate", &[], Step::Gate(Box::new(gate)))])
            .await
            .unwrap();
    });
}

#[test]
fn a_container_is_replaced_and_the_one_before_is_gone() {
    on_engine!(bed, {
        let first = bed.web_step("web", "first");
        let steps = vec![
            ("net", &[][..], Step::Network(bed.network())),
            ("web", &["net"][..], step(first)),
        ];
        bed.apply(steps).await.unwrap();
        let before = bed.containers().await;
        let mut second = bed.web_step("web", "second");
        second.replaces = Some(before[0].1.clone());
        bed.apply(vec![("web", &[], step(second))]).await.unwrap();
        let after = bed.containers().await;
        assert_eq!(after.len(), 1);
        assert_eq!(after[0].0, before[0].0);
        assert_ne!(after[0].1, before[0].1);
    });
}

#[test]
fn an_interrupted_replacement_is_gone_on_with() {
    on_engine!(bed, {
        let first = bed.web_step("web", "first");
        let steps = vec![
            ("net", &[][..], Step::Network(bed.network())),
            ("web", &["net"][..], step(first.clone())),
        ];
        bed.apply(steps).await.unwrap();
        let old = bed.containers().await[0].1.clone();
        // killed after the new one was made
        bed.engine
            .container_rename(&old, &first.spec.name.superseded())
            .await
            .unwrap();
        let mut second = bed.web_step("web", "second");
        let life = Life::Service { hash: &second.hash };
        let half_made = bed
            .engine
            .container_create(&second.spec, life)
            .await
            .unwrap();
        second.superseded = Some(old);
        bed.apply(vec![("web", &[], step(second.clone()))])
            .await
            .unwrap();
        assert_eq!(
            bed.containers().await,
            [(second.spec.name.to_string(), half_made)]
        );
    });
}

#[test]
fn a_loop_of_crashes_is_told_at_once() {
    on_engine!(bed, {
        let mut broken = bed.web_step("web", "x");
        broken.spec.command = Some(vec!["echo cannot read my configuration; exit 7".into()]);
        // told by its words: what is waited for to the end says how long that was
        broken.gate.deadline_seconds = 600;
        let steps = vec![
            ("net", &[][..], Step::Network(bed.network())),
            ("web", &["net"][..], step(broken)),
        ];
        let error = cause(bed.apply(steps).await.unwrap_err());
        let StepError::Container { cause, after } = error else {
            panic!("{error}")
        };
        assert_eq!(after, AfterFailure::Removed);
        let words = cause.to_string();
        assert!(
            words.contains("starts over and over, last exit code 7"),
            "{words}"
        );
        assert!(words.contains("cannot read my configuration"), "{words}");
        assert_eq!(bed.containers().await, []);
    });
}

#[test]
fn every_probe_that_needs_no_server_answers() {
    on_engine!(bed, {
        let web = bed.web_step("web", "hello");
        let steps = vec![
            ("net", &[][..], Step::Network(bed.network())),
            ("web", &["net"][..], step(web.clone())),
        ];
        bed.apply(steps).await.unwrap();
        let gate = |probe| {
            let mut gate = bed.gate(&web.spec, "hello", 4);
            gate.probe = probe;
            Step::Gate(Box::new(gate))
        };
        let exec = |code: &str| Probe::Exec {
            argv: ["sh", "-c", code].map(str::to_owned).into(),
        };
        for good in [
            Probe::Tcp { port: 8080 },
            exec("exit 0"),
            Probe::Alive { settle_seconds: 1 },
        ] {
            bed.apply(vec![("gate", &[], gate(good))]).await.unwrap();
        }
        let http = |path: &str, body: &str| Probe::Http {
            port: 8080,
            path: path.into(),
            status: 200,
            body: Some(body.into()),
        };
        for (bad, expected) in [
            (Probe::Tcp { port: 9 }, "connecting to port 9"),
            (exec("echo not yet; exit 3"), "exit code 3: not yet"),
            (http("/absent", "x"), "`/absent` answered 404, expected 200"),
            (http("/", "other"), "`/` answered without `other`: hello"),
            (
                Probe::Postgres {
                    port: 8080,
                    user: "u".into(),
                    database: "d".into(),
                },
                "no answer from port 8080 within 3 s",
            ),
            (Probe::Engine, "no health check that the engine runs"),
        ] {
            let words =
                cause(bed.apply(vec![("gate", &[], gate(bad))]).await.unwrap_err()).to_string();
            assert!(words.contains(expected), "no `{expected}` in: {words}");
        }
    });
}
