//! What lies beside an archive: enough for lists and retention, and no secret.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::name::ArchiveName;
use crate::stamp::Stamp;

/// The content of `<name>.json`. It is a convenience: an archive without one is as good, and nothing in it is believed when
/// an archive is read, except that its SHA-256 can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// The archive's file name.
    pub name: ArchiveName,
    /// The version of the archive's format.
    pub format: u32,
    /// The stack's name.
    pub stack: String,
    /// The stack's random id.
    pub stack_id: String,
    /// When the archive was begun.
    pub created: Stamp,
    /// Bytes of the archive.
    pub size: u64,
    /// Bytes of all files in it.
    pub content: u64,
    /// How many entries it has, without header and manifest.
    pub entries: u64,
    /// SHA-256 of the archive, in small hexadecimal digits.
    pub sha256: String,
    /// For whom it is sealed.
    pub sealed: Sealed,
    /// When all of it was last checked; `None` before that.
    pub verified: Option<Stamp>,
    /// What the caller put into the manifest.
    pub metadata: Value,
}

/// For whom an archive is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sealed {
    /// For these age recipients (public keys).
    Recipients(Vec<String>),
    /// For who knows the passphrase.
    Passphrase,
    /// For nobody: anyone can read it.
    Unencrypted,
}
