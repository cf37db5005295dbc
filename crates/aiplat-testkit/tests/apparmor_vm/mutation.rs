//! Would anybody notice if a rule were missing? Each rule of each profile is taken out in turn.

use std::collections::BTreeSet;
use std::fmt::Write;

use aiplat_apparmor::{Profile, ProfileName};
use aiplat_testkit::vm::{Script, Table, Verdict, load_survivors};

use crate::lab::{RUNTIMES, fixtures, lab, tables};

/// A profile without one of its rules.
struct Mutant {
    rule: String,
    profile: Profile,
}

fn mutants(table: &Table) -> Vec<Mutant> {
    let count = table.profile.profile().rules().len();
    (0..count)
        .map(|index| {
            let mut spec = table.profile.clone();
            // a name of its own, so that all are loaded side by side
            spec.name = ProfileName::for_service("m", &format!("{}-{index}", table.name)).unwrap();
            let whole = spec.profile();
            let rule = whole.rules()[index].id.clone();
            Mutant {
                rule,
                profile: whole.without(index),
            }
        })
        .collect()
}

fn every_missing_rule_is_noticed_in(name: &str) {
    let tables = tables();
    let survivors = load_survivors(&fixtures()).unwrap();
    let Some(lab) = lab() else { return };
    let table = tables.iter().find(|table| table.name == name).unwrap();
    assert!(table.mutate);
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
    script.quiet();
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

    let mut report = String::new();
    let mut wrong = Vec::new();
    let mut survived = BTreeSet::new();
    for (mutant, case) in mutants.iter().zip(&cases) {
        let words = answers.words(case, table);
        let noticed: Vec<String> = table
            .rows()
            .iter()
            .zip(&words)
            .filter(|(row, word)| row.judge(word) != Verdict::AsExpected)
            .map(|(row, word)| format!("`{}` ({word})", row.words()))
            .collect();
        let rule = &mutant.rule;
        let Some((first, rest)) = noticed.split_first() else {
            survived.insert(rule.as_str());
            match survivors.iter().find(|survivor| survivor.is(name, rule)) {
                Some(survivor) => {
                    let _ = writeln!(
                        report,
                        "{name}: {rule}: nobody, as stated: {}",
                        survivor.why
                    );
                }
                None => wrong.push(format!("{name}: {rule}: nobody notices that it is missing")),
            }
            continue;
        };
        let _ = writeln!(report, "{name}: {rule}: {first} and {} more", rest.len());
    }
    for survivor in survivors
        .iter()
        .filter(|survivor| survivor.tables.iter().any(|t| t == name))
    {
        if !survived.contains(survivor.rule.as_str()) {
            wrong.push(format!(
                "{name}: {} is stated as a survivor, but it is noticed or gone: take it out of the list",
                survivor.rule
            ));
        }
    }
    println!(
        "{report}{name}: {} of {} missing rules noticed by {} rows, {} stated survivors, {:.1} s in the machine",
        mutants.len() - survived.len(),
        mutants.len(),
        table.rows().len(),
        survived.len(),
        transcript.took.as_secs_f64()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_missing_rule_of_the_default_kind_is_noticed() {
    every_missing_rule_is_noticed_in("default");
}

#[test]
fn every_missing_rule_of_openclaw_is_noticed() {
    every_missing_rule_is_noticed_in("openclaw");
}

#[test]
fn every_missing_rule_of_tailscale_is_noticed() {
    every_missing_rule_is_noticed_in("tailscale");
}

#[test]
fn every_missing_rule_of_the_tunnel_is_noticed() {
    every_missing_rule_is_noticed_in("tailscale-tun");
}

#[test]
fn every_table_that_says_so_is_mutated() {
    let named: BTreeSet<_> = tables()
        .into_iter()
        .filter(|t| t.mutate)
        .map(|t| t.name)
        .collect();
    let tested = ["default", "openclaw", "tailscale", "tailscale-tun"];
    assert_eq!(named, tested.into_iter().map(str::to_owned).collect());
}
