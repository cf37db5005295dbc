//! What of a stack is backed up and by what means, decided before anything is touched; and what a backup says of itself.

mod contents;
mod plan;
mod values;

pub use contents::{
    Alias, Collection, Contents, DatabaseDump, FORMAT, KeyCount, PostgresContents, QdrantContents,
    RedisContents, ServiceContents, StackContents, TableRows,
};
pub use plan::{BackupPlan, BackupProblem, Frozen, Seen, ServiceBackup, plan};
pub use values::{Values, identifies, scratch_name, values};

use serde::{Deserialize, Serialize};

/// By what means a service's data is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// `pg_dump` of each database, and the roles.
    PostgresDump,
    /// A snapshot of each collection over the store's own interface.
    QdrantSnapshots,
    /// A save in the background, waited for.
    RedisSave,
    /// Its directories as they are at one moment, in which all that write there are paused.
    Freeze,
    /// Its directories as they are: nobody runs that writes there.
    Files,
}

impl Method {
    /// Whether the service itself gives its data out, and must be asked to take it back.
    pub fn by_the_store(self) -> bool {
        matches!(
            self,
            Self::PostgresDump | Self::QdrantSnapshots | Self::RedisSave
        )
    }

    /// In words.
    pub fn word(self) -> &'static str {
        match self {
            Self::PostgresDump => "postgres-dump",
            Self::QdrantSnapshots => "qdrant-snapshots",
            Self::RedisSave => "redis-save",
            Self::Freeze => "freeze",
            Self::Files => "files",
        }
    }
}
