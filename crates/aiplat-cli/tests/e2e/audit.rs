//! Who changed what: on the real engine, with runs that do well, fail, change nothing and die.

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::stack::Stack;

fn entries(stack: &Stack<'_>) -> Vec<Value> {
    let shown = stack.run(&["audit", "show", "--json"]).ok().json();
    assert_eq!(shown["intact"], true, "{shown}");
    shown["entries"].as_array().unwrap().clone()
}

#[test]
fn every_change_leaves_its_trace_and_a_changed_trace_is_found() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed
        .one_line("t")
        .with("SERVICES", "redis")
        .with("BIND_ADDRESS", bed.address())
        .with("SUDO_UID", "1007")
        .with("SUDO_USER", "eve");
    stack.run(&["deploy", "--set=STACK_PIDS=3000"]).ok();
    let first = entries(&stack);
    assert_eq!(first.len(), 1, "{first:?}");
    let entry = &first[0];
    assert_eq!(
        entry["arguments"],
        json!(["deploy", "--set=STACK_PIDS=3000"])
    );
    assert_eq!(entry["who"]["sudo"]["user"], "eve");
    assert_eq!(entry["plan"].as_str().map(str::len), Some(16), "{entry}");
    assert_eq!(entry["ended"]["result"], "ok", "{entry}");

    // nothing to change, and only looked at: no trace
    stack.deploy().ok();
    stack.run(&["status"]).ok();
    stack.run(&["plan"]).ok();
    let nothing: [&[&str]; 2] = [&["remove", "caddy", "-y"], &["upgrade", "-y"]];
    let own = (json!(stack.name), json!(stack.id()));
    for quiet in [&["audit", "show"][..], &["audit", "verify"]]
        .into_iter()
        .chain(nothing)
    {
        let told = stack.run(&[quiet, &["--json"]].concat()).ok().json();
        let whose = (told["stack"].clone(), told["stack_id"].clone());
        assert_eq!(whose, own, "{quiet:?}: {told}");
    }
    assert_eq!(entries(&stack), first);

    // one that dies and one that fails
    let dies = stack.clone().with("AIPLAT_TEST_KILL_AFTER", "3");
    assert_eq!(
        dies.run(&["deploy", "--set=STACK_PIDS=2000"]).signal,
        Some(9)
    );
    let broken = stack
        .clone()
        .with("IMAGE_REDIS", "localhost/aiplat/no-such-image:1");
    assert_ne!(broken.run(&["deploy", "-y"]).code, 0);
    let told = entries(&stack);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[1]["ended"], Value::Null, "it died");
    assert_eq!(told[2]["ended"]["result"], "failed");
    let why = told[2]["ended"]["error"].as_str().unwrap();
    assert!(why.contains("no-such-image"), "{why}");
    stack.run(&["audit", "verify"]).ok();

    // somebody's hand, and back
    let log = stack.base.join("config/audit.jsonl");
    let whole = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, whole.replacen("\"eve\"", "\"bob\"", 1)).unwrap();
    stack
        .run(&["audit", "verify"])
        .fails(11, &["record 1 (line 1) was changed"]);
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    std::fs::write(&log, lines[..lines.len() - 1].concat()).unwrap();
    stack
        .run(&["audit", "verify"])
        .fails(11, &["the log was cut off: record 5 is missing"]);
    std::fs::write(&log, &whole).unwrap();
    stack.run(&["audit", "verify"]).ok();

    // the trail of a stack that is gone stays
    let id = stack.id();
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
    assert!(!log.exists());
    let kept = stack
        .run(&["audit", "show", "--stack-id", &id, "--json"])
        .ok()
        .json();
    assert_eq!(
        (&kept["stack"], &kept["stack_id"]),
        (&Value::Null, &json!(id))
    );
    let kept = kept["entries"].as_array().unwrap();
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert_eq!(kept[3]["command"], "teardown");
    assert_eq!(kept[3]["ended"]["result"], "ok");
    stack.run(&["audit", "verify", "--stack-id", &id]).ok();
    stack.run(&["audit", "show"]).fails(10, &["--stack-id"]);
}
