//! How a secret's value is changed and tried, as a service file says it.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::names::{SecretName, ServiceName};

/// How a value is changed inside its service, where the service keeps it in its own data and reads it from outside at
/// its first start alone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum ChangeTable {
    /// `ALTER ROLE`, by the role itself.
    Postgres {
        /// The role; its session begins in the database of the same name.
        role: String,
    },
    /// A request; `{{ old }}` and `{{ new }}` are the values.
    Http {
        /// HTTP method.
        method: String,
        /// Path.
        path: String,
        /// Headers, as templates.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// JSON body, as a template.
        body: Option<String>,
        /// Statuses that mean it was changed.
        done: Vec<u16>,
    },
}

/// How to ask a service whether it lets a value in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum ProofTable {
    /// A session with the database server.
    Postgres {
        /// The role; its session begins in the database of the same name.
        role: String,
    },
    /// AUTH.
    Redis {},
    /// A request to a store of objects, on the port `s3`, that is signed with the value.
    S3 {
        /// The secret that has the name which the value belongs to.
        access_key: SecretName,
    },
    /// A request; `{{ value }}` is the value.
    Http {
        /// The service that is asked; the secret's own when not given.
        of: Option<ServiceName>,
        /// Name of the port; `http` when not given.
        port: Option<String>,
        /// HTTP method; `GET` when not given.
        method: Option<String>,
        /// Path.
        path: String,
        /// Headers, as templates.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// JSON body, as a template.
        body: Option<String>,
        /// Statuses that mean that the value was let in.
        accepted: Vec<u16>,
        /// Statuses that mean that it was not; no other answer counts as a proof.
        refused: Vec<u16>,
    },
    /// Nothing answers to it.
    None {
        /// Why there is nothing to ask.
        reason: String,
    },
}
