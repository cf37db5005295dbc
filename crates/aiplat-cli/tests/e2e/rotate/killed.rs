//! SIGKILL after a sample of the journal's records, then the same command.

use super::{ask, secrets, settled};
use crate::support::bed::Bed;
use crate::support::stack::Stack;

/// Whether exactly one of two values is let in by a service that has no overlap; for one that has, one at least.
#[track_caller]
fn alive(stack: &Stack<'_>, after: usize) {
    let all = secrets(stack);
    let values = |name: &str| -> Vec<&String> {
        let own = |file: &&String| file.split('.').next() == Some(name);
        let mut found: Vec<_> = all.iter().filter(|(f, _)| own(f)).map(|(_, v)| v).collect();
        found.dedup();
        found.sort();
        found.dedup();
        found
    };
    let roles = values("postgres_password");
    let let_in = roles
        .iter()
        .filter(|v| ask::role(stack, "postgres", "postgres", v))
        .count();
    assert_eq!(let_in, 1, "killed after {after}: of {} values", roles.len());
}

#[test]
fn a_killed_rotation_leaves_one_of_the_two_and_the_same_command_finishes_it() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("k").with("SERVICES", "postgres,redis,qdrant");
    stack.deploy().ok();
    let mut survived = None;
    // every seventh is in another part of the rotation; all of them are tried on the fakes
    for after in (2..).step_by(7) {
        let old = secrets(&stack);
        let killed = stack
            .clone()
            .with("AIPLAT_TEST_KILL_AFTER", after.to_string());
        let killed = killed.run(&["rotate", "--yes"]);
        if killed.code == 0 {
            survived = Some(after);
            break;
        }
        assert_eq!(killed.signal, Some(9), "after {after}: {}", killed.said());
        alive(&stack, after);
        let unfinished = secrets(&stack).keys().any(|name| name.contains('.'));
        if unfinished {
            let status = stack.run(&["status"]);
            assert!(
                status.said().contains("`aiplat rotate` goes on"),
                "{}",
                status.said()
            );
        }
        stack.run(&["rotate", "--yes"]).ok();
        settled(&stack);
        let new = secrets(&stack);
        for name in ["postgres_password", "redis_password", "qdrant_api_key"] {
            assert_ne!(old[name], new[name], "killed after {after}");
        }
        let at = format!("killed after {after}");
        assert!(
            ask::role(&stack, "postgres", "postgres", &new["postgres_password"]),
            "{at}"
        );
        assert!(
            !ask::role(&stack, "postgres", "postgres", &old["postgres_password"]),
            "{at}"
        );
        assert!(ask::cache(&stack, &new["redis_password"]), "{at}");
        assert!(!ask::cache(&stack, &old["redis_password"]), "{at}");
        assert!(ask::qdrant(&stack, &new["qdrant_api_key"]), "{at}");
        assert!(!ask::qdrant(&stack, &old["qdrant_api_key"]), "{at}");
    }
    assert!(survived.is_some_and(|n| n > 20), "{survived:?}");
    assert_eq!(stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
}
