//! A proof that is killed half-way: the next one removes what it left, and nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use aiplat_testkit::proof::{Layer, Verdict, render};

use super::lab::Lab;

/// Set for the process that is killed.
const VICTIM: &str = "AIPLAT_PROOF_VICTIM";
/// Its value for the one that is killed while a hog runs.
const HOG: &str = "hog";

#[tokio::test(flavor = "multi_thread")]
#[allow(
    clippy::disallowed_methods,
    reason = "the only way to tell a process that it is the one to be killed"
)]
async fn victim() {
    if std::env::var(VICTIM).is_err() {
        return;
    }
    let lab = Lab::guest().await.expect("an engine");
    while std::env::var(VICTIM).is_ok_and(|word| word == HOG) {
        lab.verify_with_hog(&["proof-a", "proof-b"], &[Layer::Resources])
            .await;
    }
    loop {
        lab.verify(&["proof-a", "proof-b"], &[Layer::Files, Layer::Vectors])
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_removes_what_a_killed_one_left_and_nothing_else() {
    let Some(lab) = Lab::open().await else { return };
    let keys = [("VECTOR_DB", "pgvector"), ("SERVICES", "redis,postgres")];
    lab.deploy_both(&keys, &keys).await;
    let a = lab.config("proof-a");
    keep(&lab).await;
    let mut left = Vec::new();
    for _ in 0..40 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::victim", "--nocapture"])
            .env(VICTIM, "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // until one of its canaries is there
        let end = Instant::now() + Duration::from_secs(20);
        while left.is_empty() && Instant::now() < end {
            left = canaries(&lab).await;
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        left = canaries(&lab).await;
        if !left.is_empty() {
            break;
        }
    }
    assert!(!left.is_empty(), "no run was killed while it had a canary");
    // and what a prober would leave that is killed between two calls
    let planted = a.path("data/redis/data/.aiplat-proof-soft0");
    symlink("/nowhere", &planted).unwrap();
    let neighbour = a.path("data/redis/data/.aiplat-keep");
    fs::write(&neighbour, "kept").unwrap();

    let report = lab.verify(&["proof-a", "proof-b"], &Layer::ALL).await;
    println!("{}", render::text(&report, false));
    assert!(
        report
            .removed
            .iter()
            .any(|r| r.contains(".aiplat-proof-soft0")),
        "{:?}",
        report.removed
    );
    assert!(
        report.removed.iter().any(|r| r.contains("aiplat_proof_")),
        "{:?}",
        report.removed
    );
    assert_eq!(report.count(Verdict::Breach), 0);
    assert!(fs::symlink_metadata(&planted).is_err());
    assert_eq!(fs::read_to_string(&neighbour).unwrap(), "kept");
    assert!(canaries(&lab).await.is_empty());
    assert_eq!(
        schemas(&lab, "aiplat_proof_mine").await,
        ["aiplat_proof_mine"]
    );
    // no prober outlives the one who started it: each ends when it hears that nobody asks any more
    let end = Instant::now() + Duration::from_secs(120);
    while probers() > 0 && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(probers(), 0);
    a_hog_goes_too(&lab).await;
    tokio::join!(lab.teardown("proof-a"), lab.teardown("proof-b"));
}

/// How many of our probers run on this host.
fn probers() -> usize {
    let all = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let ours = all.filter(|e| {
        let line = fs::read_to_string(e.path().join("cmdline")).unwrap_or_default();
        line.starts_with(env!("CARGO_BIN_EXE_aiplat-netprobe"))
    });
    ours.count()
}

/// A run that is killed while its hog takes what it gets: the next one removes the hog, and restarts nothing.
async fn a_hog_goes_too(lab: &Lab) {
    let before = running(lab).await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::victim", "--nocapture"])
        .env(VICTIM, HOG)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    // one that only stands there is not enough: some engines give a start up when its asker is gone
    let mut hog = None;
    while hog.is_none() && Instant::now() < end {
        hog = hogs_that_run(lab).await.pop();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let hog = hog.expect("a hog was started");
    // it would end by itself after some seconds: frozen it waits for whoever is slow
    let raw = lab.bed().raw;
    let _ = raw.post(&format!("/containers/{hog}/pause"), None).await;
    let report = lab.verify(&["proof-a"], &[Layer::Resources]).await;
    assert!(report.removed.contains(&hog), "{:?}", report.removed);
    // the engine takes a moment to forget it
    let end = Instant::now() + Duration::from_secs(120);
    while running(lab).await != before && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(running(lab).await, before);
}

async fn hogs_that_run(lab: &Lab) -> Vec<String> {
    use aiplat_core::observed::ContainerState;
    use aiplat_docker::engine::Engine;
    let all = lab.engine.containers().await.unwrap();
    all.into_iter()
        .filter(|c| c.state == ContainerState::Running && c.name.starts_with("aiplat-hog-"))
        .map(|c| c.name)
        .collect()
}

/// Every container's name, of whomever.
async fn running(lab: &Lab) -> std::collections::BTreeSet<String> {
    use aiplat_docker::engine::Engine;
    let all = lab.engine.containers().await.unwrap();
    all.into_iter()
        .filter(|c| c.name.starts_with("proof-") || c.name.starts_with("aiplat-hog-"))
        .map(|c| c.name)
        .collect()
}

/// A schema of the user's own with a name that looks almost like ours.
async fn keep(lab: &Lab) {
    sql(lab, "CREATE SCHEMA IF NOT EXISTS aiplat_proof_mine").await;
}

async fn canaries(lab: &Lab) -> Vec<String> {
    let all = schemas(lab, "aiplat_proof_%").await;
    all.into_iter()
        .filter(|n| n != "aiplat_proof_mine")
        .collect()
}

async fn schemas(lab: &Lab, like: &str) -> Vec<String> {
    sql(
        lab,
        &format!("SELECT nspname::text FROM pg_namespace WHERE nspname LIKE '{like}'"),
    )
    .await
}

async fn sql(lab: &Lab, statement: &str) -> Vec<String> {
    use aiplat_docker::engine::Engine;
    use secrecy::ExposeSecret;
    let config = lab.config("proof-a");
    let detail = lab
        .engine
        .container_inspect("proof-a-postgres")
        .await
        .unwrap();
    let password = config
        .secrets
        .get("postgres_password")
        .unwrap()
        .expose_secret()
        .to_owned();
    let (client, connection) = tokio_postgres::Config::new()
        .host(detail.addresses["proof-a"].to_string())
        .user("postgres")
        .password(password)
        .dbname("postgres")
        .connect(tokio_postgres::NoTls)
        .await
        .unwrap();
    let driver = tokio::spawn(connection);
    let rows = client.simple_query(statement).await.unwrap();
    driver.abort();
    let first = |m: &tokio_postgres::SimpleQueryMessage| match m {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    };
    rows.iter().filter_map(first).collect()
}
