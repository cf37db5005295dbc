//! One stack in full, letter by letter: a change here renames what is in people's stores.

use std::fmt::Write as _;

use aiplat_vectordb::{StoreContext, StoreKind, Var, names_for};

fn shown(kind: StoreKind, stack: &str, service: &str, provision: bool) -> String {
    let mut out = String::new();
    for (name, var) in StoreContext::new(kind, stack, service, provision).variables() {
        let mark = match var {
            Var::Plain(_) => "",
            Var::Secret(_) | Var::Composed(_) => " (secret)",
        };
        writeln!(out, "{name}={}{mark}", var.text()).unwrap();
    }
    out
}

#[test]
fn qdrant() {
    assert_eq!(
        shown(StoreKind::Qdrant, "ai_platform", "openwebui", false),
        "store=qdrant\n\
         host=qdrant\n\
         port=6333\n\
         url=http://qdrant:6333\n\
         grpc_port=6334\n\
         key=<qdrant_api_key> (secret)\n\
         collection=ai_platform__openwebui\n\
         prefix=ai_platform__openwebui__\n"
    );
}

#[test]
fn pgvector() {
    assert_eq!(
        shown(StoreKind::Pgvector, "ai_platform", "openwebui", true),
        "store=pgvector\n\
         host=postgres\n\
         port=5432\n\
         url=postgresql://postgres:5432\n\
         key=<pgvector_key_openwebui> (secret)\n\
         collection=ai_platform__openwebui\n\
         prefix=ai_platform__openwebui__\n\
         role=ai_platform__openwebui\n\
         database=ai_platform__openwebui\n\
         schema=ai_platform__openwebui_v\n\
         dsn=postgresql://ai_platform__openwebui:<pgvector_key_openwebui>@postgres:5432/ai_platform__openwebui (secret)\n"
    );
}

#[test]
fn weaviate() {
    assert_eq!(
        shown(StoreKind::Weaviate, "ai_platform", "dify", true),
        "store=weaviate\n\
         host=weaviate\n\
         port=8080\n\
         url=http://weaviate:8080\n\
         grpc_port=50051\n\
         key=<weaviate_key_dify> (secret)\n\
         collection=Ai_platform__dify__items\n\
         class=Ai_platform__dify__items\n\
         prefix=Ai_platform__dify__\n\
         role=ai_platform__dify\n"
    );
    let shared = shown(StoreKind::Weaviate, "ai_platform", "anythingllm", false);
    assert!(shared.contains("key=<weaviate_api_key> (secret)\n"));
    assert!(!shared.contains("role="));
}

#[test]
fn chroma() {
    assert_eq!(
        shown(StoreKind::Chroma, "ai_platform", "openwebui", true),
        "store=chroma\n\
         host=chroma\n\
         port=8000\n\
         url=http://chroma:8000\n\
         collection=ai_platform__openwebui\n\
         prefix=ai_platform__openwebui__\n\
         tenant=ai_platform__openwebui\n\
         database=ai_platform__openwebui\n"
    );
    let shared = shown(StoreKind::Chroma, "ai_platform", "openwebui", false);
    assert!(shared.ends_with("tenant=default_tenant\ndatabase=default_database\n"));
}

/// What is hashed keeps its readable half, and its hash for ever.
#[test]
fn hashed_names() {
    let shown = |stack, service| names_for(stack, service).role.to_string();
    assert_eq!(
        shown("ai-platform-1001", "openwebui"),
        "ai_platform_1001__openwebui_35262c11aff2b6cb"
    );
    assert_eq!(shown("1st", "n8n"), "s1st__n8n_90da6d6aed157e37");
    assert_eq!(shown("pg_x", "n8n"), "spg_x__n8n_df4959aab8c1e33d");
    assert_eq!(shown("", ""), "x__x_374708fff7719dd5");
    assert_eq!(shown("Größe", "日本"), "gr_e__x_38dce708c41b30c3");
}
