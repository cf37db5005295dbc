//! One tenant reads another's data through something that both share: a cache's database, a queue, a collection, a log, a
//! metric's label, a file that root owns, the engine's socket. A canary is put wherever a tenant of A can write, and looked
//! for wherever a tenant of B can read.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde_json::Value;

use crate::support::bed::Bed;
use crate::support::curl::curl;
use crate::support::stack::Stack;

const CANARY: &str = "canary-of-tenant-a-5d1c";

fn qdrant(stack: &Stack<'_>, more: &[&str], path: &str) -> String {
    let key = format!("api-key: {}", stack.secret("qdrant_api_key"));
    let mut arguments = vec!["-H", key.as_str(), "-H", "Content-Type: application/json"];
    arguments.extend(more);
    curl(
        &arguments,
        &format!("http://{}:6333{path}", stack.address("qdrant")),
    )
    .1
}

/// Writes it wherever a tenant can.
fn plant(a: &Stack<'_>) {
    assert_eq!(a.redis(&format!("set {CANARY} {CANARY}")), "OK");
    assert_eq!(a.redis(&format!("-n 7 rpush bull:jobs:wait {CANARY}")), "1");
    let rows = format!(
        "create table canary (word text); insert into canary values ('{CANARY}'); select word from canary"
    );
    assert_eq!(a.psql("postgres", &rows), CANARY);
    qdrant(
        a,
        &[
            "-X",
            "PUT",
            "-d",
            r#"{"vectors":{"size":2,"distance":"Dot"}}"#,
        ],
        "/collections/documents",
    );
    let point =
        format!(r#"{{"points":[{{"id":7,"vector":[0.1,0.9],"payload":{{"word":"{CANARY}"}}}}]}}"#);
    qdrant(
        a,
        &["-X", "PUT", "-d", &point],
        "/collections/documents/points?wait=true",
    );
    assert!(qdrant(a, &[], "/collections/documents/points/7").contains(CANARY));
    // in the log of a service, and as a name that its metrics may count
    a.shell("redis", &format!("echo {CANARY} > /proc/1/fd/1"));
    a.psql(
        "postgres",
        &format!("select '{CANARY}' from nothing_of_this_name"),
    );
    for service in ["redis", "postgres"] {
        assert!(
            a.run(&["logs", service]).ok().out.contains(CANARY),
            "{service}: the canary is in A's own log"
        );
    }
}

/// Everything that a tenant of B can ask for.
fn seen_by(b: &Stack<'_>) -> Vec<(&'static str, String)> {
    let databases: usize = 16;
    let keys = (0..databases).map(|n| b.redis(&format!("-n {n} --scan")));
    let dump =
        "PGPASSWORD=\"$(cat /run/secrets/postgres_password)\" pg_dumpall -h 127.0.0.1 -U postgres";
    let prometheus = format!("http://{}:9090", b.address("prometheus"));
    let metrics = |path: &str| {
        curl(
            &["-G", "--data-urlencode", "match[]={__name__=~\".+\"}"],
            &format!("{prometheus}{path}"),
        )
        .1
    };
    let dump = b.shell("postgres", dump);
    assert!(dump.contains("PostgreSQL database dump complete"), "{dump}");
    let series = metrics("/api/v1/series");
    assert!(series.contains("\"success\""), "{series}");
    vec![
        ("the cache", keys.collect()),
        ("the rows", dump),
        ("the collections", qdrant(b, &[], "/collections")),
        ("a point", qdrant(b, &[], "/collections/documents/points/7")),
        ("the metrics", series),
        ("the logs", b.run(&["logs", "-n", "1000"]).ok().out),
        ("the status", b.run(&["status", "--json"]).said()),
        ("the files", b.holding(CANARY).join("\n")),
    ]
}

/// Users that own anything below a directory of a stack.
fn owners(directory: &Path, found: &mut BTreeSet<(u32, u32)>) {
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let facts = entry.path().symlink_metadata().unwrap();
        // the operator's own, mounted nowhere
        let own = ["config/lock", "config/audit.jsonl"];
        if own.iter().any(|file| entry.path().ends_with(file)) {
            continue;
        }
        found.insert((facts.uid(), facts.gid()));
        if facts.is_dir() {
            owners(&entry.path(), found);
        }
    }
}

/// No container has the engine's socket, a namespace of the host's or a volume that the engine shares out.
fn nothing_of_the_host(container: &Value) {
    let name = &container["Name"];
    let host = &container["HostConfig"];
    let text = host.to_string();
    assert!(
        !text.contains("docker.sock") && !text.contains("containerd"),
        "{name}: {text}"
    );
    for key in [
        "NetworkMode",
        "PidMode",
        "IpcMode",
        "UTSMode",
        "UsernsMode",
        "CgroupnsMode",
    ] {
        assert_ne!(host[key], "host", "{name}: {key}");
    }
    for mount in container["Mounts"].as_array().into_iter().flatten() {
        assert_ne!(
            mount["Type"], "volume",
            "{name}: a volume has a global name"
        );
    }
}

#[test]
fn a_canary_of_one_is_nowhere_in_the_other() {
    let Some(bed) = Bed::new() else { return };
    let services = "postgres,redis,qdrant,prometheus,caddy";
    let a = bed.small("a").with("SERVICES", services);
    let b = bed.small("b").with("SERVICES", services);
    a.deploy().ok();
    b.deploy().ok();
    plant(&a);
    for (place, text) in seen_by(&b) {
        assert!(!text.contains(CANARY), "{place} of B tell it:\n{text}");
    }
    // neither opens with the other's keys what looks the same from outside
    let stolen = a.secret("redis_password");
    let answer = b.shell(
        "redis",
        &format!("REDISCLI_AUTH='{stolen}' valkey-cli --raw ping"),
    );
    assert!(!answer.contains("PONG"), "{answer}");

    let mut users = Vec::new();
    for stack in [&a, &b] {
        let mut found = BTreeSet::new();
        owners(&stack.base, &mut found);
        assert!(
            found.iter().all(|(uid, gid)| *uid != 0 && *gid != 0),
            "root owns something of {}: {found:?}",
            stack.name
        );
        users.push(found);
    }
    assert!(users[0].is_disjoint(&users[1]), "{users:?}");
    let own = |c: &&Value| {
        c["Config"]["Labels"]["aiplat.stack"]
            .as_str()
            .is_some_and(|s| s.starts_with(&bed.tag))
    };
    let containers = bed.engine.containers();
    let containers: Vec<&Value> = containers.iter().filter(own).collect();
    assert_eq!(containers.len(), 10);
    containers.into_iter().for_each(nothing_of_the_host);
}
