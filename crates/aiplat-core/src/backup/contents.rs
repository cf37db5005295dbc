//! What a backup says of itself: whose it is, how each part was made, and what must be found again after a restore.
//! Nothing in it is a secret.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Method;
use crate::names::{StackId, StackName};

/// The version of this description.
pub const FORMAT: u32 = 1;

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of the tool that made it.
    pub tool: String,
    /// Whose it is.
    pub stack: StackContents,
    /// Each service whose data is in it.
    pub services: Vec<ServiceContents>,
    /// Data that was left out, with the reason.
    pub left_out: BTreeMap<String, String>,
    /// The database server, when it was dumped.
    pub postgres: Option<PostgresContents>,
    /// The cache, when it was saved.
    pub redis: Option<RedisContents>,
    /// The vector store, when it gave snapshots.
    pub qdrant: Option<QdrantContents>,
}

/// The stack a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackContents {
    /// Name.
    pub name: StackName,
    /// Identity.
    pub id: StackId,
    /// The name inside its stores.
    pub store_names: StackName,
    /// Directory.
    pub base_dir: String,
    /// Domain.
    pub domain: String,
    /// Vector store.
    pub vector_db: String,
    /// User of the services.
    pub uid: u32,
    /// Their group.
    pub gid: u32,
    /// Openclaw's user.
    pub openclaw_uid: u32,
    /// Openclaw's group.
    pub openclaw_gid: u32,
}

/// One service's data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceContents {
    /// The service.
    pub service: String,
    /// By what means.
    pub method: Method,
    /// The image that it ran, when it is one of the catalogue's services.
    pub image: Option<String>,
    /// Its data's format, as the marker has it.
    pub data_format: Option<String>,
    /// Bytes copied or dumped.
    pub bytes: u64,
    /// How long it stood still, milliseconds.
    pub paused_ms: u64,
    /// Why it goes back into the same stack only.
    pub bound: Option<String>,
}

/// A dumped database server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostgresContents {
    /// The server's version, such as `17.11`.
    pub version: String,
    /// Each database.
    pub databases: Vec<DatabaseDump>,
    /// Roles beside the superuser.
    pub roles: usize,
}

/// One dumped database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseDump {
    /// Name.
    pub name: String,
    /// The dump's path in the archive.
    pub file: String,
    /// Rows of each table, counted in the dump's own snapshot.
    pub tables: Vec<TableRows>,
}

/// How many rows a table has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableRows {
    /// Schema.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Rows.
    pub rows: u64,
}

/// A saved cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedisContents {
    /// The file's path in the archive.
    pub file: String,
    /// Keys in each of its databases.
    pub keys: BTreeMap<String, KeyCount>,
}

/// Keys of one database of a cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyCount {
    /// At least, without those that go away by themselves.
    pub least: u64,
    /// At most.
    pub most: u64,
}

/// A vector store that gave snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QdrantContents {
    /// Each collection.
    pub collections: Vec<Collection>,
    /// Second names.
    pub aliases: Vec<Alias>,
}

/// One collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collection {
    /// Name.
    pub name: String,
    /// The snapshot's path in the archive.
    pub file: String,
    /// Points just before the snapshot.
    pub before: u64,
    /// Points just after it: the snapshot has a number between the two.
    pub after: u64,
}

/// A second name of a collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alias {
    /// The second name.
    pub alias: String,
    /// The collection.
    pub collection: String,
}
