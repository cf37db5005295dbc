//! Signing a running service in again, somewhere outside, with a key of the operator's.

use serde::Serialize;

use super::{FileSpec, Gate, Owner};
use crate::names::{ContainerName, ServiceName};
use crate::text::{FingerprintKey, Text};

/// How a node of a tailnet is signed in again as the node that it is: its state and its container stay.
///
/// The key is lent to the container in a file, read by the command and taken away again; an argument would be seen by
/// everybody on the host. What the node was before is on disk first: whether a run that died got through is told by
/// the node's own key, which every sign-in changes, and so a key that works once is not used twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SignIn {
    /// The service.
    pub service: ServiceName,
    /// Its container.
    pub container: ContainerName,
    /// The user that the commands run as.
    pub user: Owner,
    /// The command that says, as JSON, which node it is and whether it is signed in.
    pub status: Vec<String>,
    /// The command that signs it in with the key in [`lent`](Self::lent).
    pub command: Vec<String>,
    /// The key, where the container reads it meanwhile.
    pub lent: FileSpec,
    /// The key, with the stack's other secrets.
    pub kept: FileSpec,
    /// There from before the first act to after the last; its first line, the content here, is the key's fingerprint.
    pub begun: FileSpec,
    /// Proof of health.
    pub gate: Gate,
}

impl SignIn {
    /// The same with another key.
    #[must_use]
    pub fn with_key(mut self, key: &Text, fingerprint: &FingerprintKey) -> Self {
        self.lent.content = key.clone();
        self.kept.content = key.clone();
        self.begun.content = Text::plain(fingerprint.of(key.expose()));
        self
    }
}
