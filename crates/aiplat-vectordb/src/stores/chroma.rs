//! Chroma (facts of server 1.5.9).

use serde_json::{Value, json};

use super::StoreKind;
use crate::cache::CacheKind;
use crate::context::{StoreContext, Var};
use crate::grammar;
use crate::provision::{HttpProvision, Method, Provision};
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
