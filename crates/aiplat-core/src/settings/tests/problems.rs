//! All problems at once, with key, line and layer.

use super::super::{KnownKeys, Settings, Source};
use super::{known, manifest, map};

fn refused(text: &str) -> String {
    Settings::resolve(&manifest(text), &known())
        .expect_err(text)
        .to_string()
}

#[test]
fn every_key_is_checked_before_anything_is_said() {
    let mut layers =
        manifest("BASE_DIR=data\nGRAFANA_PORT=70000\n\nSTACK_USER_UID=0\nVECTOR_DB=milvus\n");
    layers.flags = map(&[("DOMAIN_NAME", "no_domain")]);
    layers.environment = map(&[("STACK_MEMORY", "lots")]);
    let problems = Settings::resolve(&layers, &known()).expect_err("six are wrong");
    let found: Vec<_> = problems
        .all()
        .iter()
        .map(|p| (p.source, p.line, p.key.as_deref().unwrap_or("")))
        .collect();
    let expected = [
        (Source::Flag, None, "DOMAIN_NAME"),
        (Source::Environment, None, "STACK_MEMORY"),
        (Source::Manifest, Some(1), "BASE_DIR"),
        (Source::Manifest, Some(2), "GRAFANA_PORT"),
        (Source::Manifest, Some(4), "STACK_USER_UID"),
        (Source::Manifest, Some(5), "VECTOR_DB"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn words() {
    let problem = "line 1: `GRAFANA_PORT`: expected a port from 1 to 65535";
    assert_eq!(refused("GRAFANA_PORT=0\n"), problem);
    let mut layers = manifest("");
    layers.environment = map(&[("VECTOR_DB", "x")]);
    let problems = Settings::resolve(&layers, &KnownKeys::default()).expect_err("no store");
    let words = "environment: `VECTOR_DB`: expected `qdrant`, `pgvector`, `weaviate` or `chroma`";
    assert_eq!(problems.to_string(), words);
}

#[test]
fn settings_are_checked_against_each_other() {
    let text = "LITELLM_PORT=6000\nMY_PORT=6000\nCADDY_HTTP_PORT=6000\n";
    let problems = refused(text);
    assert!(
        problems.contains("not that of `CADDY_HTTP_PORT`"),
        "{problems}"
    );
    assert_eq!(problems.lines().count(), 2);

    assert!(refused("OPENCLAW_UID=1000\n").contains("other than `STACK_USER_UID`"));
    let text = "STACK_USER_UID=5\nOPENCLAW_GID=5\n";
    assert!(refused(text).starts_with("line 2: `OPENCLAW_GID`: expected a group id other than"));
}

#[test]
fn hints_say_what_to_do() {
    let hint = |text: &str| {
        let problems = Settings::resolve(&manifest(text), &known()).expect_err(text);
        problems.all()[0].hint
    };
    assert!(hint("STACK_SUBNET=8.8.8.0/24").is_some());
    assert!(hint("STACK_CPUS=none").is_some());
    assert!(hint("LITELLM_PORT=6000\nMY_PORT=6000").is_some_and(|h| h.contains("free port")));
    assert_eq!(hint("VECTOR_DB=x"), None);
}

#[test]
fn binding_everywhere_is_allowed_and_told() {
    let layers = manifest("\nBIND_ADDRESS=0.0.0.0\nFRONT_DOOR_ADDRESS=127.0.0.1\n");
    let (_, warnings) = Settings::resolve(&layers, &known()).expect("allowed");
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0]
            .to_string()
            .starts_with("line 2: `BIND_ADDRESS` binds to every address")
    );
}
