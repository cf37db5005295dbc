//! What a service may have inside a store by names of its own: where they are listed, and which of them are its.

use serde::Serialize;

use crate::context::StoreContext;
use crate::secret::SecretRef;

/// Things of one sort that a service may have inside a store. Each is removed by `DELETE`, at its name below the path
/// where all are listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Holding {
    /// What one is called: `collection`.
    pub what: &'static str,
    /// Where they are listed by `GET`; 404 where there is not even the place for them.
    pub path: String,
    /// JSON pointer to the list in the answer.
    pub list: &'static str,
    /// JSON pointer to the name in an item of the list.
    pub name: &'static str,
    /// Sent as `Authorization: Bearer <value>`.
    pub bearer: Option<SecretRef>,
    /// Which of them are the service's.
    pub own: Own,
}

/// Which names are a service's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Own {
    /// All that are listed: the place where they are is its own.
    All,
    /// This one, and those that begin so.
    Named {
        /// A whole name.
        exactly: String,
        /// The beginning of names; no other service's begin with it.
        prefix: Option<String>,
    },
}

impl Own {
    /// Whether a name is among them.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named { exactly, prefix } => {
                name == exactly || prefix.as_ref().is_some_and(|p| name.starts_with(p))
            }
        }
    }
}

/// What a service may have inside a store over HTTP, in the order in which it is removed. Empty for pgvector, where all of
/// it is in the database that [`provisioning`](super::provisioning) makes.
pub fn holdings(context: &StoreContext) -> Vec<Holding> {
    (context.kind.spec().holdings)(context)
}
