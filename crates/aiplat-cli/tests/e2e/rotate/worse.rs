//! A service that does not work with the new value.

use super::{ask, secrets, settled};
use crate::support::bed::Bed;
use crate::support::engine::FOREIGN_IMAGE;

/// Keeps the first password that it is told, and ends when it is told another.
const PICKY: &str = r#"
name = "picky"
title = "Picky"
summary = "takes one password for ever"
tier = "app"
needs = ["redis"]

[image]
reference = "IMAGE"
source = "a test"

[licence]
spdx = "MIT"

[run]
entrypoint = ["/bin/sh", "-c", "test -f /data/first || echo \"$PASSWORD\" > /data/first; test \"$(cat /data/first)\" = \"$PASSWORD\" || exit 3; exec sleep 3600"]
home = "/data"
init = true

[env]
PASSWORD = "{{ secret('redis_password') }}"

[[mounts]]
kind = "data"
source = "data"
target = "/data"

[health]
kind = "alive"
settle_seconds = 2
start_seconds = 20
engine_none = "it listens nowhere"

[metrics]
none = "has no metrics endpoint"

[limits]
memory = "64m"
cpus = 0.5
pids = 32

[data]
format = "picky-1"

[vector]
none = "keeps no vectors"
"#;

#[test]
fn what_does_not_become_healthy_brings_the_old_value_back_everywhere() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed
        .small("p")
        .with("SERVICES", "postgres,redis")
        .without("IMAGE_REGISTRY");
    let stack = stack
        .with("IMAGE_REDIS", "localhost/aiplat/valkey:8.1.8")
        .with("IMAGE_POSTGRES", "localhost/aiplat/postgres:17.11-trixie");
    stack.deploy().ok();
    let file = bed.home.join("picky.toml");
    std::fs::write(&file, PICKY.replace("IMAGE", FOREIGN_IMAGE)).unwrap();
    stack
        .run(&["add", &file.display().to_string(), "--yes"])
        .ok();
    let stack = stack.with("SERVICES", "postgres,redis,picky");
    let old = secrets(&stack);
    let run = stack.run(&["rotate", "redis_password", "postgres_password", "--yes"]);
    let run = run.fails(6, &["the old ones are in force again", "picky"]);
    let now = secrets(&stack);
    settled(&stack);
    assert_eq!(now, old, "every file holds what it held");
    for name in ["redis_password", "postgres_password"] {
        assert!(!run.said().contains(&old[name]), "{}", run.said());
    }
    assert!(ask::cache(&stack, &old["redis_password"]));
    assert!(ask::role(
        &stack,
        "postgres",
        "postgres",
        &old["postgres_password"]
    ));
    let path = format!("/containers/{}/json", stack.container("picky"));
    assert_eq!(bed.engine.get(&path)["State"]["Running"], true);
    // and the stack is as wanted
    assert_eq!(stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
}
