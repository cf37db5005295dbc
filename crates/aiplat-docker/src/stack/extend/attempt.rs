//! What is written down before a service is added, so that it can be undone whoever does it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use aiplat_core::names::ServiceName;
use aiplat_core::spec::{FileSpec, Owner};
use serde::{Deserialize, Serialize};

use crate::host::{Host, HostError, files};

/// A manifest and some names are smaller.
const LIMIT: usize = 2 << 20;

/// An addition that is not over.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// What was asked for: a service or a bundle.
    pub(super) service: ServiceName,
    /// The services that come with it, itself included.
    pub(super) services: Vec<ServiceName>,
    /// Its service file was not there before.
    pub(super) own_file: bool,
    /// What was not there before of what the services would have of their own.
    pub(super) absent: Vec<PathBuf>,
    /// What was there before of what they would have inside stores, for each store that could be asked.
    #[serde(default)]
    pub(super) found: BTreeMap<ServiceName, Vec<String>>,
    /// The manifest as it was.
    pub(super) before: String,
    /// The manifest as it is to be.
    pub(super) after: String,
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // a manifest may hold secrets
        f.debug_struct("Attempt")
            .field("service", &self.service)
            .field("services", &self.services)
            .finish_non_exhaustive()
    }
}

impl Attempt {
    fn path(base_dir: &Path) -> PathBuf {
        base_dir.join("config/adding.json")
    }

    /// The addition that is under way, if one is.
    pub(super) fn read(base_dir: &Path) -> Result<Option<Self>, HostError> {
        let path = Self::path(base_dir);
        let Some(bytes) = files::read_file(&path, LIMIT)? else {
            return Ok(None);
        };
        let parsed = serde_json::from_slice(&bytes);
        parsed.map(Some).map_err(|_| HostError::Malformed {
            path,
            expected: "what `aiplat add` wrote there",
        })
    }

    /// Writes it down. A manifest may hold secrets: nobody else may read it.
    pub(super) fn write<H: Host>(
        &self,
        host: &H,
        base_dir: &Path,
        owner: Owner,
    ) -> Result<(), HostError> {
        let path = Self::path(base_dir);
        let text = serde_json::to_string(self).map_err(|error| HostError::Io {
            what: "write",
            path: path.clone(),
            source: error.into(),
        })?;
        let spec = FileSpec {
            path,
            content: text.into(),
            owner,
            mode: 0o600,
        };
        host.write_file(&spec).map(drop)
    }

    /// It is over: the stack is as its manifest says.
    pub(crate) fn end<H: Host>(host: &H, base_dir: &Path) -> Result<(), HostError> {
        host.remove_file(&Self::path(base_dir))
    }
}
