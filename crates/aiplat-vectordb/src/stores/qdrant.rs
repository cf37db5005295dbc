//! Qdrant (facts of server 1.19).

use super::StoreKind;
use crate::cache::CacheKind;
use crate::context::{StoreContext, Var};
use crate::grammar;
use crate::provision::{Holding, Own};
use crate::secret::{KeyFormat, KeyScope, KeySpec};
use crate::spec::{AuthModel, Provisioning, StoreSpec};

pub(super) const SPEC: StoreSpec = StoreSpec {
    kind: StoreKind::Qdrant,
    title: "Qdrant",
    service: "qdrant",
    host_alias: "qdrant",
    scheme: "http",
    http_port: 6333,
    grpc_port: Some(6334),
    auth: AuthModel::ApiKey { headers: &["api-key", "Authorization"] },
    // also the HS256 secret where JWT is turned on, hence the floor
    key: Some(KeySpec {
        scope: KeyScope::Stack,
        format: KeyFormat::Hex64,
        min_bytes: 32,
        forbidden: "",
    }),
    grammar: grammar::QDRANT,
    provisioning: Provisioning::Never {
        reason: "a token can list collections by exact name only, never by prefix, and cannot create one; \
                 the services create theirs while they run, so all of a stack share its key",
    },
    root_user: None,
    litellm_cache: CacheKind::QdrantSemantic,
    isolation: "one key per stack: a service of the stack can read and delete every collection of that stack; \
                names only keep the services out of each other's way",
    notes: &[
        "an empty key turns authentication off, so one is always set",
        "`/readyz`, `/healthz` and `/livez` answer without a key",
        "a token without an `access` claim may do everything",
        "AnythingLLM deletes every collection it can list when its embedder or store is changed in its settings",
    ],
    variables,
    provision: |_| Vec::new(),
    holdings,
};

fn variables(context: &StoreContext) -> Vec<(&'static str, Var)> {
    vec![
        ("collection", Var::Plain(context.names.collection.to_string())),
        ("prefix", Var::Plain(context.names.prefix.to_string())),
    ]
}

fn holdings(context: &StoreContext) -> Vec<Holding> {
    vec![Holding {
        what: "collection",
        path: "/collections".to_owned(),
        list: "/result/collections",
        name: "/name",
        bearer: context.admin_secret.clone(),
        own: Own::Named {
            exactly: context.names.collection.to_string(),
            prefix: Some(context.names.prefix.to_string()),
        },
    }]
}
