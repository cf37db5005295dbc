//! What must be made inside a store before a service of it starts, as data. Every step may be done
//! again without harm, and does nothing the second time.

mod holdings;
mod http;
mod sql;
mod users;

pub use holdings::{Holding, Own, holdings};
pub use http::{HttpProvision, Method};
pub use sql::{SqlProvision, SqlStatement, SqlTarget};
pub use users::{StoreUser, store_users};

use serde::Serialize;

use crate::context::StoreContext;

/// One thing to make.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provision {
    /// A role, its database, schema and extensions.
    Sql(SqlProvision),
    /// A request.
    Http(HttpProvision),
}

/// What must be made for a service, in order. Empty for Qdrant, whose tokens can neither be scoped
/// by prefix nor create collections, so that all services of a stack share its key; and for a
/// service that asks for nothing of its own.
pub fn provisioning(context: &StoreContext) -> Vec<Provision> {
    (context.kind.spec().provision)(context)
}
