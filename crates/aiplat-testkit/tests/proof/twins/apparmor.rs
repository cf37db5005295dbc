//! Labels: judged as they would be read where the kernel has `AppArmor`.

use aiplat_testkit::proof::{Cell, Layer, Report, Verdict, judge_label};

use super::{Score, wanted};

pub(super) fn run(score: &mut Score) {
    let own = "aiplat-proof-a.redis";
    let good = [
        "aiplat-proof-a.redis (enforce)",
        "aiplat-proof-a.redis//null (enforce)",
    ];
    assert_eq!(judged(own, &good).cells[0].verdict, Verdict::Held);
    let broken: [(&str, &[&str]); 6] = [
        ("a process without a profile", &["unconfined"]),
        (
            "the other stack's profile",
            &["aiplat-proof-b.redis (enforce)"],
        ),
        (
            "a profile that only complains",
            &["aiplat-proof-a.redis (complain)"],
        ),
        ("the engine's own profile", &["docker-default (enforce)"]),
        (
            "another service's profile",
            &["aiplat-proof-a.redis2 (enforce)"],
        ),
        (
            "one process of two unconfined",
            &["aiplat-proof-a.redis (enforce)", "unconfined"],
        ),
    ];
    for (name, labels) in broken {
        let report = judged(own, labels);
        score.judge(
            name,
            &report,
            &wanted(Layer::Apparmor, "proof-a/redis", "labels"),
        );
    }
}

fn judged(profile: &str, labels: &[&str]) -> Report {
    let labels: Vec<String> = labels.iter().map(|l| (*l).to_owned()).collect();
    let cell = Cell::new(
        Layer::Apparmor,
        "proof-a/redis",
        "host",
        "the labels of its processes",
    );
    Report {
        stacks: Vec::new(),
        services: Vec::new(),
        cells: vec![judge_label(cell, Some(profile), &labels)],
        removed: Vec::new(),
        phases: Vec::new(),
        seconds: 0.0,
    }
}
