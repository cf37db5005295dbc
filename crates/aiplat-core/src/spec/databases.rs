//! Databases that belong to one service each, in the stack's `PostgreSQL`.

use serde::Serialize;

use super::probe::Gate;
use crate::text::Text;

/// Databases, and how the server that has them is asked as its superuser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OwnDatabases {
    /// Where the server answers.
    pub gate: Gate,
    /// Container port.
    pub port: u16,
    /// Superuser.
    pub user: String,
    /// Its password.
    pub password: Text,
    /// Which.
    pub databases: Vec<OwnDatabase>,
}

/// A database and the role that was made for it.
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
