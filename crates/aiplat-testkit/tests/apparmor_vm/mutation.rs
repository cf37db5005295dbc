//! Would anybody notice if a rule were missing? Each rule of each profile is taken out in turn.

use std::collections::BTreeSet;
use std::fmt::Write;

use aiplat_apparmor::ProfileName;
use aiplat_testkit::vm::{Script, Table, Verdict, load_survivors};

use crate::lab::{RUNTIMES, fixtures, lab, tables};

struct Mutant<'a> {
    table: &'a Table,
    rule: String,
    profile: aiplat_apparmor::Profile,
}

fn mutants(table: &Table) -> Vec<Mutant<'_>> {
    let count = table.profile.profile().rules().len();
    (0..count)
        .map(|index| {
            let mut spec = table.profile.clone();
            // a name of its own, so that all are loaded side by side
            spec.name = ProfileName::for_service("m", &format!("{}-{index}", table.name)).unwrap();
            let whole = spec.profile();
            let rule = whole.rules()[index].id.clone();
            Mutant {
                table,
                rule,
                profile: whole.without(index),
            }
        })
        .collect()
}

#[test]
fn a_missing_rule_is_noticed() {
    let tables = tables();
    let survivors = load_survivors(&fixtures()).unwrap();
    let Some(lab) = lab() else { return };
    let mut report = String::new();
    let mut unexpected = Vec::new();
    let mut survived: BTreeSet<(String, String)> = BTreeSet::new();
    let (mut killed, mut total, mut seconds) = (0, 0, 0.0);
    // one boot per kind keeps each within the machine's limit on a busy host
    for table in tables.iter().filter(|table| table.mutate) {
        let mutants = mutants(table);
        let other = tables
            .iter()
            .find(|t| t.profile.name.as_str() == table.other)
            .unwrap();
        let other = other.profile.profile();
        let mut profiles: Vec<_> = mutants.iter().map(|mutant| &mutant.profile).collect();
        profiles.push(&other);
        let policies = lab.compile(&profiles);

        let mut script = Script::new();
        let mut loads: Vec<_> = profiles
            .iter()
            .map(|p| script.load(p.name().as_str()))
            .collect();
        loads.push(script.load(RUNTIMES));
        script.container();
        script.table(table);
        let cases: Vec<_> = mutants
            .iter()
            .map(|mutant| script.case(Some(mutant.profile.name().as_str()), &table.other))
            .collect();
        let transcript = lab.machine.run(&script, &policies).unwrap();
        let answers = &transcript.answers;
        for load in loads {
            assert_eq!(answers.of(load), "ok", "a policy was not loaded");
        }
        seconds += transcript.took.as_secs_f64();

        for (mutant, case) in mutants.iter().zip(&cases) {
            total += 1;
            let words = answers.words(case, mutant.table);
            let noticed: Vec<String> = mutant
                .table
                .rows()
                .iter()
                .zip(&words)
                .filter(|(row, word)| row.judge(word) != Verdict::AsExpected)
                .map(|(row, word)| format!("{} ({word})", row.words()))
                .collect();
            let who = format!("{}: {}", mutant.table.name, mutant.rule);
            match noticed.as_slice() {
                [] => {
                    survived.insert((mutant.table.name.clone(), mutant.rule.clone()));
                    let stated = survivors.iter().find(|survivor| {
                        survivor.rule == mutant.rule && survivor.tables.contains(&mutant.table.name)
                    });
                    match stated {
                        Some(survivor) => {
                            let _ = writeln!(report, "{who}: nobody, as stated: {}", survivor.why);
                        }
                        None => {
                            unexpected.push(format!("{who}: nobody notices that it is missing"))
                        }
                    }
                }
                [first, rest @ ..] => {
                    killed += 1;
                    let _ = writeln!(report, "{who}: {first} and {} more", rest.len());
                }
            }
        }
    }
    for survivor in &survivors {
        for table in &survivor.tables {
            if !survived.contains(&(table.clone(), survivor.rule.clone())) {
                unexpected.push(format!(
                    "{table}: {} is stated as a survivor, but it is noticed or gone: take it out of the list",
                    survivor.rule
                ));
            }
        }
    }
    println!(
        "{report}{killed} of {total} missing rules noticed, {} stated survivors, {seconds:.1} s in the machine",
        total - killed
    );
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}
