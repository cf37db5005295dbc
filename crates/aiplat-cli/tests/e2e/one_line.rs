//! A second stack beside the first by other values alone, for each vector store.

use crate::support::bed::Bed;
use crate::support::inventory;
use crate::support::proxy::Proxy;
use crate::support::stack::Stack;

/// The first stack, told by a manifest and nothing else.
fn first(bed: &Bed) -> Stack<'_> {
    let told = bed.small("a");
    let lines = told.env.iter().filter(|(key, _)| *key != "BASE_DIR");
    let text: String = lines
        .map(|(key, value)| format!("{key}={value}\n"))
        .collect();
    told.write_manifest(&format!("# written by an operator\n{text}"));
    let base = told.base.display().to_string();
    let stack = Stack {
        env: [("BASE_DIR".to_owned(), base)].into(),
        ..told
    };
    stack.deploy().ok();
    stack
}

fn second_beside_first(store: &str) {
    let Some(bed) = Bed::new() else { return };
    let a = first(&bed);
    let manifest = std::fs::read_to_string(a.base.join("config/.env")).unwrap();
    assert!(
        manifest.starts_with("# written by an operator\n"),
        "{manifest}"
    );
    let bridge = format!("aip-{}", &a.id()[..8]);
    let before = inventory::of(&bed.engine, &[&a.name, &bridge]);
    let config = inventory::tree(&a.base.join("config"));

    let b = bed
        .one_line("b")
        .with("VECTOR_DB", store)
        .with("SERVICES", "postgres,redis,caddy,openwebui");
    let made = b.run(&["deploy", "--json"]).ok().json();
    assert_eq!(made["new"], true, "{made}");
    let services: Vec<_> = made["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["service"].as_str().unwrap())
        .collect();
    let store_service = if store == "pgvector" {
        "postgres"
    } else {
        store
    };
    for service in ["postgres", "redis", "caddy", "openwebui", store_service] {
        assert!(services.contains(&service), "{service}: {services:?}");
    }

    let proxy = Proxy::before(&bed);
    let mut again = b.command(&["deploy", "--json"]);
    again.env("AIPLAT_HOST", proxy.address());
    let again = crate::support::run::start(again).end().ok().json();
    assert_eq!(again["changes"], 0, "{again}");
    let asked = proxy.requests();
    assert!((1..=6).contains(&asked.len()), "{asked:#?}");
    assert_eq!(
        again["engine_calls"].as_u64(),
        Some(asked.len() as u64),
        "{asked:#?}"
    );
    b.run(&["plan"]).ok();

    b.run(&["teardown", "--yes"]).ok();
    inventory::same(
        &before,
        &inventory::of(&bed.engine, &[&a.name, &bridge]),
        "the first stack",
    );
    inventory::same(
        &config,
        &inventory::tree(&a.base.join("config")),
        "its configuration",
    );
}

#[test]
fn with_qdrant() {
    second_beside_first("qdrant");
}

#[test]
fn with_pgvector() {
    second_beside_first("pgvector");
}

#[test]
fn with_weaviate() {
    second_beside_first("weaviate");
}

#[test]
fn with_chroma() {
    second_beside_first("chroma");
}
