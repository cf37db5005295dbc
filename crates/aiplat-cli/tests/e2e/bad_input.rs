//! Whatever is wrong is said in clear words, with its exit code, and nothing has been changed.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;

use crate::support::bed::Bed;
use crate::support::inventory;
use crate::support::run::Run;
use crate::support::stack::Stack;

/// The state that a refused run must leave alone.
fn state(stack: &Stack<'_>) -> String {
    let register = std::fs::read_to_string(stack.bed.state_dir.join("register.json"));
    let known = register.is_ok_and(|text| text.contains(&format!("\"{}\"", stack.name)));
    let engine = inventory::of(&stack.bed.engine, &[&stack.bed.tag]);
    // a manifest's directory is locked before the manifest is read
    let files = inventory::tree(&stack.base);
    let files: Vec<&str> = files
        .lines()
        .filter(|line| !line.starts_with("config/lock "))
        .collect();
    format!(
        "{engine}
reserved {known}
{}",
        files.join(
            "
"
        )
    )
}

/// Runs a deploy that must be refused with these words and leave everything as it was.
#[track_caller]
fn refused(stack: &Stack<'_>, code: i32, words: &[&str]) -> Run {
    let before = state(stack);
    let run = stack.deploy().fails(code, words);
    inventory::same(&before, &state(stack), &run.said());
    assert!(
        run.out.is_empty(),
        "an error is told on standard error: {}",
        run.out
    );
    run
}

#[test]
fn a_volume_that_is_missing_or_no_mount_point() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("v");
    std::fs::remove_dir(&stack.base).unwrap();
    refused(&stack, 9, &["BASE_DIR", "--allow-unmounted"]);
    // who looks for a stack is not told how a directory is made
    let looked = stack.run(&["status"]).fails(10, &["expected a stack"]);
    assert!(!looked.err.contains("--allow-unmounted"), "{}", looked.err);
    assert!(!stack.base.exists());
    stack.run(&["deploy", "--allow-unmounted"]).ok();
    // it is there by then, and works, but was perhaps not meant
    let again = stack.deploy().ok();
    assert!(again.err.contains("not a mount point"), "{}", again.err);
}

#[test]
fn a_port_a_user_a_name_or_a_directory_that_somebody_has() {
    let Some(bed) = Bed::new() else { return };
    let address = bed.address();
    let listener = TcpListener::bind((address.as_str(), 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let stack = bed.small("b");
    refused(
        &stack.clone().with("CADDY_HTTPS_PORT", &port),
        4,
        &["CADDY_HTTPS_PORT", &port, &address],
    );
    drop(listener);

    let a = bed.small("a");
    a.deploy().ok();
    let uid = a.env["STACK_USER_UID"].clone();
    refused(
        &stack.clone().with("STACK_USER_UID", uid),
        4,
        &["STACK_USER_UID", &a.name],
    );
    refused(
        &stack
            .clone()
            .with("CADDY_HTTPS_PORT", a.manifest("CADDY_HTTPS_PORT").unwrap()),
        4,
        &["CADDY_HTTPS_PORT", &a.name],
    );
    refused(
        &stack.clone().with("DOCKER_NETWORK", &a.name),
        4,
        &["DOCKER_NETWORK", &a.name],
    );
    refused(
        &stack
            .clone()
            .with("STACK_SUBNET", a.manifest("STACK_SUBNET").unwrap()),
        4,
        &["STACK_SUBNET"],
    );
    let inside = a.base.join("data/inside");
    std::fs::create_dir(&inside).unwrap();
    let mut within = stack.clone().with("BASE_DIR", inside.display().to_string());
    within.base = inside;
    refused(&within, 4, &["BASE_DIR", &a.name]);
}

#[test]
fn a_name_that_somebody_elses_container_or_network_holds() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("n");
    let name = stack.container("redis");
    let foreign = bed.engine.foreign_container(&name);
    refused(&stack, 4, &[&name, "CONTAINER_PREFIX"]);
    bed.engine.remove_container(&foreign);
    let foreign = bed.engine.foreign_network(&stack.name);
    refused(&stack, 4, &[&stack.name, "DOCKER_NETWORK"]);
    bed.engine.remove_network(&foreign);
}

#[test]
fn values_that_cannot_be_are_told_all_at_once_with_their_lines() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("m");
    let said = refused(
        &stack.clone().with("VECTOR_DB", "canary-store"),
        3,
        &["VECTOR_DB", "`qdrant`", "`chroma`"],
    );
    assert!(!said.said().contains("canary"), "{}", said.said());
    refused(
        &stack.clone().with("SERVICES", "redis,cady"),
        3,
        &["cady", "caddy"],
    );
    refused(
        &stack.clone().with("SERVICES", "openclaw"),
        3,
        &["openclaw", "TAILSCALE_AUTH_KEY"],
    );

    stack.write_manifest(
        "GRAFANA_PORT=canary\n# fine\nVECTOR_DB=canary\n\nSTACK_USER_UID=canary-3\nPUBLISH='no\n",
    );
    let told = stack.clone().without("STACK_USER_UID");
    let said = refused(&told, 3, &["line 6"]).said();
    assert!(!said.contains("canary"), "{said}");
    stack.write_manifest(
        "GRAFANA_PORT=canary\n# fine\nVECTOR_DB=canary\n\nSTACK_USER_UID=canary-3\nGRAFNA_PORT=1\n",
    );
    let words = [
        "line 1: `GRAFANA_PORT`",
        "line 3: `VECTOR_DB`",
        "line 5: `STACK_USER_UID`",
    ];
    let said = refused(&told, 3, &words).said();
    assert!(!said.contains("canary"), "{said}");
}

#[test]
fn an_engine_that_is_absent_or_too_old() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("e");
    let nowhere = format!("unix://{}/nobody.sock", bed.home.display());
    refused(
        &stack.clone().with("AIPLAT_HOST", &nowhere),
        5,
        &["nobody.sock", "hint:"],
    );

    let socket = bed.home.join("old.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let _ = client.read(&mut [0; 4096]);
            let body = r#"{"Version":"19.03.15","ApiVersion":"1.40","MinAPIVersion":"1.12"}"#;
            let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nApi-Version: 1.40";
            let _ = write!(
                client,
                "{head}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
        }
    });
    let old = format!("unix://{}", socket.display());
    refused(
        &stack.with("AIPLAT_HOST", old),
        5,
        &["1.40", "1.41", "20.10"],
    );
}

#[test]
fn an_image_that_is_not_there_and_that_no_registry_answers_for() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("i");
    let nowhere = "127.0.0.1:9/aiplat";
    refused(
        &stack.clone().with("IMAGE_REGISTRY", nowhere),
        5,
        &["127.0.0.1:9/aiplat/", "IMAGE_REGISTRY"],
    );
    refused(
        &stack.with("IMAGE_REDIS", "localhost/aiplat/nothing:1"),
        5,
        &["localhost/aiplat/nothing:1"],
    );
}
