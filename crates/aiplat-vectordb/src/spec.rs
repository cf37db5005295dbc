//! One row per store: everything that differs between them.

use serde::Serialize;

use crate::cache::CacheKind;
use crate::context::{StoreContext, Var};
use crate::grammar::Grammar;
use crate::provision::{Holding, Provision};
use crate::secret::KeySpec;
use crate::stores::StoreKind;

/// How a store knows who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthModel {
    /// A key in a request header; any one of these is read.
    ApiKey {
        /// Header names, as the store's documentation writes them. `Authorization` means
        /// `Authorization: Bearer <key>`.
        headers: &'static [&'static str],
    },
    /// A role and its password (SCRAM-SHA-256).
    RoleAndPassword,
    /// It does not: whoever reaches the port may do everything.
    None {
        /// What stands in for it, in words for the operator.
        words: &'static str,
    },
}

/// When a service gets something of its own inside the store before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provisioning {
    /// The store has nothing to make.
    Never {
        /// Why.
        reason: &'static str,
    },
    /// Where the service's wiring says `provision = true`.
    OnRequest,
    /// For every service that uses it.
    Always {
        /// Why it cannot be turned off.
        reason: &'static str,
    },
}

/// Everything that is true of one store. Its image and pin are in the catalogue's service file, its
/// only place.
#[derive(Debug, Clone, Copy)]
pub struct StoreSpec {
    /// Which store.
    pub kind: StoreKind,
    /// For people: `Qdrant`.
    pub title: &'static str,
    /// The catalogue service that runs it.
    pub service: &'static str,
    /// Its name inside the stack's network.
    pub host_alias: &'static str,
    /// Scheme of its URL: `http` or `postgresql`.
    pub scheme: &'static str,
    /// The port that clients speak to: HTTP, or `PostgreSQL`'s own protocol for pgvector.
    pub http_port: u16,
    /// gRPC, where it has that. Most Weaviate clients need both ports.
    pub grpc_port: Option<u16>,
    /// How it knows who calls.
    pub auth: AuthModel,
    /// What it demands of keys; none where it has none.
    pub key: Option<KeySpec>,
    /// Names of what holds vectors.
    pub grammar: Grammar,
    /// When something is made in it for a service.
    pub provisioning: Provisioning,
    /// Its all-powerful user, in a store that takes its users from its own settings when it starts.
    pub root_user: Option<&'static str>,
    /// Where `LiteLLM` keeps its answers with this store.
    pub litellm_cache: CacheKind,
    /// What its isolation between the services of one stack can and cannot do. Between stacks the
    /// isolation is the same for all four: each stack runs its own store, on its own network, with
    /// its own keys and files.
    pub isolation: &'static str,
    /// What else an operator must know.
    pub notes: &'static [&'static str],
    pub(crate) variables: fn(&StoreContext) -> Vec<(&'static str, Var)>,
    pub(crate) provision: fn(&StoreContext) -> Vec<Provision>,
    pub(crate) holdings: fn(&StoreContext) -> Vec<Holding>,
}

impl StoreSpec {
    /// Names of the template variables below `vector.` that a service wired to this store may use.
    pub fn variable_names(&self, provisioned: bool) -> Vec<&'static str> {
        StoreContext::new(self.kind, "stack", "service", provisioned)
            .variables()
            .into_iter()
            .map(|(name, _)| name)
            .collect()
    }
}
