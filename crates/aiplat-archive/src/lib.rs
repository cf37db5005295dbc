//! Backup archives: one file that holds trees and dumps, sealed, checked and kept somewhere.
//!
//! An archive is `age(zstd(tar))`, so that `age -d F | zstd -d | tar x` reads it on a host without this program. Its first
//! entry is `header.json`, its last `manifest.json`, which names every entry between them with size, mode, owner and
//! SHA-256. One without encryption, made only when asked for, ends with a `zstd` frame that decoders skip and that holds
//! the SHA-256 of all before it.
//!
//! - [`Writer`] makes one, in constant memory for files of any size, and [`Reader`] checks or unpacks one
//! - [`Target`] is where archives are kept; beside each lies a [`Sidecar`] without secrets, for lists and retention
//! - [`Keep`] decides which ones go
//!
//! What does not survive: holes of sparse files (they are written out), hard links (each name becomes a file of its own),
//! extended attributes and access control lists, set-user-id and set-group-id bits of files. What cannot be kept (sockets,
//! pipes, devices, links that lead out of their top folder) is listed in the manifest as [`LeftOut`].
//!
//! All calls block. Nothing here reads the clock or the environment or prints; times are handed in.
//!
//! ```
//! use aiplat_archive::{
//!     ArchiveName, Attributes, Header, Key, Limits, Options, Reader, Seal, Stamp, Target, Writer,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let target = Target::directory(folder.path());
//! let name = ArchiveName::new("acme", Stamp::from_unix(1_800_000_000))?;
//! let header = Header::new(&name, "id-of-acme", serde_json::json!({"services": ["postgres"]}));
//! let mut archive = Writer::begin(&target, &name, &Seal::Unencrypted, header, Options::default())?;
//! archive.bytes("dumps/rows.sql", &Attributes::new(0o600, "stack"), b"select 1;")?;
//! let sidecar = archive.finish(serde_json::json!({"rows": 1}))?;
//! assert_eq!(sidecar.name.to_string(), "acme-20270115T080000Z.aiplat");
//!
//! let checked = Reader::open(target.open(&name)?, &Key::Unencrypted, Limits::default())?.verify()?;
//! assert_eq!(checked.sha256, sidecar.sha256);
//! # Ok(())
//! # }
//! ```

mod error;
mod keep;
mod manifest;
mod name;
mod path;
mod read;
mod seal;
mod sidecar;
mod stamp;
mod target;
mod write;

pub use error::ArchiveError;
pub use keep::{Keep, Reason, Verdict};
pub use manifest::{Attributes, FORMAT, Header, Kind, LeftOut, Manifest, Mtime, Record};
pub use name::{ArchiveName, NameError};
pub use path::{EntryPath, PathError};
pub use read::{Checked, Limits, Reader};
pub use seal::{Key, KeyError, Seal};
pub use sidecar::{Sealed, Sidecar};
pub use stamp::Stamp;
pub use target::{Directory, S3, S3Keys, S3Place, Sink, Stored, Target, TargetError};
pub use write::{Options, TreeOptions, Walked, Writer};
