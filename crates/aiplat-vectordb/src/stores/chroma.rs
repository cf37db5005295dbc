//! Chroma (facts of server 1.5.9).

use serde_json::{Value, json};

use super::StoreKind;
use crate::cache::CacheKind;
use crate::context::{StoreContext, Var};
use crate::grammar;
use crate::provision::{Holding, HttpProvision, Method, Own, Provision};
use crate::spec::{AuthModel, Provisioning, StoreSpec};

pub(super) const SPEC: StoreSpec = StoreSpec {
    kind: StoreKind::Chroma,
    title: "Chroma",
    service: "chroma",
    host_alias: "chroma",
    scheme: "http",
    http_port: 8000,
    grpc_port: None,
    auth: AuthModel::None {
        words: "Chroma 1.x has no authentication, and ignores the settings that older ones had: the stack's own network \
                is the only thing that keeps others out, so its port is never published",
    },
    key: None,
    grammar: grammar::CHROMA,
    provisioning: Provisioning::OnRequest,
    root_user: None,
    litellm_cache: CacheKind::Redis,
    isolation: "none inside a stack: tenants and databases only separate names, and any service of the stack can reach \
                every collection of it",
    notes: &[
        "`allow_reset` must stay false: a reset needs no key and wipes everything",
        "a client's version should match the server's: chromadb 0.5 fails against 1.x",
        "a tenant and database must exist before a service that names them starts",
    ],
    variables,
    provision,
    holdings,
};

/// What every server has from the start.
const DEFAULT_TENANT: &str = "default_tenant";
const DEFAULT_DATABASE: &str = "default_database";

fn variables(context: &StoreContext) -> Vec<(&'static str, Var)> {
    let names = &context.names;
    let (tenant, database) = if context.provisioned {
        (names.tenant.as_str(), names.chroma.as_str())
    } else {
        (DEFAULT_TENANT, DEFAULT_DATABASE)
    };
    vec![
        ("collection", Var::Plain(names.chroma.to_string())),
        ("prefix", Var::Plain(names.prefix.to_string())),
        ("tenant", Var::Plain(tenant.to_owned())),
        ("database", Var::Plain(database.to_owned())),
    ]
}

fn provision(context: &StoreContext) -> Vec<Provision> {
    if !context.provisioned {
        return Vec::new();
    }
    let (tenant, database) = (&context.names.tenant, &context.names.chroma);
    let request = |what: &str, path: String, body: Value| {
        Provision::Http(HttpProvision {
            what: what.to_owned(),
            host: context.host.clone(),
            port: context.port,
            method: Method::Post,
            path,
            bearer: None,
            body,
            accepted: vec![200, 201, 409],
        })
    };
    vec![
        request("make the tenant", "/api/v2/tenants".to_owned(), json!({ "name": tenant })),
        request(
            "make the database",
            format!("/api/v2/tenants/{tenant}/databases"),
            json!({ "name": database }),
        ),
    ]
}

/// Its own database with all in it, or what has its names in the one that all share. A tenant cannot be removed: an
/// empty one of its name stays.
fn holdings(context: &StoreContext) -> Vec<Holding> {
    let names = &context.names;
    let called = |prefix| Own::Named {
        exactly: names.chroma.to_string(),
        prefix,
    };
    let holding = |what, path, own| Holding {
        what,
        path,
        list: "",
        name: "/name",
        bearer: None,
        own,
    };
    let databases = |tenant: &str| format!("/api/v2/tenants/{tenant}/databases");
    if context.provisioned {
        let all = databases(names.tenant.as_str());
        let collections = format!("{all}/{}/collections", names.chroma);
        return vec![
            holding("collection", collections, Own::All),
            holding("database", all, called(None)),
        ];
    }
    let shared = format!("{}/{DEFAULT_DATABASE}/collections", databases(DEFAULT_TENANT));
    let prefix = Some(names.prefix.to_string());
    vec![holding("collection", shared, called(prefix))]
}
