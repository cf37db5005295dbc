//! A request to a store's own interface.

use serde::Serialize;

use crate::secret::SecretRef;

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `POST`.
    Post,
}

impl Method {
    /// As it stands in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Post => "POST",
        }
    }
}

/// One request, complete: nothing is left to choose for whoever sends it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpProvision {
    /// What it does, for progress and errors.
    pub what: String,
    /// The store's name inside the stack's network.
    pub host: String,
    /// Its HTTP port.
    pub port: u16,
    /// How.
    pub method: Method,
    /// Absolute path; made of names that need no escaping.
    pub path: String,
    /// Sent as `Authorization: Bearer <value>`.
    pub bearer: Option<SecretRef>,
    /// Sent as `application/json`. Never holds a secret.
    pub body: serde_json::Value,
    /// Status codes that mean it is there, made now or before. Anything else is a failure.
    pub accepted: Vec<u16>,
}
