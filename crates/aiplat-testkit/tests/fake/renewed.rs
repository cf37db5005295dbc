//! New certificates, with a refusal and a death at every single call, and the same command again.

use std::path::PathBuf;
use std::time::Duration;

use aiplat_core::plan::RenewedCertificate;
use aiplat_core::spec::Owner;
use aiplat_testkit::fake::stack::Recipe;
use aiplat_testkit::fake::{Machine, Node, Run, RunError};

use crate::support::{catalogue, everywhere, machine, run, stack};

const NAME: &str = "grafana.a.localhost";
const OLD: &str = "-----BEGIN CERTIFICATE-----\nold\n";
const NEW: &str = "-----BEGIN CERTIFICATE-----\nnew\n";

fn certificate() -> RenewedCertificate {
    RenewedCertificate {
        name: NAME.to_owned(),
        folder: PathBuf::from("/mnt/a/caddy/data/caddy/certificates/local").join(NAME),
    }
}

/// What the front door keeps of a certificate.
fn put(machine: &Machine, chain: &str) {
    for part in RenewedCertificate::PARTS {
        let content = if part == "crt" { chain } else { part };
        let node = Node::File {
            owner: Owner { uid: 0, gid: 0 },
            mode: 0o600,
            content: content.as_bytes().to_vec(),
        };
        machine.put(&certificate().file(part).display().to_string(), node);
    }
}

fn chain(machine: &Machine) -> Option<String> {
    let file = certificate().file("crt");
    let content = machine.files("/mnt/a/caddy").remove(&file)?;
    Some(String::from_utf8(content).unwrap())
}

/// The front door on a machine: without the file of a certificate that it is to manage beside lent ones, it gets it.
async fn issue(machine: Machine) {
    loop {
        let last = machine.attached().pop();
        let asked = last.is_some_and(|(_, input)| {
            let input = String::from_utf8_lossy(&input).into_owned();
            input.contains("ignore_loaded_certificates")
        });
        if asked && chain(&machine).is_none() {
            put(&machine, NEW);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

async fn renew(run: &Run<'_>) -> Result<(), RunError> {
    let door = tokio::spawn(issue(run.machine.clone()));
    let done = run
        .renew(&"caddy".parse().unwrap(), vec![certificate()])
        .await;
    door.abort();
    // its last act is over before anybody looks
    let _ = door.await;
    if done.is_ok() {
        assert_eq!(chain(run.machine).as_deref(), Some(NEW));
    } else if !run.machine.is_dead() {
        // a refusal is told, and there is a certificate to serve all the same
        let left = chain(run.machine);
        assert!(left.is_some(), "the front door has lost its certificate");
    }
    done.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_call_the_next_run_gets_the_new_ones_and_no_copy_of_a_key_stays() {
    let catalogue = catalogue();
    let recipe = Recipe::named("a", 1).with("SERVICES", "grafana,caddy");
    let (machine, stack) = (machine(&catalogue), stack(&recipe, &catalogue));
    let run = run(&machine, &stack, &catalogue);
    run.deploy().await.unwrap();
    let door = run.desired.service(&"caddy".parse().unwrap()).unwrap();
    let own = br#"{"apps": {"http": {"servers": {"srv0": {"listen": [":443"]}}}}}"#;
    machine.says(&door.container.image, "caddy", own);
    machine.volume(&certificate().folder.display().to_string());
    put(&machine, OLD);
    // that the pictures are the same says that nothing is left in `caddy/data/renewal`
    let calls = everywhere(&machine, &run, renew, renew).await;
    assert!(calls > 15, "{calls}");
    let quiet = machine.fork();
    renew(&run.on(&quiet)).await.unwrap();
    let left: Vec<_> = quiet
        .files("/mnt/a/caddy/data/renewal")
        .into_keys()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}
