//! The fakes do what the real ones do: one suite for both.

use aiplat_core::names::StackId;
use aiplat_core::spec::Owner;
use aiplat_docker::engine::Bollard;
use aiplat_docker::host::LinuxHost;
use aiplat_testkit::fake::Machine;
use aiplat_testkit::fake::contract::{self, EngineCase};
use aiplat_testkit::fake::stack::engine_facts;

fn case() -> EngineCase {
    let number = std::process::id().to_be_bytes();
    EngineCase {
        image: "localhost/aiplat/attacker:1".to_owned(),
        command: ["sleep", "600"].map(str::to_owned).into(),
        id: StackId::from_bytes([0xc0, 0, number[0], number[1], number[2], number[3]]),
        subnet: format!("10.251.{}.{}/29", number[2], number[3] & !7)
            .parse()
            .unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_in_memory() {
    let machine = Machine::new(engine_facts(false));
    let case = case();
    machine.image(&case.image);
    contract::engine(&machine.engine, &case).await;
    assert!(machine.ids().is_empty(), "{:?}", machine.ids());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_engine() {
    let Some(address) = std::env::var_os("AIPLAT_TEST_ENGINE") else {
        assert!(
            std::env::var_os("AIPLAT_REQUIRE_ENGINE").is_none(),
            "expected AIPLAT_TEST_ENGINE to name an engine's socket"
        );
        eprintln!(
            "NOT RUN: set AIPLAT_TEST_ENGINE to an engine's socket to hold the real engine to the contract"
        );
        return;
    };
    let engine = Bollard::connect(&address.to_string_lossy())
        .await
        .expect("the engine answers");
    let case = case();
    let held = tokio::spawn({
        let (engine, case) = (engine.clone(), case.clone());
        async move { contract::engine(&engine, &case).await }
    });
    let outcome = held.await;
    contract::tidy(&engine, &case).await;
    outcome.expect("the contract holds");
}

#[test]
fn the_host_in_memory() {
    let machine = Machine::new(engine_facts(false));
    machine.volume("/mnt/contract");
    contract::host(
        &machine.host,
        "/mnt/contract".as_ref(),
        Owner {
            uid: 1000,
            gid: 1000,
        },
    );
}

#[test]
fn the_real_host() {
    let root = tempfile::tempdir().unwrap();
    let own = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(root.path()).unwrap());
    let group = std::os::unix::fs::MetadataExt::gid(&std::fs::metadata(root.path()).unwrap());
    let path = root.path().canonicalize().unwrap();
    contract::host(
        &LinuxHost::default(),
        &path,
        Owner {
            uid: own,
            gid: group,
        },
    );
}
