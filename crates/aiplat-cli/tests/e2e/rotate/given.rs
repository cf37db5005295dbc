//! Values that an operator gives, and secrets that must never change.

use super::{ask, secrets, settled};
use crate::support::bed::Bed;

/// What a shell, a template or a statement would take for its own.
const OWN: &str = "Canary$HOME-${x}'%s-Own-Password";

#[test]
fn a_changed_value_is_rotated_or_refused_and_never_half_taken() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("g").with("SERVICES", "postgres,grafana");
    stack.deploy().ok();
    let before = secrets(&stack);
    let changed = stack.clone().with("POSTGRES_PASSWORD", OWN);
    for command in ["deploy", "plan"] {
        let run = changed.run(&[command]);
        let run = run.fails(4, &["POSTGRES_PASSWORD", "aiplat rotate postgres_password"]);
        assert!(!run.said().contains("Canary"), "{}", run.said());
    }
    assert_eq!(secrets(&stack), before, "refused, and nothing touched");
    let run = changed.run(&["rotate", "postgres_password", "--yes"]).ok();
    assert!(!run.said().contains("Canary"), "{}", run.said());
    settled(&stack);
    assert_eq!(secrets(&stack)["postgres_password"], OWN, "literally");
    assert!(ask::role(&stack, "postgres", "postgres", OWN));
    assert!(!ask::role(
        &stack,
        "postgres",
        "postgres",
        &before["postgres_password"]
    ));
    // with and without it in the environment, it is the value now
    assert_eq!(changed.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    assert_eq!(stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    // one's own is left to oneself
    changed
        .run(&["rotate", "postgres_password", "--yes"])
        .fails(4, &["POSTGRES_PASSWORD", "another value there"]);

    let never = stack
        .clone()
        .with("GRAFANA_SECRET_KEY", "Canary-of-another-key");
    let run = never
        .deploy()
        .fails(4, &["GRAFANA_SECRET_KEY", "never", "encrypted with it"]);
    assert!(!run.said().contains("Canary"), "{}", run.said());
    stack
        .run(&["rotate", "grafana_secret_key", "nobody", "--yes"])
        .fails(3, &["never", "nobody", "expected a secret of this stack"]);
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
}
