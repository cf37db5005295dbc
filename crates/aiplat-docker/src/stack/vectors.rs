//! What a change of `VECTOR_DB` leaves behind.

use std::fmt;
use std::path::PathBuf;

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::manifest::Manifest;
use aiplat_core::names::ServiceName;
use aiplat_core::observed::PathState;

use crate::blocking::blocking;
use crate::host::files::names_in;
use crate::host::{Host, HostError};

/// Vectors that stay in the store that is turned away from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftBehind {
    /// The store's service.
    pub service: ServiceName,
    /// `VECTOR_DB` as it was.
    pub before: String,
    /// `VECTOR_DB` as it is to be.
    pub after: String,
    /// How many collections there are, where that can be told from the disk.
    pub collections: Option<usize>,
    /// Where its data is, and stays.
    pub data: PathBuf,
}

impl fmt::Display for LeftBehind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            service,
            before,
            after,
            collections,
            data,
        } = self;
        let what = match collections {
            Some(1) => "the vectors of 1 collection".to_owned(),
            Some(number) => format!("the vectors of {number} collections"),
            None => "the vectors".to_owned(),
        };
        write!(
            f,
            "`VECTOR_DB` changes from {before} to {after}: {what} that the apps stored in {service} are not moved, and \
             each app must read its documents in again; they stay in `{}` until you remove that directory",
            data.display()
        )
    }
}

/// What would be left behind, where the store was another one and has data.
pub(super) fn left_behind<H: Host>(
    host: &H,
    before: Option<&Manifest>,
    config: &StackConfig,
    catalogue: &Catalogue,
) -> Result<Option<LeftBehind>, HostError> {
    let after = config.vector_store().to_string();
    let Some(before) = before
        .and_then(|m| m.get("VECTOR_DB"))
        .map(|v| v.expose().to_owned())
        .filter(|before| !before.is_empty() && *before != after)
    else {
        return Ok(None);
    };
    let store = catalogue.services().find(|s| {
        s.vector_store
            .is_some_and(|kind| kind.to_string() == before)
    });
    let Some(store) = store else { return Ok(None) };
    let data = config.path("data").join(store.name.as_str());
    blocking(|| {
        if !matches!(
            host.path_state(&data)?,
            PathState::Directory { empty: false, .. }
        ) {
            return Ok(None);
        }
        let collections = store.data.collections.as_ref();
        let collections = collections.and_then(|folder| names_in(&data.join(folder)).ok());
        Ok(Some(LeftBehind {
            service: store.name.clone(),
            before,
            after,
            collections: collections.map(|names| names.len()),
            data,
        }))
    })
}
