//! The names of one (stack, service) in every store, derived and valid by construction.
//!
//! One body serves all four stores: `<stack>__<service>`, lower case, single underscores inside
//! each part. Where a part had to be changed or cut to fit, the body ends in `_` and 16 hex digits
//! of a hash over both; a part that happens to end like that is hashed as well. So two different
//! pairs never share a body, in any letter case, and no body followed by `__` is the beginning of
//! another: prefixes can be used as scopes.

mod body;
mod types;

pub use types::{ChromaName, ClassName, CollectionName, ExtensionName, SqlIdent};

use serde::Serialize;

use body::Body;

/// Every name of one (stack, service).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoreNames {
    /// Qdrant collection of a service that keeps one; also fits as a table name of pgvector.
    pub collection: CollectionName,
    /// Prefix for a service that names its collections itself, ends in `__`. No other prefix, and
    /// no name made with another prefix, begins with it.
    pub prefix: CollectionName,
    /// Weaviate class of a service that keeps one; begins with [`class_prefix`](Self::class_prefix).
    pub class: ClassName,
    /// [`prefix`](Self::prefix) in Weaviate's grammar.
    pub class_prefix: ClassName,
    /// Name of the service's user and role in a store with users (Weaviate: at most 64 bytes).
    pub user: SqlIdent,
    /// `PostgreSQL` role.
    pub role: SqlIdent,
    /// `PostgreSQL` database, owned by the role.
    pub database: SqlIdent,
    /// `PostgreSQL` schema in that database. Differs from the role on purpose: a schema named like
    /// the role comes first in the default `search_path`, and some services look in `public` alone.
    pub schema: SqlIdent,
    /// Chroma tenant.
    pub tenant: ChromaName,
    /// Chroma database in that tenant, and a collection name that fits.
    pub chroma: ChromaName,
}

/// The names of one stack: [`names_for`] with the stack given once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackNames {
    stack: String,
}

impl StackNames {
    /// Names of `stack`; any text is accepted.
    pub fn new(stack: impl Into<String>) -> Self {
        Self {
            stack: stack.into(),
        }
    }

    /// The names of `service` in this stack.
    pub fn service(&self, service: &str) -> StoreNames {
        names_for(&self.stack, service)
    }
}

/// The names of `service` in `stack`, valid in every store. Total: any text gives valid names, and
/// two different pairs never give the same.
///
/// ```
/// let names = aiplat_vectordb::names_for("ai_platform", "openwebui");
/// assert_eq!(names.collection.as_str(), "ai_platform__openwebui");
/// assert_eq!(names.class_prefix.as_str(), "Ai_platform__openwebui__");
/// assert_eq!(names.role.as_str(), "ai_platform__openwebui");
/// ```
pub fn names_for(stack: &str, service: &str) -> StoreNames {
    let body = Body::of(stack, service);
    StoreNames {
        collection: CollectionName::of(&body, ""),
        prefix: CollectionName::of(&body, "__"),
        class: ClassName::of(&body, "__items"),
        class_prefix: ClassName::of(&body, "__"),
        user: SqlIdent::of(&body, ""),
        role: SqlIdent::of(&body, ""),
        database: SqlIdent::of(&body, ""),
        schema: SqlIdent::of(&body, "_v"),
        tenant: ChromaName::of(&body, ""),
        chroma: ChromaName::of(&body, ""),
    }
}

/// A service's name as part of a secret's file name: `[a-z0-9_]`, distinct per service.
pub(crate) fn secret_part(service: &str) -> String {
    body::part(service)
}
