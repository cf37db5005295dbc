//! Every row of every table, under its profile and under none.

use std::collections::{BTreeMap, BTreeSet};

use aiplat_testkit::vm::{Expect, Script, Table, Verdict};

use crate::lab::{RUNTIMES, fixtures, lab, tables};

#[test]
fn every_row_is_answered_as_its_table_says() {
    let tables = tables();
    let Some(lab) = lab() else { return };
    let profiles: Vec<_> = tables.iter().map(|table| table.profile.profile()).collect();
    let policies = lab.compile(&profiles.iter().collect::<Vec<_>>());

    let mut script = Script::new();
    let features = script.features();
    let mut loads: Vec<_> = profiles
        .iter()
        .map(|p| script.load(p.name().as_str()))
        .collect();
    loads.push(script.load(RUNTIMES));
    let mut cases = Vec::new();
    for table in &tables {
        // a fresh container each: the control leaves nothing to the confined case, but who knows
        script.container();
        script.table(table);
        let control = script.case(None, "-");
        script.container();
        script.table(table);
        let confined = script.case(Some(table.profile.name.as_str()), &table.other);
        cases.push((table, control, confined));
    }
    let log = script.log();

    let transcript = lab.machine.run(&script, &policies).unwrap();
    let answers = &transcript.answers;
    for load in loads {
        assert_eq!(answers.of(load), "ok", "a policy was not loaded");
    }
    let committed = std::fs::read_to_string(fixtures().join("features-6.1")).unwrap();
    assert_eq!(
        answers.of(features).replace("\\n", "\n"),
        committed,
        "the kernel's features are not those that policies are compiled for"
    );

    let mut failures = Vec::new();
    let mut tried = 0;
    for (table, control, confined) in &cases {
        let label = format!("{} (enforce)", table.profile.name);
        assert_eq!(
            (answers.started(confined), answers.label(confined)),
            ("ok", label.as_str())
        );
        assert_eq!(
            (answers.started(control), answers.label(control)),
            ("ok", "unconfined")
        );
        let answered = answers
            .words(control, table)
            .into_iter()
            .zip(answers.words(confined, table));
        for (row, (free, held)) in table.rows().iter().zip(answered) {
            tried += 2;
            if free != "ok" {
                failures.push(format!(
                    "{}: `{}` tests nothing: without a profile the answer is {free}",
                    table.name,
                    row.words()
                ));
            }
            if let Verdict::Unexpected(word) = row.judge(&held) {
                failures.push(format!(
                    "{}: `{}` was to {:?} ({}), the answer is {word}",
                    table.name,
                    row.words(),
                    row.expect,
                    row.why
                ));
            }
        }
    }
    println!(
        "{} rows under {} profiles and under none: {tried} checks, {} failures, {:.1} s on Linux {}",
        tried / 2,
        tables.len(),
        failures.len(),
        transcript.took.as_secs_f64(),
        transcript.kernel
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    denials_are_logged(&tables, answers.of(log));
}

/// A denied read or write of a file is in the kernel's log by its name, but for the denials that
/// are quiet on purpose.
fn denials_are_logged(tables: &[Table], log: &str) {
    let mut logged: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in log.split("\t\t") {
        let mut fields = line.split('\t');
        if let (Some(profile), Some(_), Some(name)) = (fields.next(), fields.next(), fields.next())
        {
            logged.entry(profile).or_default().insert(name);
        }
    }
    let mut looked_for = 0;
    for table in tables {
        let names = logged
            .get(table.profile.name.as_str())
            .cloned()
            .unwrap_or_default();
        let simple = |op: &str| matches!(op, "read" | "write" | "list" | "create" | "open-device");
        for row in table
            .rows()
            .iter()
            .filter(|r| r.expect == Expect::Deny && simple(&r.op))
        {
            // the kernel shows the process's number where the row says `self`, and directories
            // with a slash
            let path = row.args[0].as_str();
            if path.contains("/self/") {
                continue;
            }
            looked_for += 1;
            let directory = format!("{path}/");
            assert!(
                names.contains(path) || names.contains(directory.as_str()),
                "{}: the denial of `{}` is not in the kernel's log",
                table.name,
                row.words()
            );
        }
    }
    println!("{looked_for} denials found in the kernel's log");
    assert!(looked_for > 100);
}
