use super::*;

fn planned(id: &str, change: Change) -> PlannedStep {
    PlannedStep {
        id: id.to_owned(),
        after: Vec::new(),
        change,
        why: "the test wants it".to_owned(),
        risk: None,
        step: Step::Release,
    }
}

#[test]
fn proofs_of_health_are_no_changes() {
    let mut plan = Plan {
        stack: "a".parse().unwrap(),
        stack_id: "0123456789ab".parse().unwrap(),
        base_dir: "/mnt/a".into(),
        services: Vec::new(),
        steps: vec![planned("a", Change::Verify), planned("b", Change::Verify)],
        notes: Vec::new(),
    };
    assert!(!plan.has_changes());
    plan.steps.push(planned("c", Change::Remove));
    assert!(plan.has_changes());
    let counts = [Change::Verify, Change::Remove, Change::Create].map(|change| plan.count(change));
    assert_eq!(counts, [2, 1, 0]);
}
