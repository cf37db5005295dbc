//! What is made inside a store, and that nothing in a name or a password can break out of it.

use std::borrow::Cow;

use aiplat_vectordb::{
    Encoding, ExtensionName, KeySpec, Part, Provision, SecretRef, SqlProvision, SqlTarget,
    StoreContext, StoreKind, Text, provisioning,
};
use proptest::prelude::*;
use serde_json::json;

fn sql(stack: &str, service: &str) -> SqlProvision {
    let context = StoreContext::new(StoreKind::Pgvector, stack, service, false);
    match provisioning(&context).remove(0) {
        Provision::Sql(sql) => sql,
        Provision::Http(http) => panic!("{http:?}"),
    }
}

fn reveal(text: &Text, value: &str) -> String {
    text.reveal(|_| Some(Cow::Owned(value.to_owned()))).unwrap()
}

#[test]
fn pgvector_statements_in_order() {
    let shown: Vec<String> = sql("ai_platform", "n8n")
        .statements()
        .into_iter()
        .map(|s| {
            format!(
                "{:?} {}{}",
                s.on,
                if s.unless.is_some() { "? " } else { "" },
                s.sql
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "Maintenance ? CREATE ROLE \"ai_platform__n8n\" NOLOGIN",
            "Maintenance ALTER ROLE \"ai_platform__n8n\" WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION \
             NOBYPASSRLS CONNECTION LIMIT 40 PASSWORD <pgvector_key_n8n>",
            "Maintenance ? CREATE DATABASE \"ai_platform__n8n\" OWNER \"ai_platform__n8n\"",
            "Maintenance REVOKE CONNECT, TEMPORARY ON DATABASE \"ai_platform__n8n\" FROM PUBLIC",
            "Maintenance GRANT CONNECT, TEMPORARY ON DATABASE \"ai_platform__n8n\" TO \"ai_platform__n8n\"",
            "Own CREATE EXTENSION IF NOT EXISTS \"vector\" WITH SCHEMA public",
            "Own REVOKE ALL ON SCHEMA public FROM PUBLIC",
            "Own GRANT USAGE, CREATE ON SCHEMA public TO \"ai_platform__n8n\"",
            "Own CREATE SCHEMA IF NOT EXISTS \"ai_platform__n8n_v\" AUTHORIZATION \"ai_platform__n8n\"",
        ]
    );
}

#[test]
fn the_script_is_the_statements() {
    let script = sql("s", "n8n").psql_script();
    let text = reveal(&script, "it's");
    assert!(text.contains("PASSWORD 'it''s';\n"), "{text}");
    assert!(text.contains(
        "SELECT 'CREATE DATABASE \"s__n8n\" OWNER \"s__n8n\"' WHERE NOT EXISTS (SELECT 1 FROM \
         pg_catalog.pg_database WHERE datname = 's__n8n') \\gexec\n"
    ));
    assert_eq!(text.matches("\\connect s__n8n\n").count(), 1);
    // each connection is quiet before it says anything
    assert_eq!(
        text.matches("SET log_min_error_statement = panic;").count(),
        2
    );
    // an error in the statement that holds the password does not quote it
    let alter = text.find("ALTER ROLE").unwrap();
    assert!(
        text[..alter].ends_with("\\set VERBOSITY sqlstate\n"),
        "{text}"
    );
    assert_eq!(text.matches("sqlstate").count(), 1);
    assert!(text.find("SET log_statement").unwrap() < text.find("CREATE ROLE").unwrap());
}

/// The parser of `PostgreSQL`, for what can be in a statement of ours: splits at semicolons outside
/// of quotes, and knows when a quote was left open.
fn split(sql: &str) -> Option<Vec<String>> {
    let (mut all, mut current, mut quote) = (Vec::new(), String::new(), None);
    for c in sql.chars() {
        match (quote, c) {
            (None, ';') => all.push(std::mem::take(&mut current)),
            (None, '\'' | '"') => quote = Some(c),
            // a doubled quote closes and opens again, which comes to the same
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
        if c != ';' || quote.is_some() {
            current.push(c);
        }
    }
    all.push(current);
    quote.is_none().then_some(all)
}

proptest! {
    #[test]
    fn hostile_values_stay_inside_their_quotes(
        stack in any::<String>(), service in any::<String>(),
        password in prop_oneof![any::<String>(), "[';\"\\\\\\-$ a]{0,20}"],
    ) {
        prop_assume!(!password.contains('\0'));
        for statement in sql(&stack, &service).statements() {
            let revealed = reveal(&statement.sql, &password);
            let parts = split(&revealed);
            prop_assert_eq!(parts.map(|p| p.len()), Some(1), "{}", revealed);
            // what runs conditionally is put into a literal, so it must hold no secret
            prop_assert!(statement.unless.is_none() || !statement.sql.is_secret());
            if statement.sql.is_secret() {
                let literal = &revealed[revealed.find("PASSWORD ").unwrap() + 9..];
                let inner = &literal[1..literal.len() - 1];
                prop_assert_eq!(inner.replace("''", "'"), password.clone());
            }
        }
    }

    #[test]
    fn a_dsn_carries_any_password(password in any::<String>()) {
        let context = StoreContext::new(StoreKind::Pgvector, "s", "n8n", true);
        let (_, dsn) = context.variables().into_iter().find(|(name, _)| *name == "dsn").unwrap();
        let dsn = reveal(&dsn.text(), &password);
        let user_info = dsn
            .strip_prefix("postgresql://s__n8n:")
            .and_then(|rest| rest.strip_suffix("@postgres:5432/s__n8n"));
        let encoded = user_info.unwrap();
        prop_assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        prop_assert_eq!(decoded(encoded), password.into_bytes());
    }
}

fn decoded(text: &str) -> Vec<u8> {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            out.push(u8::from_str_radix(std::str::from_utf8(&tail[..2]).unwrap(), 16).unwrap());
            rest = &tail[2..];
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

#[test]
fn what_cannot_be_carried_is_an_error_without_the_value() {
    let sql = sql("s", "n8n").psql_script();
    let error = sql
        .reveal(|_| Some(Cow::from("a\0b")))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "secret `pgvector_key_n8n` holds a zero byte, which SQL cannot carry"
    );
    let error = sql.reveal(|_| None).unwrap_err().to_string();
    assert!(
        error.starts_with("secret `pgvector_key_n8n` is not known"),
        "{error}"
    );
}

#[test]
fn a_database_of_core_uses_the_same() {
    let provision = SqlProvision {
        host: "postgres".to_owned(),
        port: 5432,
        role: "n8n".parse().unwrap(),
        password: SecretRef::new("n8n_db_password", KeySpec::PASSWORD),
        database: "n8n".parse().unwrap(),
        schema: None,
        extensions: vec!["uuid-ossp".parse().unwrap(), "pg_trgm".parse().unwrap()],
        connections: 10,
    };
    let own: Vec<String> = provision
        .statements()
        .into_iter()
        .filter(|s| s.on == SqlTarget::Own)
        .map(|s| s.sql.to_string())
        .collect();
    assert!(own[0].contains("\"uuid-ossp\"") && own[1].contains("\"pg_trgm\""));
    assert!(!own.iter().any(|s| s.contains("CREATE SCHEMA")));
    assert_eq!(
        ExtensionName::vector().as_str().parse(),
        Ok(ExtensionName::vector())
    );
}

#[test]
fn weaviate_requests() {
    let context = StoreContext::new(StoreKind::Weaviate, "s", "dify", true);
    let requests = provisioning(&context);
    let shown: Vec<_> = requests
        .iter()
        .map(|request| match request {
            Provision::Http(http) => {
                let key = http.bearer.as_ref().map(|key| key.name.as_str());
                (
                    http.method.as_str(),
                    http.path.as_str(),
                    key,
                    http.accepted.as_slice(),
                )
            }
            Provision::Sql(sql) => panic!("{sql:?}"),
        })
        .collect();
    let root = Some("weaviate_api_key");
    assert_eq!(
        shown,
        [
            ("POST", "/v1/authz/roles", root, [201, 409].as_slice()),
            (
                "POST",
                "/v1/authz/roles/s__dify/add-permissions",
                root,
                &[200]
            ),
            ("POST", "/v1/authz/users/s__dify/assign", root, &[200]),
        ]
    );
    let Provision::Http(role) = &requests[0] else {
        unreachable!()
    };
    assert_eq!(role.body["name"], "s__dify");
    let permissions = role.body["permissions"].as_array().unwrap();
    assert_eq!(permissions.len(), 13);
    assert_eq!(
        permissions[0],
        json!({ "action": "create_collections", "collections": { "collection": "S__dify__*" } })
    );
    for permission in permissions.iter().filter(|p| p["action"] != "read_nodes") {
        let scope = ["collections", "data", "tenants"].map(|kind| &permission[kind]["collection"]);
        assert!(
            scope.contains(&&json!("S__dify__*")),
            "{permission} is not scoped"
        );
    }
    let Provision::Http(assign) = &requests[2] else {
        unreachable!()
    };
    assert_eq!(
        assign.body,
        json!({ "roles": ["s__dify"], "userType": "db" })
    );
}

#[test]
fn chroma_requests() {
    let context = StoreContext::new(StoreKind::Chroma, "s", "openwebui", true);
    let shown: Vec<_> = provisioning(&context)
        .into_iter()
        .map(|request| match request {
            Provision::Http(http) => {
                assert_eq!(http.bearer, None);
                assert!(http.accepted.contains(&409));
                format!("{} {}", http.path, http.body)
            }
            Provision::Sql(sql) => panic!("{sql:?}"),
        })
        .collect();
    assert_eq!(
        shown,
        [
            r#"/api/v2/tenants {"name":"s__openwebui"}"#,
            r#"/api/v2/tenants/s__openwebui/databases {"name":"s__openwebui"}"#,
        ]
    );
}

#[test]
fn nothing_to_make_where_nothing_is_asked() {
    for kind in [StoreKind::Qdrant, StoreKind::Weaviate, StoreKind::Chroma] {
        assert!(
            provisioning(&StoreContext::new(kind, "s", "x", false)).is_empty(),
            "{kind}"
        );
    }
    // a token of Qdrant's could not do it
    assert!(provisioning(&StoreContext::new(StoreKind::Qdrant, "s", "x", true)).is_empty());
}

#[test]
fn parts_say_how_they_are_written() {
    let secret = SecretRef::new("k", KeySpec::PASSWORD);
    let text = Text::new(vec![
        Part::Plain("a=".to_owned()),
        Part::Secret {
            secret,
            encoding: Encoding::Raw,
        },
    ]);
    assert_eq!(text.to_string(), "a=<k>");
    assert_eq!(reveal(&text, "v"), "a=v");
    assert!(!Text::plain("x").is_secret());
}
