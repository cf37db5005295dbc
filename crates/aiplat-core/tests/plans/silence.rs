//! No secret is ever shown: not in a plan's JSON, not in what is printed for debugging, not in an error.

use aiplat_core::allocation::Register;
use aiplat_core::plan::{check, plan};
use aiplat_testkit::fake::stack::CANARY;
use aiplat_vectordb::StoreKind;

use crate::common::{bare, case, catalogue, everything};

fn silent(what: &str, text: &str) {
    if let Some(at) = text.find(CANARY) {
        let from = text[..at]
            .char_indices()
            .rev()
            .nth(80)
            .map_or(0, |(i, _)| i);
        panic!(
            "{what} shows a secret: …{}",
            &text[from..text.len().min(at + 40)]
        );
    }
}

#[test]
fn neither_json_nor_debug_shows_one() {
    let catalogue = catalogue();
    for store in StoreKind::ALL {
        let host = bare(true);
        let case = case(&everything("a", 9, store), &host, &catalogue);
        let plan = case.plan(&host);
        silent("the plan's JSON", &serde_json::to_string(&plan).unwrap());
        silent("the plan", &format!("{plan:?} {plan:#?}"));
        silent("what is wanted", &format!("{:?}", case.desired));
        silent("the configuration", &format!("{:?}", case.stack.config));
        silent("the manifest", &case.stack.config.manifest);
        for service in &case.desired.services {
            silent("a hash", &service.container.hash());
        }
    }
}

#[test]
fn the_secrets_are_in_the_plan_all_the_same() {
    let catalogue = catalogue();
    let host = bare(true);
    let case = case(&everything("a", 9, StoreKind::Qdrant), &host, &catalogue);
    let plan = case.plan(&host);
    let exposed: String = crate::common::walk::texts(&plan)
        .iter()
        .map(|t| t.expose())
        .collect();
    for value in case.stack.secret_values() {
        assert!(
            exposed.contains(&value),
            "a test that finds nothing proves nothing"
        );
    }
}

#[test]
fn no_error_shows_one() {
    let catalogue = catalogue();
    let host = bare(true);
    let mut case = case(&everything("a", 9, StoreKind::Qdrant), &host, &catalogue);
    let made = case.plan(&host);
    // a host where everything is somebody else's
    let mut spoilt = aiplat_testkit::fake::simulate::simulate(&made, &host);
    for container in &mut spoilt.containers {
        container.labels.clear();
    }
    for state in spoilt.paths.values_mut() {
        *state = aiplat_core::observed::PathState::Other;
    }
    let problems = plan(&case.stack.config, &case.desired, &spoilt).unwrap_err();
    assert!(problems.len() > 40, "{}", problems.len());
    silent("a problem", &format!("{problems:?}"));
    problems
        .iter()
        .for_each(|p| silent("a problem", &p.to_string()));
    // a plan checked against another stack's configuration: everything in it is wrong
    case.stack.config.id = aiplat_core::names::StackId::from_bytes([77; 6]);
    let violations = check(&made, &case.stack.config, &catalogue, &Register::default());
    assert!(violations.len() > 20);
    violations
        .iter()
        .for_each(|v| silent("a violation", &format!("{v} {v:?}")));
}
