//! A policy that is replaced and removed while processes run under it, and one that is missing.

use aiplat_testkit::vm::{Script, Step};

use crate::lab::{lab, tables};

#[test]
fn policies_are_replaced_and_removed_while_running() {
    let tables = tables();
    let Some(lab) = lab() else { return };
    let [a, b] = ["default", "other-stack"].map(|name| {
        tables
            .iter()
            .find(|table| table.name == name)
            .unwrap()
            .profile
            .clone()
    });
    let mut narrower = a.clone();
    narrower.writable.clear();
    let (profile, without_data, b_profile) = (a.profile(), narrower.profile(), b.profile());
    let policies = lab.compile(&[&profile, &b_profile]);
    // the same profile name from two files
    let narrow = (
        "narrower".to_owned(),
        without_data.name().clone(),
        without_data.to_string(),
    );
    let policies = policies.with(&lab.parser, &[narrow]).unwrap();

    let (a, b) = (a.name.as_str(), b.name.as_str());
    let mut script = Script::new();
    let mut expected: Vec<(Step, &str, &str)> = Vec::new();
    let write_own = "write /data/file";
    let write_foreign = "write /etc/passwd";
    let label = format!("{a} (enforce)");
    let all = format!("{a} (enforce)\t{b} (enforce)\t");

    expected.push((script.load(a), "ok", "loading"));
    expected.push((script.load(b), "ok", "loading the second stack's beside"));
    expected.push((script.container(), "ok", "a container"));
    expected.push((script.subject(Some(a), b), "ok", "a process of each stack"));
    expected.push((script.row(write_own), "ok", "own data"));
    expected.push((script.load("narrower"), "ok", "replacing while it runs"));
    expected.push((
        script.row(write_own),
        "EACCES",
        "the new rules hold at once",
    ));
    expected.push((script.label(), label.as_str(), "the label stays"));
    expected.push((script.load(a), "ok", "replacing it back"));
    expected.push((script.row(write_own), "ok", "own data again"));
    expected.push((script.row(write_foreign), "EACCES", "held"));
    expected.push((script.remove(b), "ok", "removing the second stack's"));
    expected.push((
        script.row(write_foreign),
        "EACCES",
        "the first stack does not notice",
    ));
    expected.push((
        script.row(write_own),
        "ok",
        "the first stack does not notice",
    ));
    expected.push((
        script.label(),
        label.as_str(),
        "the first stack does not notice",
    ));
    expected.push((script.load(b), "ok", "the second stack comes back"));
    let listed = script.profiles();
    expected.push((script.remove(a), "ok", "removing while it runs"));
    expected.push((
        script.label(),
        "unconfined",
        "nothing holds the process any more",
    ));
    expected.push((
        script.row(write_foreign),
        "ok",
        "nothing holds the process any more",
    ));
    expected.push((script.load(a), "ok", "loading again"));
    expected.push((script.label(), "unconfined", "does not bring it back"));
    expected.push((script.subject(Some(a), b), "ok", "a restart does"));
    expected.push((script.label(), label.as_str(), "a restart does"));
    expected.push((script.row(write_foreign), "EACCES", "a restart does"));
    expected.push((script.remove(b), "ok", "removing the second stack's"));
    expected.push((
        script.subject(Some(b), "-"),
        "failed\tENOENT",
        "a missing profile starts nothing",
    ));
    expected.push((script.remove(b), "ENOENT", "removing what is not there"));

    let transcript = lab.machine.run(&script, &policies).unwrap();
    for (step, answer, what) in expected {
        assert_eq!(transcript.answers.of(step), answer, "{what}");
    }
    let mut lines: Vec<&str> = transcript
        .answers
        .of(listed)
        .split_terminator('\t')
        .collect();
    lines.sort_unstable();
    assert_eq!(lines, all.split_terminator('\t').collect::<Vec<_>>());
}
