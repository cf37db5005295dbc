//! The plans of the stacks in `fixtures/stacks`, byte for byte.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aiplat_core::plan::Plan;
use aiplat_testkit::fake::stack::Recipe;

use crate::common::{bare, case, catalogue};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/stacks")
}

fn recipe(name: &str) -> Recipe {
    let text = std::fs::read_to_string(folder().join(format!("{name}.env"))).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| line.split_once('='));
    pairs.fold(Recipe::default(), |recipe, (key, value)| {
        recipe.with(key, value)
    })
}

fn planned(name: &str) -> Plan {
    let (catalogue, host) = (catalogue(), bare(true));
    let case = case(&recipe(name), &host, &catalogue);
    let plan = case.plan(&host);
    assert_eq!(case.check(&plan, &catalogue), [""; 0]);
    plan
}

fn same(file: &str, found: &str) {
    let path = folder().join(file);
    if std::env::var_os("AIPLAT_UPDATE_FIXTURES").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = wanted.lines().zip(found.lines()).position(|(a, b)| a != b);
    let at = differs.unwrap_or_else(|| wanted.lines().count().min(found.lines().count()));
    assert!(
        wanted == found,
        "`{file}` differs from line {}: expected {:?}, found {:?}; see fixtures/stacks/README.md",
        at + 1,
        wanted.lines().nth(at),
        found.lines().nth(at),
    );
}

/// One line a step: what it means, its name, what it waits for, why.
fn outline(plan: &Plan) -> String {
    let mut text = String::new();
    for step in &plan.steps {
        let change = serde_json::to_value(step.change).unwrap();
        let after = step.after.join(" ");
        writeln!(
            text,
            "{} {} <- {after} : {}",
            change.as_str().unwrap(),
            step.id,
            step.why
        )
        .unwrap();
    }
    for note in &plan.notes {
        writeln!(text, "note: {note}").unwrap();
    }
    text
}

#[test]
fn whole_plans_are_as_they_were() {
    for name in ["small", "front-door"] {
        let json = serde_json::to_string_pretty(&planned(name)).unwrap();
        same(&format!("{name}.json"), &(json + "\n"));
    }
}

#[test]
fn outlines_are_as_they_were() {
    for name in ["small", "front-door", "everything", "one-line"] {
        same(&format!("{name}.outline"), &outline(&planned(name)));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for name in ["front-door", "everything", "one-line"] {
        let first = serde_json::to_string(&planned(name)).unwrap();
        for _ in 0..3 {
            assert_eq!(
                serde_json::to_string(&planned(name)).unwrap(),
                first,
                "{name}"
            );
        }
    }
}
