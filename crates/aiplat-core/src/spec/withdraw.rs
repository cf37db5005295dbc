//! What is taken out of a service again: the mirror image of [`Provision`](super::Provision).

use aiplat_vectordb::Own;
use serde::Serialize;

use super::databases::OwnDatabases;
use super::probe::Gate;
use crate::text::Text;

/// What goes out of a service for good. Doing it twice has the effect of doing it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Withdrawal {
    /// Databases with all in them, and the roles that own them: each is dropped only where its role owns it and nobody
    /// else is in it.
    Postgres(OwnDatabases),
    /// What has names of the service's own, by requests to the store's own HTTP interface, in order.
    Http {
        /// Where it answers.
        gate: Gate,
        /// Container port.
        port: u16,
        /// What goes.
        shelves: Vec<Shelf>,
    },
}

/// Things of one sort inside a store, some of which go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shelf {
    /// What one is called: `collection`.
    pub what: String,
    /// Where they are listed by `GET`, and below which each is removed by `DELETE`.
    pub path: String,
    /// JSON pointer to the list in the answer.
    pub list: String,
    /// JSON pointer to the name in an item of the list.
    pub name: String,
    /// Header values, such as a bearer key.
    pub headers: Vec<(String, Text)>,
    /// Which of them go: what is added by the service until it is stopped goes as well.
    pub own: Own,
    /// Which of those stay all the same.
    pub kept: Vec<String>,
    /// Which were there when the store was last looked into.
    pub seen: Vec<String>,
}

impl Shelf {
    /// Whether what is called so goes.
    pub fn goes(&self, name: &str) -> bool {
        self.own.has(name) && !self.kept.iter().any(|kept| kept == name)
    }

    /// A name that tells a thing in this store from all others.
    fn article(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

impl Withdrawal {
    /// The service it is taken out of.
    pub fn gate(&self) -> &Gate {
        match self {
            Self::Postgres(OwnDatabases { gate, .. }) | Self::Http { gate, .. } => gate,
        }
    }

    /// What was seen of what goes, by names that tell one from another.
    pub fn articles(&self) -> Vec<String> {
        match self {
            Self::Postgres(OwnDatabases { databases, .. }) => {
                databases.iter().map(|own| own.database.clone()).collect()
            }
            Self::Http { shelves, .. } => shelves
                .iter()
                .flat_map(|shelf| shelf.seen.iter().map(|name| shelf.article(name)))
                .collect(),
        }
    }

    /// The same without these articles; none where nothing can be left.
    #[must_use]
    pub fn without(mut self, articles: &[String]) -> Option<Self> {
        match &mut self {
            Self::Postgres(OwnDatabases { databases, .. }) => {
                databases.retain(|own| !articles.contains(&own.database));
                (!databases.is_empty()).then_some(self)
            }
            Self::Http { shelves, .. } => {
                for shelf in shelves {
                    let below = format!("{}/", shelf.path);
                    let kept = articles.iter().filter_map(|a| a.strip_prefix(&below));
                    shelf.kept.extend(kept.map(str::to_owned));
                }
                Some(self)
            }
        }
    }

    /// What goes, one by one, in words.
    pub fn what(&self) -> Vec<String> {
        match self {
            Self::Postgres(OwnDatabases { databases, .. }) => databases
                .iter()
                .map(|own| format!("database `{}` with its role `{}`", own.database, own.role))
                .collect(),
            Self::Http { shelves, .. } => shelves
                .iter()
                .flat_map(|shelf| {
                    let names = shelf.seen.iter();
                    names.map(|name| format!("{} `{name}`", shelf.what))
                })
                .collect(),
        }
    }
}
