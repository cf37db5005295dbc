//! Weaviate (facts of server 1.39).

use serde_json::{Value, json};

use super::StoreKind;
use crate::cache::CacheKind;
use crate::context::{StoreContext, Var};
use crate::grammar;
use crate::provision::{Holding, HttpProvision, Method, Own, Provision};
use crate::secret::{KeyFormat, KeyScope, KeySpec};
use crate::spec::{AuthModel, Provisioning, StoreSpec};

pub(super) const SPEC: StoreSpec = StoreSpec {
    kind: StoreKind::Weaviate,
    title: "Weaviate",
    service: "weaviate",
    host_alias: "weaviate",
    scheme: "http",
    http_port: 8080,
    grpc_port: Some(50051),
    auth: AuthModel::ApiKey { headers: &["Authorization"] },
    // the server splits its list of keys at commas
    key: Some(KeySpec {
        scope: KeyScope::Stack,
        format: KeyFormat::Hex64,
        min_bytes: 32,
        forbidden: ",",
    }),
    grammar: grammar::WEAVIATE,
    provisioning: Provisioning::OnRequest,
    // names of services hold `__`, so none is this
    root_user: Some("stack-root"),
    litellm_cache: CacheKind::Redis,
    isolation: "a service that lets its class prefix be set gets a user whose role reaches that prefix alone, held by \
                the server; the others use the stack's root key and can reach every class of that stack",
    notes: &[
        "anonymous access is on until it is set off",
        "users with their keys are given to the server when it starts: a service that is added restarts it",
        "most clients need gRPC as well; AnythingLLM uses HTTP alone",
        "Open WebUI and AnythingLLM delete every class they can list when they are reset",
    ],
    variables,
    provision,
    holdings,
};

fn variables(context: &StoreContext) -> Vec<(&'static str, Var)> {
    let names = &context.names;
    let mut all = vec![
        ("collection", Var::Plain(names.class.to_string())),
        ("class", Var::Plain(names.class.to_string())),
        ("prefix", Var::Plain(names.class_prefix.to_string())),
    ];
    if context.provisioned {
        all.push(("role", Var::Plain(names.role.to_string())));
    }
    all
}

/// A role for the prefix, brought up to date, and given to the user. The user itself is one of the
/// server's own list ([`store_users`](crate::store_users)): a user made by request gets a key that
/// the server draws and tells once, which no plan could hold before it is applied.
fn provision(context: &StoreContext) -> Vec<Provision> {
    let Some(admin) = context.admin_secret.clone().filter(|_| context.provisioned) else {
        return Vec::new();
    };
    let (role, user) = (&context.names.role, &context.names.user);
    let permissions = permissions(&format!("{}*", context.names.class_prefix));
    let request = |what: &str, path: String, body: Value, accepted: &[u16]| {
        Provision::Http(HttpProvision {
            what: what.to_owned(),
            host: context.host.clone(),
            port: context.port,
            method: Method::Post,
            path,
            bearer: Some(admin.clone()),
            body,
            accepted: accepted.to_vec(),
        })
    };
    vec![
        request(
            "make the role",
            "/v1/authz/roles".to_owned(),
            json!({ "name": role, "permissions": permissions }),
            &[201, 409],
        ),
        request(
            "bring the role's permissions up to date",
            format!("/v1/authz/roles/{role}/add-permissions"),
            json!({ "permissions": permissions }),
            &[200],
        ),
        request(
            "give the role to the user",
            format!("/v1/authz/users/{user}/assign"),
            json!({ "roles": [role], "userType": "db" }),
            &[200],
        ),
    ]
}

/// Everything below a prefix, nothing beside it. `*` at the end is the server's wildcard.
fn permissions(scope: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for verb in ["create", "read", "update", "delete"] {
        all.extend([
            json!({ "action": format!("{verb}_collections"), "collections": { "collection": scope } }),
            json!({
                "action": format!("{verb}_data"),
                "data": { "collection": scope, "tenant": "*", "object": "*" },
            }),
            json!({
                "action": format!("{verb}_tenants"),
                "tenants": { "collection": scope, "tenant": "*" },
            }),
        ]);
    }
    all.push(json!({ "action": "read_nodes", "nodes": { "verbosity": "minimal" } }));
    all
}

/// Classes, and the role that reaches them. Its user goes with the server's own list.
fn holdings(context: &StoreContext) -> Vec<Holding> {
    let names = &context.names;
    let bearer = context.admin_secret.clone();
    let classes = Holding {
        what: "class",
        path: "/v1/schema".to_owned(),
        list: "/classes",
        name: "/class",
        bearer: bearer.clone(),
        own: Own::Named {
            exactly: names.class.to_string(),
            prefix: Some(names.class_prefix.to_string()),
        },
    };
    let role = Holding {
        what: "role",
        path: "/v1/authz/roles".to_owned(),
        list: "",
        name: "/name",
        bearer,
        own: Own::Named {
            exactly: names.role.to_string(),
            prefix: None,
        },
    };
    std::iter::once(classes)
        .chain(context.provisioned.then_some(role))
        .collect()
}
