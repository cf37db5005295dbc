//! Hogs that get more than they were planned to, and neighbours that notice them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aiplat_core::spec::label;
use aiplat_testkit::proof::{Layer, Raw, Verdict};
use serde_json::{Value, json};

use super::super::lab::Lab;
use super::containers::{hardened, remove, start};
use super::{Score, wanted};

/// Far beyond every plan, and nothing that a hog would fill: it stops by itself just beyond what was planned.
const LIFTED: u64 = 6 << 30;

/// As long as the neighbours of a hog are asked.
const FROZEN: Duration = Duration::from_secs(2);

pub(super) async fn run(lab: &Lab, score: &mut Score) {
    let raw = lab.bed().raw;
    let a = lab.config("proof-a");
    // somebody lifted the limits of A's services past our own code
    let mut were = Vec::new();
    for container in containers(&raw, a.id.as_str()).await {
        let seen: Value = serde_json::from_str(
            &raw.get(&format!("/containers/{container}/json"))
                .await
                .unwrap(),
        )
        .unwrap();
        let limits = |memory: &Value, swap: &Value, pids: &Value| {
            json!({"Memory": memory, "MemorySwap": swap, "PidsLimit": pids}).to_string()
        };
        let host = &seen["HostConfig"];
        were.push((
            container.clone(),
            limits(&host["Memory"], &host["MemorySwap"], &host["PidsLimit"]),
        ));
        let lifted = limits(&json!(LIFTED), &json!(LIFTED), &json!(-1));
        update(&raw, &container, &lifted).await;
    }
    // a container of B among A's
    let mut body = hardened(lab, &lab.config("proof-b"), "redis").await;
    body["HostConfig"]["CgroupParent"] =
        hardened(lab, &a, "redis").await["HostConfig"]["CgroupParent"].clone();
    assert_ne!(body["HostConfig"]["CgroupParent"], json!(""));
    start(&raw, "proof-b-twin-in-the-other-s-parent", &body).await;
    // and one that stops for a while whenever A has a hog
    let stop = Arc::new(AtomicBool::new(false));
    let disturbed = tokio::spawn(disturb(
        raw.clone(),
        a.id.as_str().to_owned(),
        Arc::clone(&stop),
    ));

    let report = lab
        .verify_with_hog(&["proof-a", "proof-b"], &[Layer::Resources])
        .await;

    stop.store(true, Ordering::Relaxed);
    disturbed.await.unwrap();
    remove(&raw, "proof-b-twin-in-the-other-s-parent").await;
    for (container, limits) in were {
        update(&raw, &container, &limits).await;
    }
    for (name, from, to, tried) in [
        (
            "hog-of-processes-without-a-limit",
            "proof-a/hog of processes",
            "host",
            "taking processes",
        ),
        (
            "hog-of-memory-without-a-limit",
            "proof-a/hog of memory",
            "host",
            "taking memory",
        ),
        (
            "in-the-other-s-parent-cgroup",
            "proof-a/hog of memory",
            "(proof-b-twin-in-the-other-s-parent)",
            "the limits above it",
        ),
        (
            "neighbour-that-stops-for-a-hog",
            "proof-a/hog of processes",
            "proof-b/redis",
            "its answers while",
        ),
    ] {
        let mut near = report.clone();
        near.cells.retain(|c| c.from == from);
        score.judge(name, &near, &wanted(Layer::Resources, to, tried));
    }
    // the other direction is whole: B has its limits, and A is not disturbed
    let accused: Vec<String> = report
        .of(Verdict::Breach)
        .filter(|c| c.from.starts_with("proof-b/hog") && !c.to.contains("twin"))
        .map(|c| format!("{} -> {}: {}: {}", c.from, c.to, c.tried, c.seen))
        .collect();
    assert!(accused.is_empty(), "{accused:#?}");
}

async fn update(raw: &Raw, container: &str, limits: &str) {
    raw.post(&format!("/containers/{container}/update"), Some(limits))
        .await
        .unwrap_or_else(|e| panic!("{container}: {limits}: {e}"));
}

/// Ids of the running services of a stack.
async fn containers(raw: &Raw, stack: &str) -> Vec<String> {
    let found = list(raw, &[format!("{}={stack}", label::STACK_ID)]).await;
    found
        .into_iter()
        .filter(|c| c["Labels"].get(label::PURPOSE).is_none())
        .map(|c| c["Id"].as_str().unwrap().to_owned())
        .collect()
}

async fn list(raw: &Raw, labels: &[String]) -> Vec<Value> {
    let filters: String = json!({"label": labels})
        .to_string()
        .bytes()
        .map(|b| format!("%{b:02x}"))
        .collect();
    let found = raw
        .get(&format!("/containers/json?filters={filters}"))
        .await
        .unwrap();
    serde_json::from_str(&found).unwrap()
}

/// Freezes B's cache for as long as it is asked, once for each hog in A: half of its answers are then slower than on a
/// machine that is busy with other things.
async fn disturb(raw: Raw, stack: String, stop: Arc<AtomicBool>) {
    let hog = [
        format!("{}={stack}", label::STACK_ID),
        format!("{}=hog", label::PURPOSE),
    ];
    let mut seen = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        for found in list(&raw, &hog).await {
            let id = found["Id"].as_str().unwrap().to_owned();
            if !seen.contains(&id) {
                seen.push(id);
                raw.post("/containers/proof-b-redis/pause", None)
                    .await
                    .unwrap();
                tokio::time::sleep(FROZEN).await;
                raw.post("/containers/proof-b-redis/unpause", None)
                    .await
                    .unwrap();
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
