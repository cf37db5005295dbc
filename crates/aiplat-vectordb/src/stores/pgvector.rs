//! `PostgreSQL` with pgvector (facts of pgvector 0.8.6 on 17 and 18).

use super::StoreKind;
use crate::cache::CacheKind;
use crate::context::{StoreContext, Var};
use crate::grammar;
use crate::names::ExtensionName;
use crate::provision::{Provision, SqlProvision};
use crate::secret::KeySpec;
use crate::spec::{AuthModel, Provisioning, StoreSpec};
use crate::text::{Encoding, Part, Text};

pub(super) const SPEC: StoreSpec = StoreSpec {
    kind: StoreKind::Pgvector,
    title: "pgvector",
    service: "postgres",
    host_alias: "postgres",
    scheme: "postgresql",
    http_port: 5432,
    grpc_port: None,
    auth: AuthModel::RoleAndPassword,
    key: Some(KeySpec::PASSWORD),
    grammar: grammar::SQL,
    provisioning: Provisioning::Always {
        reason: "there is no key to share but the superuser's, and only a superuser may create the extension",
    },
    root_user: None,
    litellm_cache: CacheKind::Redis,
    isolation: "a role and a database of its own for each service, held by the server: a service cannot connect to \
                another's database; it can see the names of roles and databases",
    notes: &[
        "identifiers are cut at 63 bytes without a word",
        "the extension is not trusted: only a superuser creates it, so it is made before the service starts",
        "`vector` columns are indexed up to 2,000 dimensions, `halfvec` up to 4,000",
        "some services look in the schema `public` alone, so the role may create there too",
    ],
    variables,
    provision,
    holdings: |_| Vec::new(),
};

fn variables(context: &StoreContext) -> Vec<(&'static str, Var)> {
    let names = &context.names;
    vec![
        ("collection", Var::Plain(names.collection.to_string())),
        ("prefix", Var::Plain(names.prefix.to_string())),
        ("role", Var::Plain(names.role.to_string())),
        ("database", Var::Plain(names.database.to_string())),
        ("schema", Var::Plain(names.schema.to_string())),
        ("dsn", Var::Composed(dsn(context))),
    ]
}

/// `postgresql://role:password@host:port/database`.
fn dsn(context: &StoreContext) -> Text {
    let StoreContext { host, port, names, .. } = context;
    let mut parts = vec![Part::Plain(format!("postgresql://{}", names.role))];
    if let Some(secret) = context.key_secret.clone() {
        parts.extend([
            Part::Plain(":".to_owned()),
            Part::Secret { secret, encoding: Encoding::Url },
        ]);
    }
    parts.push(Part::Plain(format!("@{host}:{port}/{}", names.database)));
    Text::new(parts)
}

fn provision(context: &StoreContext) -> Vec<Provision> {
    let names = &context.names;
    let Some(password) = context.key_secret.clone() else { return Vec::new() };
    vec![Provision::Sql(SqlProvision {
        host: context.host.clone(),
        port: context.port,
        role: names.role.clone(),
        password,
        database: names.database.clone(),
        schema: Some(names.schema.clone()),
        extensions: vec![ExtensionName::vector()],
        connections: SqlProvision::CONNECTIONS,
    })]
}
