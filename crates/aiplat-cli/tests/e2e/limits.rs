//! Limits of the whole stack: below those of its services, lowered and raised while it runs, and refused where too low.

use std::path::Path;

use crate::support::bed::Bed;
use crate::support::stack::Stack;

/// Thousandths of a processor that the kernel gives the stack, whichever layout its cgroups have.
fn processors(stack: &Stack<'_>) -> u64 {
    let parent = format!("aiplat-{}", stack.id());
    let root = Path::new("/sys/fs/cgroup");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
    let quota = read(&format!("cpu/{parent}/cpu.cfs_quota_us"))
        .or_else(|| read(&format!("{parent}/cpu.max")))
        .expect("the cgroup");
    let quota = quota.split_whitespace().next().unwrap();
    quota.parse::<u64>().expect("a limit") / 100
}

/// What the engine was asked for.
fn of_service(stack: &Stack<'_>, service: &str) -> u64 {
    let path = format!("/containers/{}/json", stack.container(service));
    let found = stack.bed.engine.get(&path);
    found["HostConfig"]["NanoCpus"].as_u64().unwrap() / 1_000_000
}

#[test]
fn a_low_limit_holds_its_services_and_one_that_is_too_low_changes_nothing() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("m").with("SERVICES", "postgres,qdrant");
    let deploy = |arguments: &[&str]| stack.run(&[&["deploy", "--yes"], arguments].concat());
    // both have two processors of their own
    deploy(&["--cpus", "1.5", "--memory", "4g", "--pids", "2000"]).ok();
    assert_eq!(processors(&stack), 1500);
    for (cpus, own, whole) in [("1.75", 1750, 1750), ("1.2", 1200, 1200)] {
        deploy(&["--cpus", cpus]).ok();
        assert_eq!(
            (of_service(&stack, "qdrant"), processors(&stack)),
            (own, whole)
        );
        assert_eq!(stack.run(&["plan"]).code, 0, "{cpus}");
    }

    let manifest = || std::fs::read(stack.base.join("config/.env")).unwrap();
    let before = manifest();
    for (limit, value, key) in [
        ("--memory", "6m", "`STACK_MEMORY` of at least"),
        ("--pids", "2", "`STACK_PIDS` of at least"),
    ] {
        deploy(&[limit, value]).fails(3, &[key, "which the stack's services use now", value]);
        assert_eq!(manifest(), before, "{limit}");
    }
    assert_eq!(stack.run(&["plan"]).code, 0, "nothing of it was kept");
    stack.run(&["health"]).ok();

    // one that was lowered in the manifest waits for no deploy: an addition is one
    let text = std::fs::read_to_string(stack.base.join("config/.env")).unwrap();
    stack.write_manifest(&text.replace("STACK_CPUS=1.2", "STACK_CPUS=1.1"));
    let adding = stack.clone().without("SERVICES");
    adding.run(&["add", "redis"]).ok();
    assert_eq!(
        (of_service(&stack, "qdrant"), processors(&stack)),
        (1100, 1100)
    );
}
