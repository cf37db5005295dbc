//! SIGKILL after every record of the journal, and then the same plan again.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::time::UNIX_EPOCH;

use aiplat_core::names::StackId;
use aiplat_core::plan::Step;
use aiplat_core::spec::Owner;
use aiplat_docker::apply::{ApplyOptions, JournalFile, Moment, read_journal};
use aiplat_docker::engine::Bollard;

use crate::on_engine;
use crate::specs::step;
use crate::support::Bed;

type Steps<'a> = Vec<(&'a str, &'a [&'a str], Step)>;

fn steps(bed: &Bed, subnet: &str) -> Steps<'static> {
    let mut network = bed.network();
    network.subnet = subnet.parse().unwrap();
    network.gateway = network.subnet.hosts().next().unwrap();
    vec![
        ("net", &[], Step::Network(network)),
        ("one", &["net"], step(bed.web_step("one", "1"))),
        ("two", &["one"], step(bed.web_step("two", "2"))),
    ]
}

fn options(path: &str, kill_after: Option<usize>) -> ApplyOptions {
    let journal = JournalFile {
        path: path.into(),
        owner: Owner { uid: 0, gid: 0 },
    };
    ApplyOptions {
        journal: Some(journal),
        kill_after,
        ..ApplyOptions::default()
    }
}

/// Not a test of its own: the process that is killed.
#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "how the test below hands its values over"
)]
fn victim() {
    let Ok(values) = std::env::var("AIPLAT_TEST_VICTIM") else {
        return;
    };
    let [address, id, subnet, journal, kill_after]: [&str; 5] =
        values.split(' ').collect::<Vec<_>>().try_into().unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let bed = Bed::of(
            Bollard::connect(address).await.unwrap(),
            id.parse::<StackId>().unwrap(),
        );
        let options = options(journal, Some(kill_after.parse().unwrap()));
        bed.apply_with(&options, steps(&bed, subnet)).await.unwrap();
    });
}

#[test]
fn killed_after_any_record_the_same_plan_comes_to_the_same_end() {
    on_engine!(bed, {
        let directory = tempfile::tempdir().unwrap();
        let subnet = bed.network().subnet.to_string();
        let total = steps(&bed, &subnet).len() * 2;
        for kill_after in 1..=total {
            let path = directory
                .path()
                .join(format!("journal-{kill_after}"))
                .display()
                .to_string();
            let values = format!(
                "{} {} {subnet} {path} {kill_after}",
                bed.engine.address(),
                bed.id
            );
            let mut child = Command::new(std::env::current_exe().unwrap());
            child
                .args(["--exact", "kill::victim"])
                .env("AIPLAT_TEST_VICTIM", values);
            let ended = tokio::task::spawn_blocking(move || child.output().unwrap())
                .await
                .unwrap();
            assert_eq!(ended.status.signal(), Some(9), "{ended:?}");

            let again = options(&path, None);
            bed.apply_with(&again, steps(&bed, &subnet)).await.unwrap();
            let names: Vec<_> = bed
                .containers()
                .await
                .into_iter()
                .map(|(name, _)| name)
                .collect();
            assert_eq!(
                names,
                ["one", "two"].map(|s| format!("{}-{s}", bed.stack()))
            );
            let records =
                read_journal(&bed.host, again.journal.as_ref().unwrap(), UNIX_EPOCH).unwrap();
            assert_eq!(records.len(), kill_after + total);
            assert!(
                records[kill_after..]
                    .iter()
                    .filter(|r| r.moment == Moment::Done)
                    .count()
                    == total / 2
            );
            assert!(
                records.iter().all(|r| r.plan == records[0].plan),
                "the plan is the same"
            );
            bed.clear().await;
        }
    });
}
