//! The whole table on two stacks, with each store in turn; and the twins on the last.

use std::time::Instant;

use aiplat_testkit::proof::{Layer, Verdict, render};

use super::lab::Lab;
use super::twins;

const STORES: [(&str, &str); 4] = [
    ("pgvector", "redis,postgres,caddy"),
    ("weaviate", "redis,weaviate,caddy"),
    ("chroma", "redis,chroma,caddy"),
    ("qdrant", "redis,qdrant,caddy"),
];

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
        lab.deploy_both(&limits, &keys).await;
        let report = lab.verify(&["proof-a", "proof-b"], &Layer::ALL).await;
        println!("{store}: {}", render::text(&report, false));
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
