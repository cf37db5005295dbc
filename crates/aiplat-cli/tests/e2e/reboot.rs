//! The machine goes down, in good order and by a power cut, and comes back without anybody running the command: all
//! services answer again, with their data, and once the boot's unit has run nothing of a stack reaches the host.

use std::process::Command;

use serde_json::Value;

use crate::support::bed::Bed;
use crate::support::engine::FOREIGN_IMAGE;
use crate::support::own_engine::OwnEngine;
use crate::support::stack::Stack;
use crate::support::until;

const IMAGES: [&str; 5] = [
    "localhost/aiplat/valkey:8.1.8",
    "localhost/aiplat/postgres:17.11-trixie",
    "localhost/aiplat/caddy:2.11.4-alpine",
    "localhost/aiplat/n8n:2.40.7",
    FOREIGN_IMAGE,
];

/// Ids of the stack's containers, which a reboot does not change.
fn ids(stack: &Stack<'_>) -> Vec<String> {
    let id = stack.id();
    let own = |c: &&Value| c["Config"]["Labels"]["aiplat.stack-id"] == id.as_str();
    let all = stack.bed.engine.containers();
    let own = all.iter().filter(own);
    let mut ids: Vec<_> = own.map(|c| c["Id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

/// What no kernel keeps over a boot: every rule, of both families.
fn forget_rules(own: &OwnEngine) {
    for program in ["iptables", "ip6tables"] {
        for table in ["filter", "nat", "raw", "mangle"] {
            for what in ["-F", "-X"] {
                let run = |mut command: Command| command.args(["-w", "-t", table, what]).status();
                assert!(run(own.inside(program)).unwrap().success());
            }
        }
    }
}

/// Whether a container of the stack gets an answer of the host at the bridge's own address, be it a refusal.
fn reaches_host(stack: &Stack<'_>) -> bool {
    let engine = &stack.bed.engine;
    let network = engine.get(&format!("/networks/{}", stack.name));
    let address = network["IPAM"]["Config"][0]["Gateway"].as_str().unwrap();
    let script =
        format!("timeout 3 bash -c 'exec 3<>/dev/tcp/{address}/9' 2>/dev/null; echo ended $?");
    let asker = format!("{}-asks", stack.name);
    let said = engine.in_network_of(&stack.container("redis"), &asker, &script);
    match said.trim() {
        "ended 1" => true,
        "ended 124" => false,
        other => panic!("{other}"),
    }
}

/// What the unit of the boot runs, word for word.
fn boot_runs(bed: &Bed, units: &std::path::Path) -> String {
    let unit = units.join("aiplat-firewall.service");
    assert!(
        units
            .join("multi-user.target.wants/aiplat-firewall.service")
            .exists()
    );
    let text = std::fs::read_to_string(unit).unwrap();
    assert!(text.contains("Before=docker.service"), "{text}");
    let line = text.lines().find_map(|l| l.strip_prefix("ExecStart="));
    let line = line.unwrap().to_owned();
    // nothing of the test's own environment but where the register is, which has no usual place here
    let mut command = bed.bare();
    let program = command.get_args().last().unwrap_or(command.get_program());
    assert_eq!(line, format!("{} firewall", program.to_string_lossy()));
    let done = command.arg("firewall").env_remove("AIPLAT_HOST").output();
    let done = done.unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[test]
fn a_stack_comes_back_by_itself_after_a_shutdown_and_after_a_power_cut() {
    let Some(bed) = Bed::new() else { return };
    let own = OwnEngine::start(&bed.home.join("engine"), &bed.engine.socket, &IMAGES);
    let bed = bed.on(&own);
    let units = bed.home.join("system");
    std::fs::create_dir(&units).unwrap();
    let stack = bed
        .small("r")
        .with("SERVICES", "postgres,redis,n8n,caddy")
        .with("AIPLAT_TEST_SYSTEMD", units.display().to_string());
    stack.deploy().ok();
    let rows = "create table kept (n int); insert into kept select generate_series(1, 300)";
    assert_eq!(stack.psql("postgres", rows), "");
    assert_eq!(stack.redis("set kept yes"), "OK");
    assert_eq!(stack.redis("save"), "OK");
    let before = ids(&stack);
    assert!(!reaches_host(&stack));
    let back = |what: &str| {
        until("every service answers again", || {
            stack.run(&["health"]).code == 0
        });
        assert_eq!(ids(&stack), before, "{what}: the same containers");
        let count = "select count(*), sum(n) from kept";
        assert_eq!(stack.psql("postgres", count), "300|45150", "{what}");
        assert_eq!(stack.redis("get kept"), "yes", "{what}");
    };
    own.down();
    forget_rules(&own);
    // the boot: the unit before the engine, which starts the containers by itself
    let told = boot_runs(&bed, &units);
    assert!(told.contains("put in place"), "{told}");
    own.up();
    back("a shutdown");
    assert!(!reaches_host(&stack), "the host is closed");
    let status = stack.run(&["status"]).ok();
    assert!(
        !status.said().contains("THE HOST IS OPEN"),
        "{}",
        status.said()
    );
    let again = stack.run(&["deploy", "--json"]).ok().json();
    assert_eq!(again["changes"], 0, "nothing is left to do");
    own.power_cut();
    own.down();
    forget_rules(&own);
    own.up();
    back("a power cut");
    without_the_unit(&stack);
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
    assert!(
        !units.join("aiplat-firewall.service").exists(),
        "the last one"
    );
}

/// Without it the containers run and reach the host, and everything that looks says so.
fn without_the_unit(stack: &Stack<'_>) {
    assert!(reaches_host(stack), "this is what the unit is for");
    let status = stack.run(&["status"]);
    assert!(
        status.said().contains("THE HOST IS OPEN"),
        "{}",
        status.said()
    );
    let doctor = stack.run(&["doctor"]).said();
    assert!(doctor.contains("aiplat firewall"), "{doctor}");
    let numbers = stack.run(&["metrics"]).ok().out;
    let open = format!("aiplat_firewall_closed{{stack=\"{}\"}} 0", stack.name);
    assert!(numbers.contains(&open), "{numbers}");
    let told = stack.run(&["firewall", "--json"]).ok().json();
    assert_eq!(told[0]["changed"], true, "{told}");
    assert!(!reaches_host(stack));
    assert_eq!(
        stack.run(&["firewall", "--json"]).ok().json()[0]["changed"],
        false
    );
    let again = stack.run(&["deploy", "--json"]).ok().json();
    assert_eq!(again["changes"], 0, "the rules are as a deploy makes them");
}
