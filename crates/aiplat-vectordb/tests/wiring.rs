//! The `[vector]` table: what is read, and what is refused with which words.

use std::fmt::Write as _;

use aiplat_vectordb::{
    DIFY_REFUSES_CHROMA, StoreKind, Wiring, WiringTable, render_matrix, store_users,
};

fn read(text: &str) -> Result<WiringTable, String> {
    toml::from_str(text).map_err(|error| error.message().to_owned())
}

const DIFY: &str = r#"
tenant = "dify"

[qdrant]
env = { VECTOR_STORE = "qdrant", QDRANT_URL = "{{ vector.url }}", QDRANT_API_KEY = "{{ vector.key }}", VECTOR_INDEX_NAME_PREFIX = "{{ vector.prefix }}" }
[pgvector]
env = { VECTOR_STORE = "pgvector", PGVECTOR_HOST = "{{ vector.host }}", PGVECTOR_PASSWORD = "{{ vector.key }}", PGVECTOR_USER = "{{ vector.role }}" }
[weaviate]
provision = true
env = { VECTOR_STORE = "weaviate", WEAVIATE_GRPC_ENDPOINT = "grpc://{{ vector.host }}:{{ vector.grpc_port }}", R = "{{ vector.role }}" }
[chroma]
none = "pins the chromadb client 0.5.20, which fails against a 1.x server; choose another store"
"#;

/// Four entries of which the named one is replaced.
fn with(store: &str, entry: &str) -> Result<WiringTable, String> {
    let mut text = String::new();
    for kind in StoreKind::ALL {
        let entry = if kind.as_str() == store {
            entry
        } else {
            "none = 'no'"
        };
        writeln!(text, "[{kind}]\n{entry}").unwrap();
    }
    read(&text)
}

#[test]
fn a_full_table_is_read() {
    let table = read(DIFY).unwrap();
    assert_eq!(table.tenant(), Some("dify"));
    let Wiring::Env { env, files } = table.get(StoreKind::Qdrant) else {
        panic!("{table:?}")
    };
    assert_eq!(env["QDRANT_URL"], "{{ vector.url }}");
    assert!(files.is_empty());
    assert!(
        matches!(table.get(StoreKind::Chroma), Wiring::None { reason } if reason == DIFY_REFUSES_CHROMA)
    );
    // pgvector has no key to share, so it is provisioned without a word
    assert!(table.entry(StoreKind::Pgvector).provision);
    assert!(!table.entry(StoreKind::Qdrant).provision);
    assert!(table.context(StoreKind::Chroma, "s", "dify-api").is_none());
}

#[test]
fn parts_of_one_app_share_its_tenant() {
    let table = read(DIFY).unwrap();
    for kind in [StoreKind::Qdrant, StoreKind::Pgvector, StoreKind::Weaviate] {
        let api = table.context(kind, "s", "dify-api").unwrap();
        assert_eq!(Some(&api), table.context(kind, "s", "dify-worker").as_ref());
        assert_eq!(api.names.prefix.as_str(), "s__dify__");
    }
}

#[test]
fn one_reason_for_all() {
    let table = read("none = 'keeps no vectors'").unwrap();
    assert_eq!(table, WiringTable::none("keeps no vectors"));
    for (_, entry) in table.entries() {
        assert!(!entry.is_used());
    }
}

#[test]
fn every_missing_store_is_named_at_once() {
    let error = read("[qdrant]\nnone = 'no'").unwrap_err();
    for store in ["pgvector", "weaviate", "chroma"] {
        assert!(
            error.contains(&format!("`vector.{store}` is missing")),
            "{error}"
        );
    }
    assert!(!error.contains("`vector.qdrant`"), "{error}");
}

#[test]
fn unknown_keys_are_named() {
    let error = read("[qdrnt]\nnone = 'no'").unwrap_err();
    assert_eq!(
        error,
        "unknown key `qdrnt` in `vector`, expected `none`, `tenant` or one of `qdrant`, `pgvector`, `weaviate`, `chroma`"
    );
    let error = with("qdrant", "evn = { A = 'b' }").unwrap_err();
    assert!(
        error.contains("unknown field `evn`") && error.contains("`in_app`"),
        "{error}"
    );
}

#[test]
fn an_entry_says_one_thing() {
    let refused = [
        ("qdrant", "", "expects one of `env`"),
        ("qdrant", "env = {}\nnone = 'no'", "expects one of `env`"),
        (
            "qdrant",
            "in_app = 'x'\nnone = 'no'",
            "expects one of `env`",
        ),
        (
            "qdrant",
            "none = 'no'\nconfig = 'x'",
            "leaves nothing to configure",
        ),
        ("qdrant", "none = ' '", "`vector.qdrant.none` is empty"),
        ("chroma", "in_app = ''", "`vector.chroma.in_app` is empty"),
        ("qdrant", "config = ''", "`vector.qdrant.config` is empty"),
        (
            "qdrant",
            "env = {}\nprovision = true",
            "cannot be true: a token can list",
        ),
        (
            "pgvector",
            "env = {}\nprovision = false",
            "cannot be false: there is no key",
        ),
        ("qdrant", "env = { '1A' = 'x' }", "not `1A`"),
        ("qdrant", "env = { 'A=B' = 'x' }", "not `A=B`"),
        (
            "qdrant",
            "env = { A = '{{ vector.url' }",
            "`vector.qdrant.env.A` is no template",
        ),
        (
            "qdrant",
            "files = [{ template = 't', path = '../x' }]",
            "without `..`, not `../x`",
        ),
        (
            "qdrant",
            "files = [{ template = 't', path = '/etc/x' }]",
            "not `/etc/x`",
        ),
    ];
    for (store, entry, words) in refused {
        let error = with(store, entry).unwrap_err();
        assert!(error.contains(words), "{entry:?} gave {error}");
    }
}

#[test]
fn a_variable_that_the_store_lacks_is_refused() {
    for (store, variable) in [
        ("chroma", "key"),
        ("chroma", "grpc_port"),
        ("qdrant", "dsn"),
        ("qdrant", "class"),
        ("pgvector", "class"),
        ("weaviate", "tenant"),
        // there is a role only with `provision = true`
        ("weaviate", "role"),
        ("qdrant", "kye"),
    ] {
        let error = with(
            store,
            &format!("env = {{ A = '{{{{ vector.{variable} }}}}' }}"),
        )
        .unwrap_err();
        assert!(
            error.contains(&format!("asks for `vector.{variable}`")),
            "{error}"
        );
        assert!(error.contains("`vector.url`"), "{error}");
    }
    // what is not the store's is core's to judge
    assert!(
        with(
            "qdrant",
            "env = { A = \"{{ host('x') }} {{ services.redis }}\" }"
        )
        .is_ok()
    );
}

#[test]
fn none_for_all_stands_alone() {
    let error = read("none = 'no'\n[chroma]\nin_app = 'x'").unwrap_err();
    assert!(
        error.contains("`vector.chroma` cannot stand beside it"),
        "{error}"
    );
    assert!(
        read("none = 'no'\ntenant = 'dify'")
            .unwrap_err()
            .contains("`vector.tenant`")
    );
    assert!(
        read("none = ''")
            .unwrap_err()
            .contains("`vector.none` is empty")
    );
    assert!(read("none = 7").unwrap_err().contains("expected a string"));
}

#[test]
fn a_tenant_is_a_service_name() {
    for tenant in ["", "Dify", "-x", "a_b", "a23456789-123456789-12345"] {
        let error = read(&DIFY.replace("\"dify\"", &format!("'{tenant}'"))).unwrap_err();
        assert!(error.contains("`vector.tenant` expects"), "{error}");
    }
}

#[test]
fn written_and_read_again() {
    let files = "files = [{ template = 'x/y', path = 'y.json' }]\nconfig = 'y.json'";
    for table in [
        read(DIFY).unwrap(),
        with("weaviate", "in_app = 'there'\nprovision = true").unwrap(),
        with("qdrant", files).unwrap(),
        with("pgvector", "config = 'config.yaml'").unwrap(),
        WiringTable::none("no"),
    ] {
        let text = toml::to_string(&table).unwrap();
        assert_eq!(read(&text).unwrap(), table, "{text}");
    }
}

#[test]
fn the_matrix_shows_every_store() {
    let dify = read(DIFY).unwrap();
    let n8n = with("qdrant", "in_app = '''a | b\nc'''\nconfig = 'x'").unwrap();
    let none = WiringTable::none("keeps no vectors");
    let rows = [("dify", &dify), ("n8n", &n8n), ("caddy", &none)];
    assert_eq!(
        render_matrix(rows),
        "| service | qdrant | pgvector | weaviate | chroma |\n\
         |---|---|---|---|---|\n\
         | dify | by environment | by environment, provisioned | by environment, provisioned | no: pins the chromadb \
         client 0.5.20, which fails against a 1.x server; choose another store |\n\
         | n8n | in the app: a \\| b c (x) | no: no | no: no | no: no |\n\
         | caddy | no: keeps no vectors | no: keeps no vectors | no: keeps no vectors | no: keeps no vectors |\n"
    );
}

#[test]
fn users_that_a_store_starts_with() {
    let users = store_users(StoreKind::Weaviate, "s", ["dify"]);
    let shown: Vec<_> = users
        .iter()
        .map(|u| (u.name.as_str(), u.secret.name.as_str(), u.root))
        .collect();
    assert_eq!(
        shown,
        [
            ("stack-root", "weaviate_api_key", true),
            ("s__dify", "weaviate_key_dify", false)
        ]
    );
    for kind in [StoreKind::Qdrant, StoreKind::Pgvector, StoreKind::Chroma] {
        assert!(store_users(kind, "s", ["dify"]).is_empty());
    }
}
