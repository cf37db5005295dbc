//! A real engine on a kernel that enforces AppArmor: stacks that `aiplat deploy` made with `APPARMOR=require`, in a virtual
//! machine, under the profiles that it generated for the catalogue. What each process wears, what it can and cannot do,
//! what an engine that does not do as it is told comes to, and that profiles come and go with their stack.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test's only way to show what it saw"
)]

mod lab;
mod quota;

use std::collections::BTreeSet;

use aiplat_testkit::vm::{Actor, Expect};
use lab::{Lab, lab};

/// Services of the first stack; the second has the cache alone.
const ONE: [&str; 4] = ["caddy", "chroma", "postgres", "redis"];

/// The exit code of a host that lacks something, and of a proof that found a breach.
const HOST: &str = "9";
const BREACH: &str = "12";

impl Lab {
    /// Service and label of each process, as the machine's kernel has them.
    fn labels(&self, name: &str) -> BTreeSet<(&str, &str)> {
        self.report
            .all(name)
            .iter()
            .filter_map(|line| line.split_once(' '))
            .collect()
    }
}

fn wanted<'a>(stack: &str, services: &[&'a str]) -> BTreeSet<(&'a str, String)> {
    services
        .iter()
        .map(|s| (*s, format!("aiplat-{stack}.{s} (enforce)")))
        .collect()
}

fn same(found: &BTreeSet<(&str, &str)>, wanted: &BTreeSet<(&str, String)>) -> bool {
    found
        .iter()
        .map(|(s, l)| (*s, (*l).to_owned()))
        .collect::<BTreeSet<_>>()
        == *wanted
}

#[test]
fn stacks_are_deployed_under_their_profiles_and_proven() {
    let Some(lab) = lab() else { return };
    let report = &lab.report;
    assert_eq!([report.of("deploy-a"), report.of("deploy-b")], ["0", "0"]);
    let (a, b) = (lab.labels("label-a"), lab.labels("label-b"));
    assert!(same(&a, &wanted("one", &ONE)), "{a:?}");
    assert!(same(&b, &wanted("two", &["redis"])), "{b:?}");
    // more processes than services: workers wear it too
    assert!(report.all("label-a").len() > ONE.len() + 3);
    assert_eq!(report.of("verify"), "0");
    println!(
        "engine {} on Linux {}: {} processes under their own profiles, {:.0} s in all",
        report.of("engine"),
        report.of("kernel"),
        report.all("label-a").len() + report.all("label-b").len(),
        report.took.as_secs_f64()
    );
}

#[test]
fn every_row_is_answered_in_real_containers_and_denials_are_the_profile_s() {
    let Some(lab) = lab() else { return };
    let report = &lab.report;
    let log: BTreeSet<(&str, &str)> = report
        .all("denied")
        .iter()
        .filter_map(|line| {
            let mut words = line.splitn(3, ' ');
            let (profile, _, name) = (words.next()?, words.next()?, words.next()?);
            Some((profile, name))
        })
        .collect();
    let mut wrong = Vec::new();
    let (mut tried, mut denied, mut alone, mut logged) = (0, 0, 0, 0);
    for ((service, actor), rows) in &lab.rows.of {
        let who = format!("{service} as {}", actor.word());
        let answers = |name: &str| -> Vec<String> {
            let words = report.of(&format!("{name}.{service}.{}", actor.word()));
            words.split_whitespace().map(str::to_owned).collect()
        };
        let (held, free) = (answers("row"), answers("free"));
        for (index, row) in rows.iter().enumerate() {
            let word = held.get(index).map_or("none", String::as_str);
            let fits = match row.expect {
                Expect::Allow | Expect::Gap => word == "ok",
                Expect::Deny => matches!(word, "EACCES" | "EPERM"),
            };
            tried += 1;
            denied += usize::from(row.expect == Expect::Deny);
            let what = row.words.join(" ");
            if !fits {
                wrong.push(format!(
                    "{who}: `{what}` was to {:?} ({}): {word}",
                    row.expect, row.why
                ));
            }
            // one service is enough to see what the profile adds
            if service == "redis" && (row.alone || row.expect == Expect::Allow) {
                alone += usize::from(row.alone);
                let word = free.get(index).map_or("none", String::as_str);
                if word != "ok" {
                    wrong.push(format!(
                        "{who}: `{what}` tests nothing: without a profile it is {word}"
                    ));
                }
            }
            if let Some(name) = &row.logged {
                logged += 1;
                let profile = format!("aiplat-one.{service}");
                if !log.contains(&(profile.as_str(), name.as_str())) {
                    wrong.push(format!(
                        "{who}: the denial of `{what}` is not in the kernel's log"
                    ));
                }
            }
        }
    }
    println!(
        "{tried} rows in {} containers: {denied} denied, {alone} by the profile alone, {logged} found in the kernel's log",
        ONE.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(lab.rows.of.contains_key(&("redis".to_owned(), Actor::Root)));
    assert!(denied > 40 && alone > 5);
    let free = lab.labels("label-off");
    assert_eq!(free, BTreeSet::from([("redis", "unconfined")]));
}

#[test]
fn a_profile_that_is_reloaded_holds_what_runs() {
    let Some(lab) = lab() else { return };
    let of = |name: &str| lab.report.of(name).trim().to_owned();
    assert_eq!(of("before-reload"), "ok");
    assert_eq!(of("reload"), "0");
    assert_eq!(of("stricter"), "EACCES");
    assert_eq!(of("after-reload"), "ok");
    assert_eq!(of("same-process"), "yes");
    assert_eq!(of("reload-label"), "aiplat-one.redis (enforce)");
    assert_eq!(of("answers"), "NOAUTH");
}

#[test]
fn an_engine_that_does_not_confine_is_noticed_after_the_start() {
    let Some(lab) = lab() else { return };
    let report = &lab.report;
    for (name, found) in [
        ("dropped", "unconfined"),
        ("swapped", "aiplat-two.redis (enforce)"),
    ] {
        assert_eq!(report.of(&format!("deploy-{name}")), HOST, "{name}");
        let words = report.of(&format!("{name}-words"));
        assert!(
            words.contains("expected every process of") && words.contains(found),
            "{words}"
        );
        // nothing goes on running that is held by nothing or by another's profile
        assert!(lab.labels(&format!("label-{name}")).is_empty(), "{name}");
    }
    assert_eq!(report.of("deploy-mended"), "0");
    let mended = lab.labels("label-mended");
    assert!(same(&mended, &wanted("three", &["redis"])), "{mended:?}");
}

#[test]
fn a_profile_that_is_removed_under_a_container_is_a_breach() {
    let Some(lab) = lab() else { return };
    let report = &lab.report;
    let labels = lab.labels("label-removed");
    assert!(labels.contains(&("caddy", "unconfined")), "{labels:?}");
    assert!(
        labels.contains(&("redis", "aiplat-one.redis (enforce)")),
        "{labels:?}"
    );
    assert_eq!(report.of("verify-removed"), BREACH);
    assert_ne!(report.of("verify-removed-words"), "0");
}

#[test]
fn profiles_go_with_their_stack_and_no_other() {
    let Some(lab) = lab() else { return };
    let report = &lab.report;
    let mut left: BTreeSet<&str> = ["two", "three", "four", "one"].into();
    for stack in ["two", "three", "four", "one"] {
        left.remove(stack);
        assert_eq!(report.of(&format!("teardown-{stack}")), "0", "{stack}");
        for what in ["profiles", "files"] {
            let found = report.of(&format!("{what}-after-{stack}"));
            assert!(
                !found.contains(&format!("aiplat-{stack}.")),
                "{stack}: {found}"
            );
            for other in &left {
                // the fourth never came to be, and the second was last without profiles
                let expected = matches!(*other, "one" | "three");
                assert!(
                    !expected || found.contains(&format!("aiplat-{other}.")),
                    "{stack}: {found}"
                );
            }
        }
    }
}
