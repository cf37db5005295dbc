//! What an engine says of a service that was paused, as a backup pauses it, is not what the service is; and what the
//! numbers say of backups.

use std::collections::BTreeSet;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::bed::Bed;
use crate::support::stack::Stack;
use crate::support::until;

/// Pauses a service's container for a moment and answers the engine's own words on its health, state and streak.
fn paused(stack: &Stack<'_>, service: &str) -> (String, u64) {
    let (engine, name) = (&stack.bed.engine, stack.container(service));
    for act in ["pause", "unpause"] {
        let (status, _) = engine.call("POST", &format!("/containers/{name}/{act}"), &Value::Null);
        assert_eq!(status, 204, "{act}");
    }
    let health = &engine.get(&format!("/containers/{name}/json"))["State"]["Health"];
    let word = health["Status"].as_str().unwrap().to_owned();
    (word, health["FailingStreak"].as_u64().unwrap())
}

/// The process of a container that answers, and all others in it.
fn processes(stack: &Stack<'_>, service: &str) -> BTreeSet<i32> {
    let path = format!("/containers/{}/top", stack.container(service));
    let top = stack.bed.engine.get(&path);
    let column = top["Titles"].as_array().unwrap();
    let column = column.iter().position(|title| title == "PID").unwrap();
    let all = top["Processes"].as_array().unwrap().iter();
    all.map(|line| line[column].as_str().unwrap().parse().unwrap())
        .collect()
}

fn state(status: &Value, service: &str) -> String {
    let mut all = status["services"].as_array().unwrap().iter();
    let found = all.find(|row| row["service"] == service).unwrap();
    found["state"].as_str().unwrap().to_owned()
}

#[test]
fn status_and_health_agree_after_a_pause() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("p").with("SERVICES", "redis");
    stack.deploy().ok();
    // what this test is about; the engine's own next question, which it may have asked by then, ends it
    until("the engine takes it for unwell", || {
        paused(&stack, "redis") == ("unhealthy".to_owned(), 0)
    });
    let status = stack.run(&["status", "--json"]).ok().json();
    assert_eq!(state(&status, "redis"), "healthy");
    stack.run(&["health"]).ok();
    // and one that really does not answer is not taken for well
    let inside = processes(&stack, "redis");
    assert!(!inside.is_empty());
    let each = |signal| {
        for pid in &inside {
            kill_process(Pid::from_raw(*pid).unwrap(), signal).unwrap();
        }
    };
    each(Signal::STOP);
    paused(&stack, "redis");
    let (status, health) = (stack.run(&["status", "--json"]), stack.run(&["health"]));
    each(Signal::CONT);
    // as the engine has it by then, but not well
    let state = state(&status.fails(6, &[]).json(), "redis");
    assert!(
        ["starting", "unhealthy"].contains(&state.as_str()),
        "{state}"
    );
    health.fails(6, &["redis"]);
    stack.run(&["status"]).ok();
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
}

/// When the last whole backup ended, and whether the last one was whole.
fn backups(stack: &Stack<'_>) -> (u64, Option<u64>) {
    let text = stack.run(&["metrics"]).ok().out;
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.rsplit(' ').next()?.parse().ok()
    };
    let last = value("aiplat_backup_last_success_seconds");
    (last.expect("always there"), value("aiplat_backup_last_ok"))
}

#[test]
fn the_numbers_say_when_the_last_backup_was_and_whether_it_was_one() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("b").with("SERVICES", "redis");
    stack.deploy().ok();
    assert_eq!(backups(&stack), (0, None), "none was made");
    let to = bed.home.join("archives").display().to_string();
    let argv = ["backup", "--to", &to, "--unencrypted"];
    stack.run(&argv).ok();
    let (last, good) = backups(&stack);
    // in the second in which the trail says that it ended: a machine's clock may go back between two looks at it
    let trail = std::fs::read_to_string(stack.base.join("config/audit.jsonl")).unwrap();
    let end: Value = serde_json::from_str(trail.lines().last().unwrap()).unwrap();
    let at = humantime::parse_rfc3339(end["at"].as_str().unwrap()).unwrap();
    let at = at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(last, at, "{end}");
    assert_eq!(good, Some(1));
    let killed = stack.clone().with("AIPLAT_TEST_KILL_AFTER", "1");
    assert_eq!(killed.run(&argv).signal, Some(9));
    stack.run(&["restart", "redis"]).ok();
    assert_eq!(backups(&stack), (last, Some(0)), "the last one died");
    stack.run(&argv).ok();
    assert_eq!(backups(&stack).1, Some(1));
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
}
