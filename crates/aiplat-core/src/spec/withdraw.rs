//! What is taken out of a service again: the mirror image of [`Provision`](super::Provision).

use serde::Serialize;

use super::probe::Gate;
use crate::text::Text;

/// What goes out of a service for good. Doing it twice has the effect of doing it once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Withdrawal {
    /// Databases with all in them, and the roles that own them.
    Postgres {
        /// Where the server answers.
        gate: Gate,
        /// Container port.
        port: u16,
        /// Superuser.
        user: String,
        /// Its password.
        password: Text,
        /// What goes.
        databases: Vec<OwnDatabase>,
    },
}

/// A database and the role that was made for it: dropped only where that role owns it and nobody else is in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct OwnDatabase {
    /// The database.
    pub database: String,
    /// Its owner.
    pub role: String,
}

impl OwnDatabase {
    /// Whether neither the database nor the role is the other's.
    pub fn apart(&self, other: &Self) -> bool {
        self.database != other.database && self.role != other.role
    }
}

impl Withdrawal {
    /// The service it is taken out of.
    pub fn gate(&self) -> &Gate {
        let Self::Postgres { gate, .. } = self;
        gate
    }

    /// What goes, one by one, by names that tell one from another.
    pub fn articles(&self) -> Vec<String> {
        let Self::Postgres { databases, .. } = self;
        databases.iter().map(|own| own.database.clone()).collect()
    }

    /// The same without these articles; none where nothing is left.
    #[must_use]
    pub fn without(mut self, articles: &[String]) -> Option<Self> {
        let Self::Postgres { databases, .. } = &mut self;
        databases.retain(|own| !articles.contains(&own.database));
        (!databases.is_empty()).then_some(self)
    }

    /// What goes, one by one, in words.
    pub fn what(&self) -> Vec<String> {
        let Self::Postgres { databases, .. } = self;
        databases
            .iter()
            .map(|own| format!("database `{}` with its role `{}`", own.database, own.role))
            .collect()
    }
}
