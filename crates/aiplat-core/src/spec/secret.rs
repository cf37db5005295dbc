//! Changing a secret inside a service, and asking whether a value is let in.

use serde::Serialize;

use super::probe::{Gate, HttpRequest};
use crate::names::SecretName;
use crate::text::Text;

/// One act about a secret, at the service that knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SecretAct {
    /// The secret.
    pub secret: SecretName,
    /// Where the service answers.
    pub gate: Gate,
    /// Container port.
    pub port: u16,
    /// The act.
    pub deed: SecretDeed,
}

/// What is done about a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretDeed {
    /// Change the value that the service keeps in its own data, unless the wanted one is let in already.
    Change {
        /// How to ask whether the wanted value is let in.
        wanted: Ask,
        /// How it is made to be, with the other value.
        change: SecretChange,
    },
    /// Prove that a value is let in, or that it is not.
    Prove {
        /// How to ask.
        ask: Ask,
        /// The answer that is wanted.
        accepted: bool,
    },
}

/// How one value is presented to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// A session with the database server.
    Postgres {
        /// Role.
        user: String,
        /// Database.
        database: String,
        /// The value.
        password: Text,
    },
    /// AUTH.
    Redis {
        /// The value.
        password: Text,
    },
    /// A request that is signed with the value (AWS Signature Version 4), for a bucket that need not be there.
    S3 {
        /// The name that the value belongs to.
        access_key: Text,
        /// The value.
        secret_key: Text,
    },
    /// A request, let in when its answer is among [`HttpRequest::accept`].
    Http {
        /// The request, with the value in it.
        request: HttpRequest,
        /// Statuses that mean that the value was not let in.
        refused: Vec<u16>,
    },
}

/// How a value is changed inside a service. Each is tried only when the wanted value is not let in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretChange {
    /// `ALTER ROLE` in a session of the role itself; the server is sent a verifier, never the value.
    Postgres {
        /// Role.
        role: String,
        /// The value that is let in now.
        old: Text,
        /// The value that is to be.
        new: Text,
    },
    /// A request that carries both.
    Http(HttpRequest),
}

impl SecretAct {
    /// Every text in it that holds a value.
    pub fn texts(&self) -> Vec<&Text> {
        match &self.deed {
            SecretDeed::Change { wanted, change } => {
                let mut all = wanted.texts();
                match change {
                    SecretChange::Postgres { old, new, .. } => all.extend([old, new]),
                    SecretChange::Http(request) => all.extend(request_texts(request)),
                }
                all
            }
            SecretDeed::Prove { ask, .. } => ask.texts(),
        }
    }
}

impl Ask {
    fn texts(&self) -> Vec<&Text> {
        match self {
            Self::Postgres { password, .. } | Self::Redis { password } => vec![password],
            Self::S3 {
                access_key,
                secret_key,
            } => vec![access_key, secret_key],
            Self::Http { request, .. } => request_texts(request),
        }
    }
}

fn request_texts(request: &HttpRequest) -> Vec<&Text> {
    let headers = request.headers.iter().map(|(_, value)| value);
    headers.chain(&request.body).collect()
}
