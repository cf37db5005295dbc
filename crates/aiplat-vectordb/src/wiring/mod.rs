//! How a service is wired to each store: the `[vector]` table of its service file.

mod check;
mod parse;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use check::WiringProblem;
pub use parse::WiringError;

use crate::context::StoreContext;
use crate::stores::StoreKind;

/// How one service uses one store. Values are minijinja templates over [`StoreContext::variables`]
/// and whatever else core defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wiring {
    /// Wired before it starts, by environment and files.
    Env {
        /// Environment variables of its container.
        env: BTreeMap<String, String>,
        /// Configuration files of its own.
        files: Vec<WiringFile>,
    },
    /// Supported, and set up in the app itself.
    InApp {
        /// What the operator does there.
        words: String,
    },
    /// Not used.
    None {
        /// Why.
        reason: String,
    },
}

/// A configuration file that is rendered only with this store: the same two keys as `[[files]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WiringFile {
    /// The template's name in the catalogue.
    pub template: String,
    /// Where it goes, below the service's configuration folder.
    pub path: String,
}

/// One store's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// How.
    pub wiring: Wiring,
    /// Which of the service's own configuration files carries the rest, in words.
    pub config: Option<String>,
    /// Whether the service gets something of its own inside the store before it starts.
    pub provision: bool,
}

/// All four stores of one service. Total: a table that leaves one out cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WiringTable {
    tenant: Option<String>,
    entries: [Entry; StoreKind::ALL.len()],
}

impl WiringTable {
    /// A service that uses no store.
    pub fn none(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self {
            tenant: None,
            entries: StoreKind::ALL.map(|_| Entry::none(reason.clone())),
        }
    }

    /// How the service uses `kind`.
    pub fn get(&self, kind: StoreKind) -> &Wiring {
        &self.entry(kind).wiring
    }

    /// The same with what belongs to it.
    pub fn entry(&self, kind: StoreKind) -> &Entry {
        &self.entries[kind as usize]
    }

    /// Every store with its entry.
    pub fn entries(&self) -> impl Iterator<Item = (StoreKind, &Entry)> {
        StoreKind::ALL.into_iter().zip(&self.entries)
    }

    /// Under whose name the store's names, keys and provisioning are derived where it is not the
    /// service itself: `tenant = "dify"` lets the parts of Dify share one set.
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// What the templates of `service` see in `stack` with `kind`; none where it does not use it.
    pub fn context(&self, kind: StoreKind, stack: &str, service: &str) -> Option<StoreContext> {
        let owner = self.tenant().unwrap_or(service);
        StoreContext::for_entry(kind, stack, owner, self.entry(kind))
    }
}

impl Entry {
    fn none(reason: String) -> Self {
        Self {
            wiring: Wiring::None { reason },
            config: None,
            provision: false,
        }
    }

    /// Whether the service is told under which names it keeps its vectors, or has a place of its own for them. Where it
    /// names them itself, nobody can tell them from another's.
    pub fn is_named(&self) -> bool {
        const NAMES: [&str; 5] = ["prefix", "collection", "class", "database", "dsn"];
        let names = |value: &String| {
            NAMES
                .iter()
                .any(|name| value.contains(&format!("vector.{name}")))
        };
        let told = match &self.wiring {
            Wiring::Env { env, files } => !files.is_empty() || env.values().any(names),
            Wiring::InApp { .. } | Wiring::None { .. } => false,
        };
        told || self.provision || self.config.is_some()
    }

    /// Whether the service uses the store at all.
    pub fn is_used(&self) -> bool {
        !matches!(self.wiring, Wiring::None { .. })
    }
}
