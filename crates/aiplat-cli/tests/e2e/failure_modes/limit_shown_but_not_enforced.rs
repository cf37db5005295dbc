//! A limit, a capability or a profile is shown and not in force; or a service is called healthy that answers nobody. What
//! holds is read from the kernel here, not from the product's own words or the engine's. `drift` takes settings away one by
//! one, through the engine and in the kernel, and has them found and mended.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::stack::Stack;

fn look(stack: &Stack<'_>, service: &str) -> Value {
    let path = format!("/containers/{}/json", stack.container(service));
    stack.bed.engine.get(&path)
}

/// The file of a container's memory limit in the kernel's hierarchy, of either version.
fn memory_limit(pid: u64) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    let one = |line: &str| -> Option<PathBuf> {
        let (kinds, path) = line.split_once(':')?.1.split_once(':')?;
        let below = path.trim_start_matches('/');
        match kinds {
            "" => Some(Path::new("/sys/fs/cgroup").join(below).join("memory.max")),
            "memory" => Some(
                Path::new("/sys/fs/cgroup/memory")
                    .join(below)
                    .join("memory.limit_in_bytes"),
            ),
            _ => None,
        }
    };
    let files: Vec<PathBuf> = text
        .lines()
        .filter_map(one)
        .filter(|path| path.is_file())
        .collect();
    let [file] = files.as_slice() else {
        panic!("expected one limit: {text}")
    };
    std::fs::read_to_string(file)
        .unwrap()
        .trim()
        .parse()
        .expect("a number of bytes, not `max`")
}

fn status(pid: u64, key: &str) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{key}:")));
    line.unwrap_or_else(|| panic!("{key}")).trim().to_owned()
}

#[test]
fn what_is_shown_is_what_the_kernel_holds() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("k");
    stack.deploy().ok();
    // the front door may bind to low ports, the cache may do nothing
    for (service, capabilities) in [("redis", 0_u64), ("caddy", 1 << 10)] {
        let container = look(&stack, service);
        let pid = container["State"]["Pid"].as_u64().unwrap();
        let shown = container["HostConfig"]["Memory"].as_u64().unwrap();
        assert!(
            shown > 0 && memory_limit(pid) == shown,
            "{service}: {} of {shown}",
            memory_limit(pid)
        );
        let effective = u64::from_str_radix(&status(pid, "CapEff"), 16).unwrap();
        assert_eq!(effective & !capabilities, 0, "{service}: {effective:x}");
        assert_eq!(
            (status(pid, "NoNewPrivs"), status(pid, "Seccomp")),
            ("1".into(), "2".into()),
            "{service}"
        );
        let user = stack.env["STACK_USER_UID"].clone();
        assert!(
            status(pid, "Uid").split_whitespace().all(|uid| uid == user),
            "{service}"
        );
        let mounts = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap();
        let root = mounts
            .lines()
            .find(|line| line.split(' ').nth(4) == Some("/"))
            .expect("a root");
        assert!(
            root.split(' ')
                .nth(5)
                .is_some_and(|options| options.split(',').any(|o| o == "ro")),
            "{service}: {root}"
        );
    }

    // a limit that is taken away is seen, and is in force again after the next deploy
    let before = memory_limit(look(&stack, "redis")["State"]["Pid"].as_u64().unwrap());
    let id = stack.container("redis");
    let wider = json!({"Memory": before * 4, "MemorySwap": before * 4});
    let (code, said) = bed
        .engine
        .call("POST", &format!("/containers/{id}/update"), &wider);
    assert_eq!(code, 200, "{}", String::from_utf8_lossy(&said));
    assert_eq!(stack.run(&["plan"]).code, 2);
    stack.deploy().ok();
    assert_eq!(
        memory_limit(look(&stack, "redis")["State"]["Pid"].as_u64().unwrap()),
        before
    );
}

#[test]
fn a_service_that_answers_nobody_is_not_healthy() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("h");
    stack.deploy().ok();
    stack.run(&["health"]).ok();
    // it runs and listens as before, and lets no one in who has the stack's password
    assert_eq!(stack.redis("config set requirepass nobodys"), "OK");
    assert_eq!(look(&stack, "redis")["State"]["Running"], true);
    stack.run(&["health"]).fails(6, &["redis"]);
    stack.run(&["restart", "redis", "--yes"]).ok();
    stack.run(&["health"]).ok();
}
