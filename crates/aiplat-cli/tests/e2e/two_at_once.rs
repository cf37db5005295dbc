//! Several runs at the same moment.

use std::collections::BTreeSet;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::bed::Bed;
use crate::support::stack::Stack;
use crate::support::until;

#[test]
fn stacks_that_are_made_at_the_same_moment_share_nothing() {
    let Some(bed) = Bed::new() else { return };
    // nothing but names is given: each asks for the same ports, users and subnets first
    let stacks = ["a", "b", "c"].map(|name| {
        bed.one_line(name)
            .without("STACK_USER_UID")
            .with("SERVICES", "redis,caddy,prometheus,grafana")
    });
    let running = stacks.each_ref().map(|stack| stack.start(&["deploy"]));
    for run in running {
        run.end().ok();
    }
    let keys = [
        "STACK_USER_UID",
        "STACK_USER_GID",
        "OPENCLAW_UID",
        "STACK_SUBNET",
        "PROMETHEUS_PORT",
        "GRAFANA_PORT",
        "CADDY_HTTP_PORT",
        "CADDY_HTTPS_PORT",
    ];
    let values =
        |stack: &Stack<'_>| keys.map(|key| stack.manifest(key).unwrap_or_else(|| panic!("{key}")));
    let all: Vec<_> = stacks.iter().map(values).collect();
    let mut users = BTreeSet::new();
    let mut ports = BTreeSet::new();
    for values in &all {
        users.extend([&values[0], &values[2]]);
        ports.extend(&values[4..]);
    }
    assert_eq!(users.len(), 2 * stacks.len(), "{all:?}");
    assert_eq!(ports.len(), 4 * stacks.len(), "{all:?}");
    let subnets: BTreeSet<_> = all.iter().map(|values| &values[3]).collect();
    assert_eq!(subnets.len(), stacks.len(), "{all:?}");
    // and each is as wanted
    for stack in &stacks {
        assert_eq!(stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    }
}

#[test]
fn of_two_deploys_of_one_stack_the_second_says_who_has_the_lock() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("s");
    let running = [stack.start(&["deploy"]), stack.start(&["deploy"])];
    let pids = running.each_ref().map(|run| run.pid().to_string());
    let ended = running.map(crate::support::run::Running::end);
    let winners: Vec<usize> = (0..2).filter(|&run| ended[run].code == 0).collect();
    let &[winner] = winners.as_slice() else {
        panic!("{ended:#?}")
    };
    let [first, second] = ended;
    let loser = if winner == 0 { second } else { first };
    loser.fails(7, &["lock", &pids[winner], "deploy"]);
    assert_eq!(stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);
}

#[test]
fn while_a_stack_is_made_it_can_be_looked_at_and_nothing_else() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("w");
    let deploy = stack.start(&["deploy"]);
    let pid = deploy.pid().to_string();
    let redis = stack.container("redis");
    let made = |c: &Value| c["Name"].as_str().is_some_and(|name| name[1..] == *redis);
    until("it makes its containers", || {
        bed.engine.containers().iter().any(made)
    });
    // frozen there, so that it does not end before all have looked
    deploy.signal(Signal::STOP);
    stack
        .run(&["teardown", "--yes"])
        .fails(7, &[&pid, "deploy"]);
    let locked = stack.run(&["deploy", "--json"]);
    assert_eq!(
        (locked.code, locked.json()["error"]["kind"].as_str()),
        (7, Some("locked"))
    );
    // one that only looks waits for nobody
    stack.run(&["plan", "--json"]).json();
    deploy.signal(Signal::CONT);
    // another new stack is planned and made meanwhile
    bed.small("x").deploy().ok();
    deploy.end().ok();
    stack.run(&["plan"]).ok();
}
