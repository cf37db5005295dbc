//! What holds of every store in the register, so that a new one is tested without a new test.

use aiplat_vectordb::{
    AuthModel, CacheKind, KeyProblem, KeyScope, Provisioning, StoreContext, StoreKind, Var,
    litellm_cache, provisioning, stack_secret,
};

#[test]
fn names_and_rows_agree() {
    for kind in StoreKind::ALL {
        let spec = kind.spec();
        assert_eq!(spec.kind, kind);
        assert_eq!(kind.to_string().parse(), Ok(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        assert_eq!(
            serde_json::from_str::<StoreKind>(&format!("\"{kind}\"")).unwrap(),
            kind
        );
        assert!(!spec.service.is_empty() && !spec.host_alias.is_empty() && spec.http_port > 0);
        assert!(
            spec.isolation.len() > 40,
            "{kind} says what its isolation cannot do"
        );
        assert!(!spec.notes.is_empty());
    }
    assert_eq!(
        "Qdrant".parse::<StoreKind>().unwrap_err().to_string(),
        "expected one of `qdrant`, `pgvector`, `weaviate`, `chroma`"
    );
}

#[test]
fn every_store_has_a_key_or_says_why_not() {
    for kind in StoreKind::ALL {
        let spec = kind.spec();
        match spec.auth {
            AuthModel::None { words } => {
                assert!(spec.key.is_none() && words.len() > 40);
                assert_eq!(stack_secret(kind), None);
            }
            AuthModel::ApiKey { headers } => assert!(spec.key.is_some() && !headers.is_empty()),
            AuthModel::RoleAndPassword => assert!(spec.key.is_some()),
        }
        let context = StoreContext::new(kind, "s", "x", false);
        assert_eq!(context.key_secret.is_some(), spec.key.is_some(), "{kind}");
        if let Some(key) = spec.key {
            assert!(
                key.format.bytes() >= key.min_bytes,
                "a drawn key of {kind} passes its floor"
            );
            assert_eq!(stack_secret(kind).is_some(), key.scope == KeyScope::Stack);
            let drawn = "0".repeat(key.format.bytes());
            assert_eq!(key.check(&drawn), Ok(()));
            assert_eq!(
                key.check(""),
                Err(KeyProblem::TooShort { min: key.min_bytes })
            );
            for value in ["with blank", "line\nbreak", "zero\0", "grün"] {
                let value = format!("{value}{drawn}");
                assert!(matches!(
                    key.check(&value),
                    Err(KeyProblem::Character { .. })
                ));
            }
        }
    }
    let weaviate = StoreKind::Weaviate.spec().key.unwrap();
    let error = weaviate
        .check(&format!("a,b{}", "0".repeat(64)))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected printable ASCII without blanks and without any of `,`"
    );
    assert!(StoreKind::Qdrant.spec().key.unwrap().min_bytes >= 32);
}

#[test]
fn variables_are_distinct_and_say_what_is_secret() {
    for kind in StoreKind::ALL {
        for provision in [false, true] {
            let context = StoreContext::new(kind, "s", "x", provision);
            let variables = context.variables();
            let names: Vec<_> = variables.iter().map(|(name, _)| *name).collect();
            assert_eq!(names, kind.spec().variable_names(provision));
            let mut unique = names.clone();
            unique.sort_unstable();
            unique.dedup();
            assert_eq!(unique.len(), names.len(), "{names:?}");
            for needed in ["store", "host", "port", "url", "collection", "prefix"] {
                assert!(names.contains(&needed), "{kind} lacks {needed}");
            }
            for (name, var) in variables {
                let secret = matches!(name, "key" | "dsn");
                assert_eq!(var.text().is_secret(), secret, "{kind} {name}");
                assert_eq!(matches!(var, Var::Plain(_)), !secret);
            }
            let expected = match kind.spec().provisioning {
                Provisioning::Never { .. } => false,
                Provisioning::OnRequest => provision,
                Provisioning::Always { .. } => true,
            };
            assert_eq!(context.provisioned, expected);
            assert_eq!(!provisioning(&context).is_empty(), expected);
        }
    }
}

#[test]
fn secrets_of_two_services_differ_and_fit_a_file_name() {
    let name = |service: &str| {
        StoreContext::new(StoreKind::Pgvector, "s", service, true)
            .key_secret
            .unwrap()
            .name
    };
    let mut names: Vec<_> = ["a-b", "a_b", "a.b", "A-b", "api", "", "../x", "日本"]
        .map(name)
        .into();
    for name in &names {
        assert!(
            name.bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')),
            "{name}"
        );
        assert!(name.len() < 100);
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 8, "{names:?}");
    assert_eq!(name("a-b"), "pgvector_key_a_b");
}

#[test]
fn a_context_serialises_without_a_value() {
    let context = StoreContext::new(StoreKind::Weaviate, "s", "dify", true);
    let json = serde_json::to_value(&context).unwrap();
    assert_eq!(json["kind"], "weaviate");
    assert_eq!(json["key_secret"]["name"], "weaviate_key_dify");
    assert_eq!(json["key_secret"]["key"], "WEAVIATE_KEY_DIFY");
    assert_eq!(json["names"]["class_prefix"], "S__dify__");
}

#[test]
fn litellm_caches_by_meaning_in_qdrant_alone() {
    for kind in StoreKind::ALL {
        let cache = litellm_cache(kind);
        assert_eq!(
            cache == CacheKind::QdrantSemantic,
            kind == StoreKind::Qdrant
        );
        assert!(!cache.reason().is_empty());
        assert_eq!(serde_json::to_value(cache).unwrap(), cache.as_str());
    }
}
