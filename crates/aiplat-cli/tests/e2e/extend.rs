//! Services that come and go while the others run.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::json;

use crate::support::bed::Bed;
use crate::support::curl::{curl, front_door};
use crate::support::engine::FOREIGN_IMAGE;
use crate::support::images::Image;
use crate::support::stack::Stack;
use crate::support::{inventory, until};

/// A service of the user's own, with a template.
const ECHO: &str = r#"
name = "echo"
title = "Echo"
summary = "says what it hears"
tier = "app"
image = { reference = "example/standin:1", source = "the test" }
licence = { spdx = "MIT" }
ports = [{ name = "http", container = 8080, key = "ECHO_PORT", default = 8180 }]
mounts = [{ kind = "config", source = "etc", target = "/etc/echo" }]
files = [{ template = "echo/echo.conf", path = "etc/echo.conf" }]
health = { kind = "http", port = "http", path = "/healthz", start_seconds = 20, engine_none = "has no tool for it" }
routes = [{ host = "echo", port = "http" }]
metrics = { port = "http" }
limits = { pids = 32, memory = "64m" }
data = { none = "keeps none" }
vector = { none = "keeps no vectors" }
"#;

/// Everything that can be said of an image on the command line.
const FROM_IMAGE: [&str; 16] = [
    "add",
    "--image",
    "example/standin:1",
    "--name",
    "wiki",
    "--port",
    "8080",
    "--health",
    "/healthz",
    "--metrics",
    "/metrics",
    "--data",
    "/var/lib/wiki",
    "--secret",
    "API_TOKEN",
    "--memory=64m",
];

/// Files whose content is nobody's to compare: what services write, and what tells of runs.
const MOVING: [&str; 6] = [
    "data/redis/",
    "data/prometheus/",
    "caddy/",
    "config/journal.jsonl",
    "config/audit.jsonl",
    "config/lock",
];

/// A stack with a front door and a collector of metrics, that is told by its manifest alone.
fn made<'b>(bed: &'b Bed, name: &str) -> Stack<'b> {
    let stack = bed.small(name).with("SERVICES", "redis,prometheus,caddy");
    stack.deploy().ok();
    stack.without("SERVICES")
}

/// Id and last start of each container of a stack.
fn containers(stack: &Stack<'_>) -> BTreeMap<String, [String; 2]> {
    let all = stack.bed.engine.containers().into_iter();
    let own = all.filter(|c| c["Config"]["Labels"]["aiplat.stack"] == stack.name.as_str());
    own.map(|c| {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let name = text(&c["Name"]).trim_start_matches('/').to_owned();
        (name, [text(&c["Id"]), text(&c["State"]["StartedAt"])])
    })
    .collect()
}

/// Everything of a stack: on the engine, in its directory, in the register.
fn everything(stack: &Stack<'_>) -> String {
    let tree = inventory::tree(&stack.base);
    let still = |line: &&str| !MOVING.iter().any(|start| line.starts_with(start));
    let tree: Vec<&str> = tree.lines().filter(still).collect();
    let register = std::fs::read_to_string(stack.bed.state_dir.join("register.json")).unwrap();
    let register: serde_json::Value = serde_json::from_str(&register).unwrap();
    let id = stack.id();
    let own = register["stacks"].as_array().unwrap().iter();
    let own: Vec<_> = own.filter(|r| r["stack_id"] == id.as_str()).collect();
    let engine = inventory::of(&stack.bed.engine, &[&stack.name]);
    let mut lines = tree.join("\n");
    lines += "\n";
    lines += &serde_json::to_string_pretty(&own).unwrap();
    lines + "\n" + &engine
}

/// What the front door answers for an app, once it has a certificate for it.
fn through_the_front_door(stack: &Stack<'_>, host: &str) -> (u16, String) {
    let domain = stack.manifest("DOMAIN_NAME").unwrap();
    let name = format!("{host}.{domain}");
    let local = stack.base.join("caddy/data/caddy");
    let certificate = local.join(format!("certificates/local/{name}/{name}.crt"));
    until("the front door has a certificate", || certificate.is_file());
    let address = stack.manifest("FRONT_DOOR_ADDRESS").unwrap();
    let authority = local.join("pki/authorities/local/root.crt");
    front_door(&address, &authority, &[], &format!("https://{name}/"))
}

/// The configuration that the collector of metrics really runs with.
fn collected(stack: &Stack<'_>) -> String {
    let (address, port) = (
        stack.manifest("BIND_ADDRESS").unwrap(),
        stack.manifest("PROMETHEUS_PORT").unwrap(),
    );
    let (status, body) = curl(
        &[],
        &format!("http://{address}:{port}/api/v1/status/config"),
    );
    assert_eq!(status, 200, "{body}");
    body
}

fn file(bed: &Bed, text: &str) -> PathBuf {
    let file = bed.home.join("echo.toml");
    std::fs::write(&file, text).unwrap();
    std::fs::create_dir_all(bed.home.join("echo")).unwrap();
    std::fs::write(bed.home.join("echo/echo.conf"), "stack = {{ stack }}\n").unwrap();
    file
}

fn unchanged(stack: &Stack<'_>) {
    assert_eq!(stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);
}

#[test]
fn each_way_to_add_one_leaves_the_others_alone_and_a_purge_leaves_nothing() {
    let Some(bed) = Bed::new() else { return };
    let stack = made(&bed, "e");
    let start = everything(&stack);
    let ran = containers(&stack);
    let file = file(&bed, ECHO).display().to_string();
    let ways: [(&str, &str, &[&str]); 3] = [
        ("grafana", "grafana", &["add", "grafana"]),
        ("echo", "echo", &["add", &file]),
        ("wiki", "wiki", &FROM_IMAGE),
    ];
    for (service, host, line) in ways {
        let run = stack.run(line).ok();
        let mut now = containers(&stack);
        let new = now.remove(&stack.container(service));
        assert!(new.is_some(), "{now:?}");
        assert_eq!(now, ran, "`add {service}` restarted another one");
        let (status, body) = through_the_front_door(&stack, host);
        assert!(matches!(status, 200 | 302), "{service}: {status} {body}");
        assert!(collected(&stack).contains(service), "{service}");
        assert!(stack.manifest("SERVICES").unwrap().contains(service));
        unchanged(&stack);
        // the same again is told, and changes nothing
        stack.run(line).fails(4, &["runs in this stack already"]);
        if service == "wiki" {
            let secret = stack.base.join("config/secrets/wiki_api_token");
            let secret = std::fs::read_to_string(secret).unwrap();
            assert!(!run.said().contains(secret.trim()), "{}", run.said());
            let env = bed
                .engine
                .get(&format!("/containers/{}/json", stack.container("wiki")));
            let env = env["Config"]["Env"].to_string();
            assert!(
                env.contains(&format!("API_TOKEN={}", secret.trim())),
                "{env}"
            );
            assert!(run.said().contains("{{ secret('wiki_api_token') }}"));
            assert!(stack.manifest("WIKI_PORT").is_some());
        }
        let removed = stack.run(&["remove", service, "--yes"]).ok();
        assert!(removed.said().contains("stays"), "{}", removed.said());
        assert_eq!(
            containers(&stack),
            ran,
            "`remove {service}` restarted another one"
        );
        assert!(!collected(&stack).contains(service));
        // what stays is found again, with its file
        stack.run(&["add", service]).ok();
        stack.run(&["remove", service, "--purge"]).fails(8, &[]);
        stack.run(&["remove", service, "--purge", "--yes"]).ok();
        assert_eq!(containers(&stack), ran);
        inventory::same(&start, &everything(&stack), &format!("after `{service}`"));
        unchanged(&stack);
    }
    stack
        .run(&["remove", "radis", "--yes"])
        .fails(3, &["catalogue"]);
}

#[test]
fn what_others_need_is_refused_with_their_names() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("n").with("SERVICES", "redis");
    stack.deploy().ok();
    let stack = stack.without("SERVICES");
    for purge in [&["--yes"][..], &["--yes", "--purge"]] {
        let last = [&["remove", "redis"][..], purge].concat();
        stack.run(&last).fails(4, &["has none", "aiplat teardown"]);
    }
    let mut needing = FROM_IMAGE.to_vec();
    needing.extend(["--needs", "redis"]);
    stack.run(&needing).ok();
    let start = containers(&stack);
    let refused = stack.run(&["remove", "redis", "--purge", "--yes"]);
    refused.fails(4, &["`redis` is needed by `wiki`", "remove wiki first"]);
    assert_eq!(containers(&stack), start);
    let twice = stack.run(&["remove", "grafana", "--yes"]).ok();
    assert!(
        twice.said().contains("Nothing to change"),
        "{}",
        twice.said()
    );
}

#[test]
fn one_that_is_never_healthy_leaves_nothing_behind() {
    let Some(bed) = Bed::new() else { return };
    let stack = made(&bed, "u");
    let start = everything(&stack);
    let mut sick = FROM_IMAGE.to_vec();
    sick.extend(["--env", "STANDIN_STATUS=503", "--start-seconds", "4"]);
    stack
        .run(&sick)
        .fails(6, &["wiki", "taken away again", "503"]);
    inventory::same(&start, &everything(&stack), "after one from an image");
    // one of the catalogue, from an image that ends at once
    let ends = json!({"Entrypoint": ["/bin/false"], "Cmd": []});
    let image = Image::configured(&bed, FOREIGN_IMAGE, "grafana", &ends);
    let broken = stack.clone().with("IMAGE_GRAFANA", &image.reference);
    broken
        .run(&["add", "grafana"])
        .fails(6, &["grafana", "taken away again"]);
    inventory::same(&start, &everything(&stack), "after one of the catalogue");
    // what was there before an addition that fails stays: the data of one that was removed
    stack.run(&["add", "grafana"]).ok();
    stack.run(&["remove", "grafana", "--yes"]).ok();
    let kept = everything(&stack);
    assert!(kept.contains("data/grafana"));
    broken.run(&["add", "grafana"]).fails(6, &["grafana"]);
    inventory::same(&kept, &everything(&stack), "after one that had run before");
    unchanged(&stack);
    drop(image);
}

#[test]
fn of_two_additions_at_the_same_moment_both_end_up_in() {
    let Some(bed) = Bed::new() else { return };
    let stack = made(&bed, "t");
    let lines: [&[&str]; 2] = [&["add", "grafana"], &FROM_IMAGE];
    let running = lines.map(|line| stack.start(line));
    let pids = running.each_ref().map(|run| run.pid().to_string());
    let ended = running.map(crate::support::run::Running::end);
    for (n, run) in ended.into_iter().enumerate() {
        if run.code == 0 {
            continue;
        }
        // the one that came second says who has the lock, touched nothing, and has only to come again
        run.fails(7, &["lock", &pids[1 - n], "add"]);
        stack.run(lines[n]).ok();
    }
    let services = stack.manifest("SERVICES").unwrap();
    assert!(
        services.contains("grafana") && services.contains("wiki"),
        "{services}"
    );
    assert_eq!(containers(&stack).len(), 5);
    unchanged(&stack);
}

/// Runs a line that kills itself after so many records, and then the same line; whether it was killed.
fn killed(stack: &Stack<'_>, after: usize, line: &[&str]) -> bool {
    let dying = stack
        .clone()
        .with("AIPLAT_TEST_KILL_AFTER", after.to_string());
    let run = dying.run(line);
    if run.code == 0 {
        return false;
    }
    assert_eq!(run.signal, Some(9), "after {after}: {}", run.said());
    true
}

#[test]
fn killed_anywhere_the_same_command_finishes_and_nothing_leaks() {
    let Some(bed) = Bed::new() else { return };
    let stack = made(&bed, "k");
    let start = everything(&stack);
    let ran = containers(&stack);
    let remove = ["remove", "wiki", "--purge", "--yes"];
    stack.run(&FROM_IMAGE).ok();
    let names = |text: String| -> Vec<String> {
        let path = |line: &str| line.split(' ').next().map(str::to_owned);
        text.lines().filter_map(path).collect()
    };
    let undisturbed = names(inventory::tree(&stack.base.join("config")));
    let manifest = std::fs::read_to_string(stack.base.join("config/.env")).unwrap();
    stack.run(&remove).ok();
    for after in [2, 6, 11, 17] {
        let died = killed(&stack, after, &FROM_IMAGE);
        if died {
            stack.run(&FROM_IMAGE).ok();
        }
        let now = std::fs::read_to_string(stack.base.join("config/.env")).unwrap();
        assert!(now == manifest, "after {after}: {now}");
        let now = names(inventory::tree(&stack.base.join("config")));
        assert_eq!(now, undisturbed, "after {after}");
        unchanged(&stack);
        let undone = killed(&stack, after, &remove);
        if undone {
            stack.run(&remove).ok();
        }
        assert_eq!(containers(&stack), ran, "after {after}");
        inventory::same(&start, &everything(&stack), &format!("after {after}"));
        if !died && !undone {
            break;
        }
    }
    // one that is killed and then does not become healthy is undone by the run that finds that out
    let mut sick = FROM_IMAGE.to_vec();
    sick.extend(["--env", "STANDIN_STATUS=503", "--start-seconds", "4"]);
    assert!(killed(&stack, 6, &sick));
    // nothing else is added or removed meanwhile
    stack
        .run(&["add", "grafana"])
        .fails(4, &["wiki", "interrupted"]);
    stack
        .run(&["remove", "redis", "--yes"])
        .fails(4, &["wiki", "interrupted"]);
    stack.run(&sick).fails(6, &["taken away again"]);
    inventory::same(
        &start,
        &everything(&stack),
        "after one that was never healthy",
    );
    // and one that is killed may be taken back
    assert!(killed(&stack, 6, &FROM_IMAGE));
    stack.run(&remove).ok();
    inventory::same(&start, &everything(&stack), "after one that was taken back");
}
