//! What somebody changes by hand: `plan` shows it, `deploy` mends it, and nothing else is touched.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::leftovers;
use crate::support::stack::Stack;

/// A container's id and the rest of what the engine tells of it.
fn look(stack: &Stack<'_>, service: &str) -> (String, Value) {
    let path = format!("/containers/{}/json", stack.container(service));
    let found = stack.bed.engine.get(&path);
    (found["Id"].as_str().unwrap().to_owned(), found)
}

fn post(stack: &Stack<'_>, path: &str, body: &Value) {
    let (status, answer) = stack.bed.engine.call("POST", path, body);
    let said = String::from_utf8_lossy(&answer).into_owned();
    assert!((200..300).contains(&status), "POST {path}: {status} {said}");
}

/// Drift is shown by `plan`, in these words, and mended by `deploy`; then there is none.
fn shown_and_mended(stack: &Stack<'_>, deep: bool, words: &[&str]) {
    let arguments: &[&str] = if deep { &["plan", "--deep"] } else { &["plan"] };
    let plan = stack.run(arguments);
    assert_eq!(plan.code, 2, "{words:?}: {}", plan.said());
    for word in words {
        assert!(plan.out.contains(word), "`{word}` in {}", plan.out);
    }
    let deploy: &[&str] = if deep {
        &["deploy", "--deep", "--json"]
    } else {
        &["deploy", "--json"]
    };
    let report = stack.run(deploy).ok().json();
    assert!(report["changes"].as_u64().unwrap() > 0, "{words:?}");
    let after = stack.run(&["plan", "--deep"]);
    assert_eq!(after.code, 0, "{words:?}: {}", after.said());
    for service in ["redis", "caddy"] {
        let state = look(stack, service).1["State"]["Status"].clone();
        assert_eq!(state, "running", "{words:?}: {service}");
    }
}

fn small<'b>(bed: &'b Bed, name: &str) -> Stack<'b> {
    // limits of its own: a parent cgroup that can be changed by hand too
    let stack = bed.small(name).with("STACK_PIDS", "2000");
    stack.deploy().ok();
    stack
}

#[test]
fn a_limit_goes_with_its_key_and_a_name_does_not() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("l").with("SERVICES", "redis");
    stack.run(&["deploy", "--set=STACK_PIDS=2000"]).ok();
    let parent = |stack: &Stack<'_>| {
        let (_, found) = look(stack, "redis");
        found["HostConfig"]["CgroupParent"].clone()
    };
    assert_ne!(parent(&stack), "");
    stack
        .run(&["deploy", "--pids="])
        .fails(64, &["--set STACK_PIDS="]);
    stack.run(&["deploy", "--set=STACK_PIDS="]).ok();
    assert_eq!(stack.manifest("STACK_PIDS").unwrap_or_default(), "");
    assert_eq!(parent(&stack), "");
    assert_eq!(stack.run(&["plan"]).code, 0);
    let named = stack.without("DOCKER_NETWORK");
    named
        .run(&["deploy", "--set=DOCKER_NETWORK="])
        .fails(4, &["DOCKER_NETWORK"]);
}

#[test]
fn a_container_that_is_stopped_frozen_renamed_or_removed() {
    let Some(bed) = Bed::new() else { return };
    let stack = small(&bed, "s");
    let (redis, _) = look(&stack, "redis");
    let (caddy, _) = look(&stack, "caddy");

    post(
        &stack,
        &format!("/containers/{redis}/stop?t=5"),
        &Value::Null,
    );
    shown_and_mended(&stack, false, &["exists as wanted, but is stopped"]);
    assert_eq!(look(&stack, "redis").0, redis, "started, not made anew");

    post(&stack, &format!("/containers/{redis}/pause"), &Value::Null);
    shown_and_mended(&stack, false, &["exists as wanted, but is paused"]);
    assert_eq!(look(&stack, "redis").0, redis, "let go on, not made anew");

    let other = format!("{}-mine", stack.name);
    post(
        &stack,
        &format!("/containers/{redis}/rename?name={other}"),
        &Value::Null,
    );
    shown_and_mended(&stack, false, &["was renamed by hand"]);
    let (status, _) = bed
        .engine
        .call("GET", &format!("/containers/{other}/json"), &Value::Null);
    assert_eq!(status, 404, "two of a database would share its data");

    bed.engine.remove_container(&stack.container("redis"));
    shown_and_mended(&stack, false, &["is not there yet"]);
    assert_eq!(look(&stack, "caddy").0, caddy, "nothing else was touched");
}

#[test]
fn a_container_that_is_attached_elsewhere() {
    let Some(bed) = Bed::new() else { return };
    let stack = small(&bed, "n");
    let (redis, _) = look(&stack, "redis");
    let elsewhere = bed
        .engine
        .foreign_network(&format!("{}-elsewhere", bed.tag));
    let body = json!({"Container": redis});
    post(&stack, &format!("/networks/{elsewhere}/connect"), &body);
    shown_and_mended(
        &stack,
        false,
        &["is attached to other networks than its own"],
    );
    bed.engine.remove_network(&elsewhere);

    let (redis, _) = look(&stack, "redis");
    let body = json!({"Container": redis, "Force": true});
    post(
        &stack,
        &format!("/networks/{}/disconnect", stack.name),
        &body,
    );
    shown_and_mended(&stack, false, &["is attached to no network"]);
}

#[test]
fn limits_that_were_changed_by_the_engine_or_in_the_kernel() {
    let Some(bed) = Bed::new() else { return };
    let stack = small(&bed, "l");
    let update = |body: Value| {
        let (redis, _) = look(&stack, "redis");
        post(&stack, &format!("/containers/{redis}/update"), &body);
    };
    update(json!({"Memory": 3_i64 << 30, "MemorySwap": 3_i64 << 30}));
    shown_and_mended(&stack, false, &["was changed by hand: memory limit"]);
    update(json!({"NanoCpus": 300_000_000, "PidsLimit": 900}));
    shown_and_mended(&stack, false, &["process limit", "processor limit"]);
    update(json!({"RestartPolicy": {"Name": "no"}}));
    assert_eq!(stack.run(&["plan"]).code, 0, "not in the engine's list");
    let doctor = stack.run(&["doctor"]);
    assert!(doctor.out.contains("restart policy"), "{}", doctor.said());
    shown_and_mended(&stack, true, &["was changed by hand: restart policy"]);

    let parent = format!("aiplat-{}", stack.id());
    let (redis, _) = look(&stack, "redis");
    kernel("pids.max", &Path::new(&parent).join(&redis), "77");
    shown_and_mended(&stack, false, &["was changed by hand: process limit"]);
    kernel("pids.max", Path::new(&parent), "1999");
    shown_and_mended(&stack, false, &["limits of /aiplat-"]);
}

/// Writes a limit straight into the kernel, whichever layout its cgroups have.
fn kernel(file: &str, below: &Path, value: &str) {
    let controller = file.split('.').next().unwrap();
    let places: [PathBuf; 2] = [
        Path::new("/sys/fs/cgroup")
            .join(controller)
            .join(below)
            .join(file),
        Path::new("/sys/fs/cgroup").join(below).join(file),
    ];
    let place = places.iter().find(|p| p.exists()).expect("the cgroup");
    std::fs::write(place, value).unwrap();
}

#[test]
fn a_container_made_anew_by_hand_under_the_same_labels() {
    let Some(bed) = Bed::new() else { return };
    let stack = small(&bed, "h");
    let imitate = |change: &dyn Fn(&mut Value)| {
        let (id, found) = look(&stack, "redis");
        let mut spec = found["Config"].clone();
        spec["HostConfig"] = found["HostConfig"].clone();
        change(&mut spec);
        bed.engine.remove_container(&id);
        let name = stack.container("redis");
        post(&stack, &format!("/containers/create?name={name}"), &spec);
        post(&stack, &format!("/containers/{name}/start"), &Value::Null);
    };
    imitate(&|spec| {
        let env = spec["Env"].as_array_mut().unwrap();
        env.retain(|entry| !entry.as_str().unwrap().starts_with("SHELL="));
        env.push(json!("SHELL=/bin/another"));
    });
    shown_and_mended(&stack, true, &["was changed by hand: environment SHELL"]);
    imitate(&|spec| {
        let mounts = spec["HostConfig"]["Mounts"].as_array_mut().unwrap();
        mounts.push(
            json!({"Type": "bind", "Source": "/etc", "Target": "/elsewhere", "ReadOnly": true}),
        );
    });
    shown_and_mended(&stack, false, &["was changed by hand: mounts"]);
    imitate(&|spec| {
        spec["HostConfig"]["PortBindings"] =
            json!({"6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": "46379"}]});
    });
    shown_and_mended(&stack, false, &["was changed by hand: ports"]);
}

#[test]
fn a_file_that_was_edited_and_a_rule_that_is_gone() {
    let Some(bed) = Bed::new() else { return };
    let stack = small(&bed, "f");
    let caddy = look(&stack, "caddy").0;
    let file = stack.base.join("config/caddy/etc/Caddyfile");
    let before = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{before}\n# by hand\n")).unwrap();
    shown_and_mended(
        &stack,
        false,
        &[
            "Caddyfile",
            "may have read configuration that was edited by hand",
        ],
    );
    assert_eq!(std::fs::read_to_string(&file).unwrap(), before);
    assert_eq!(look(&stack, "caddy").0, caddy, "told, not made anew");

    let passwd = stack.base.join("config/redis/passwd");
    let before = std::fs::read_to_string(&passwd).unwrap();
    std::fs::write(&passwd, format!("{before}x:x:1:1::/:/bin/sh\n")).unwrap();
    shown_and_mended(&stack, false, &["its configuration was edited by hand"]);
    assert_eq!(std::fs::read_to_string(&passwd).unwrap(), before);

    let bridge = format!("aip-{}", &stack.id()[..8]);
    let rules: Vec<String> = leftovers::rules()
        .into_iter()
        .filter(|rule| rule.contains("AIPLAT") && rule.contains(&bridge))
        .collect();
    assert!(!rules.is_empty(), "the bridge is guarded");
    for chain in ["iptables", "ip6tables"] {
        let list = Command::new(chain)
            .args(["-w", "-S", "AIPLAT-INPUT"])
            .output()
            .unwrap();
        assert!(list.status.success(), "{list:?}");
        for rule in String::from_utf8_lossy(&list.stdout).lines() {
            if rule.contains(&bridge) {
                let gone = rule.replacen("-A", "-D", 1);
                let words: Vec<&str> = gone.split(' ').collect();
                let done = Command::new(chain).arg("-w").args(&words).output().unwrap();
                assert!(done.status.success(), "{done:?}");
            }
        }
    }
    shown_and_mended(&stack, false, &["firewall"]);
    let again = leftovers::rules()
        .into_iter()
        .filter(|rule| rule.contains("AIPLAT") && rule.contains(&bridge))
        .count();
    assert_eq!(again, rules.len());
}
