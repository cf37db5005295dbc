//! The whole table on two stacks, with each store in turn; and the twins on the last.

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use aiplat_docker::stack::own_services;
use aiplat_testkit::proof::{Layer, Verdict, render};

use super::lab::Lab;
use super::twins;

const STORES: [(&str, &str); 4] = [
    ("pgvector", "redis,postgres,caddy"),
    ("weaviate", "redis,weaviate,caddy"),
    ("chroma", "redis,chroma,caddy"),
    ("qdrant", "redis,qdrant,caddy"),
];

/// A service file in a stack's own directory.
fn own_service(lab: &Lab, stack: &str) {
    let folder = own_services(&Lab::base(stack));
    let file = folder.join("notes.toml");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(
        &file,
        r#"
name = "notes"
title = "Notes"
summary = "keeps notes in memory"
tier = "app"
image = { reference = "valkey/valkey:8.1.8", source = "the built-in catalogue" }
licence = { spdx = "BSD-3-Clause" }
run = { command = ["valkey-server", "--protected-mode", "no", "--save", ""], workdir = "/tmp", identity = "stack" }
ports = [{ name = "notes", container = 6379 }]
tmpfs = [{ target = "/tmp", size = "16m", mode = "1777" }]
health = { kind = "tcp", port = "notes", start_seconds = 60, engine_none = "is only asked by the test" }
metrics = { none = "has none" }
limits = { memory = "300m", pids = 64 }
data = { none = "keeps none" }
vector = { none = "keeps no vectors" }
"#,
    )
    .unwrap();
    let user = lab.config(stack).allocation;
    for path in [&folder, &file] {
        std::os::unix::fs::chown(path, Some(user.uid), Some(user.gid)).unwrap();
        let mode = if path.is_dir() { 0o750 } else { 0o640 };
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stacks_are_apart_with_each_store_and_every_twin_is_caught() {
    let Some(lab) = Lab::open().await else { return };
    let began = Instant::now();
    let (mut tried, mut breaches) = (0, 0);
    let mut broken = Vec::new();
    let mut caught = twins::Score::default();
    for (store, services) in STORES {
        let keys = [("VECTOR_DB", store), ("SERVICES", services)];
        let limits = [
            keys[0],
            keys[1],
            ("STACK_MEMORY", "4g"),
            ("STACK_PIDS", "3000"),
        ];
        let own = [keys[0], ("SERVICES", "redis,postgres,caddy,notes")];
        lab.deploy_both(&limits, &keys).await;
        if store == "pgvector" {
            // the second stack alone knows one service more
            own_service(&lab, "proof-b");
            lab.deploy("proof-b", &own).await;
        }
        // hogs once: they have nothing to do with the store
        let both = ["proof-a", "proof-b"];
        let report = if store == "qdrant" {
            lab.verify_with_hog(&both, &Layer::ALL).await
        } else {
            lab.verify(&both, &Layer::ALL).await
        };
        for cell in report.cells.iter().filter(|c| c.from.contains("hog")) {
            println!(
                "{} -> {}: {}: {}",
                cell.from, cell.to, cell.tried, cell.seen
            );
        }
        println!("{store}: {}", render::text(&report, false));
        let notes = |c: &aiplat_testkit::proof::Cell| c.from == "proof-b/notes";
        assert_eq!(report.cells.iter().any(notes), store == "pgvector");
        println!("{store}: milliseconds {:?}", report.phases);
        tried += report.tried();
        breaches += report.count(Verdict::Breach);
        // all of it is shown before anything is judged
        if !report.proven() || report.count(Verdict::Held) < 100 {
            broken.push(store);
        }
        if store == "qdrant" {
            caught = twins::all(&lab).await;
            let after = lab.verify(&["proof-a", "proof-b"], &Layer::ALL).await;
            if !after.proven() {
                println!("{}", render::text(&after, false));
                broken.push("qdrant, after the twins");
            }
        }
        tokio::join!(lab.teardown("proof-a"), lab.teardown("proof-b"));
    }
    println!(
        "cells tried {tried}, breaches {breaches}, twins caught {} of {}, {:.0} s",
        caught.caught,
        caught.made,
        began.elapsed().as_secs_f64()
    );
    assert!(broken.is_empty(), "not proven: {broken:?}");
    assert!(
        caught.missed.is_empty(),
        "not caught:\n{}",
        caught.missed.join("\n")
    );
    assert!(caught.made >= 40);
}
