//! Networks, checks, observation and teardown.

use std::time::Duration;

use aiplat_core::plan::Step;
use aiplat_core::spec::{NetworkMode, RunOnce, label};
use aiplat_docker::apply::{ApplyError, StepError};
use aiplat_docker::engine::{Engine, Life};
use aiplat_docker::observe::{ObserveQuestion, observe};
use futures_util::StreamExt;

use crate::on_engine;
use crate::specs::{removal, step};
use crate::support::{Bed, IMAGE};

fn once(bed: &Bed, script: &str) -> RunOnce {
    let mut container = bed.script("check", script);
    container.network = NetworkMode::None;
    RunOnce {
        staged: Vec::new(),
        container,
        purpose: "check the configuration".into(),
        deadline_seconds: 10,
    }
}

#[test]
fn a_check_runs_to_its_end_and_leaves_nothing() {
    on_engine!(bed, {
        let check =
            |script: &str| vec![("check", &[][..], Step::Check(Box::new(once(&bed, script))))];
        bed.apply(check("test $(ls /sys/class/net) = lo"))
            .await
            .unwrap();
        let error = bed
            .apply(check("echo line 3 is wrong; exit 4"))
            .await
            .unwrap_err();
        let ApplyError::Steps { failures, .. } = error else {
            panic!("{error}")
        };
        let words = failures[0].source.to_string();
        assert_eq!(
            words,
            "check the configuration failed: exit code 4\n  line 3 is wrong"
        );
        assert_eq!(bed.containers().await, []);

        // one that a killed run left is no obstacle
        let left = once(&bed, "exit 0").container;
        bed.engine
            .container_create(&left, Life::Once { purpose: "check" })
            .await
            .unwrap();
        bed.apply(check("exit 0")).await.unwrap();
        assert_eq!(bed.containers().await, []);

        let mut slow = once(&bed, "exec sleep 60");
        slow.deadline_seconds = 1;
        let error = bed
            .apply(vec![("check", &[], Step::Check(Box::new(slow)))])
            .await
            .unwrap_err();
        let ApplyError::Steps { failures, .. } = error else {
            panic!("{error}")
        };
        assert!(
            matches!(&failures[0].source, StepError::Check { words, .. } if words.contains("within 1 s"))
        );
        assert_eq!(bed.containers().await, []);
    });
}

#[test]
fn what_was_made_is_seen_and_taken_down_again() {
    on_engine!(bed, {
        let (one, two) = (bed.web_step("one", "1"), bed.web_step("two", "2"));
        let network = bed.network();
        let steps = || {
            vec![
                ("net", &[][..], Step::Network(network.clone())),
                ("one", &["net"][..], step(one.clone())),
                ("two", &["net"][..], step(two.clone())),
            ]
        };
        bed.apply(steps()).await.unwrap();
        // twice is once: the very same plan again makes nothing new
        let before = bed.containers().await;
        bed.apply(steps()).await.unwrap();
        assert_eq!(bed.containers().await, before);

        let question = ObserveQuestion {
            paths: vec!["/x".into()],
            ..ObserveQuestion::default()
        };
        let seen = observe(&bed.engine, &bed.host, &question).await.unwrap();
        assert!(
            seen.engine.reachable && !seen.engine.rootless,
            "{:?}",
            seen.engine
        );
        assert!(
            seen.engine.cpus > 0 && seen.engine.memory_bytes > 0 && !seen.engine.version.is_empty()
        );
        assert!(seen.images.contains_key(IMAGE));
        assert!(seen.images["localhost/aiplat/standin:1"].stand_in);
        let found = seen
            .networks
            .iter()
            .find(|n| n.name == network.name)
            .unwrap();
        assert_eq!(
            (found.subnets.as_slice(), &found.labels),
            (&[network.subnet][..], &network.labels)
        );
        let found = seen
            .containers
            .iter()
            .find(|c| c.name == one.spec.name.as_str())
            .unwrap();
        assert_eq!(found.label(label::SPEC_HASH), Some(one.hash.as_str()));
        assert!(
            network
                .subnet
                .contains(&found.networks[&network.name].unwrap())
        );

        let ids = bed.containers().await;
        let net = bed.engine.network_inspect(&network.name).await.unwrap();
        assert_eq!(net.attached.len(), 2);
        let down = || {
            vec![
                ("one", &[][..], removal(&ids[0].0, &ids[0].1)),
                ("two", &[][..], removal(&ids[1].0, &ids[1].1)),
                (
                    "net",
                    &["one", "two"][..],
                    Step::RemoveNetwork {
                        id: net.id.clone(),
                        name: net.name.clone(),
                    },
                ),
                ("release", &["net"][..], Step::Release),
            ]
        };
        bed.apply(down()).await.unwrap();
        bed.apply(down()).await.unwrap();
        assert_eq!(bed.containers().await, []);
        assert!(
            bed.engine
                .network_inspect(&network.name)
                .await
                .unwrap_err()
                .is_absent()
        );
        assert_eq!(*bed.host.calls.lock().unwrap(), ["release", "release"]);
    });
}

#[test]
fn a_network_in_use_is_not_removed() {
    on_engine!(bed, {
        let steps = vec![
            ("net", &[][..], Step::Network(bed.network())),
            ("one", &["net"][..], step(bed.web_step("one", "1"))),
        ];
        bed.apply(steps).await.unwrap();
        let net = bed.engine.network_inspect(&bed.stack()).await.unwrap();
        let step = Step::RemoveNetwork {
            id: net.id,
            name: net.name,
        };
        let error = bed.apply(vec![("net", &[], step)]).await.unwrap_err();
        let ApplyError::Steps { failures, .. } = error else {
            panic!("{error}")
        };
        assert!(
            matches!(failures[0].source, StepError::Occupied { .. }),
            "{}",
            failures[0].source
        );
    });
}

#[test]
fn logs_are_read_and_followed() {
    on_engine!(bed, {
        let mut spec = bed.script(
            "talk",
            "for i in 1 2 3; do echo line $i; done; echo bad >&2; sleep 1; echo last",
        );
        spec.network = NetworkMode::None;
        let id = bed
            .engine
            .container_create(&spec, Life::Once { purpose: "test" })
            .await
            .unwrap();
        bed.engine.container_start(&id).await.unwrap();
        let followed: Vec<_> = tokio::time::timeout(
            Duration::from_secs(20),
            bed.engine
                .logs_follow(id.clone(), aiplat_docker::engine::LogsFrom::Last(100))
                .map(|line| line.unwrap().text)
                .collect(),
        )
        .await
        .unwrap();
        assert_eq!(followed.last().unwrap(), "last");
        assert_eq!(followed.len(), 5);
        assert_eq!(bed.engine.container_wait(&id).await.unwrap(), 0);
        let tail = bed.engine.logs_tail(&id, 1).await.unwrap();
        assert_eq!(tail.len(), 1);
        assert_eq!(tail[0].text, "last");
    });
}
