//! Services that come and go while the others run.
//!
//! An addition is a deploy of what runs and one service more, under one hold of the stack's lock. What was there before is
//! written down first ([`attempt`]), so that a service that does not become healthy is undone completely, by the run that
//! added it or by the next one after a kill. A removal is a deploy of all but one; with a purge its plan also takes away
//! what the service kept, inside stores that stay as well ([`deposited`]).

mod add;
mod attempt;
mod deposited;
mod locked;
mod remove;

use std::path::PathBuf;

use aiplat_core::names::ServiceName;

pub use add::{Adding, Addition, add};
pub(super) use attempt::Attempt;
use locked::Locked;
pub use remove::{Removing, remove};

use super::{CatalogueError, DeployError, PrepareError, quoted};
use crate::apply::{ProvisionError, StepError};
use crate::host::HostError;

/// Why a service was not added or removed.
#[derive(Debug, thiserror::Error)]
pub enum ExtendError {
    /// It could not be planned: nothing has been touched.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A service file.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// No such service.
    #[error("expected a service or bundle of the catalogue, found `{0}`")]
    Unknown(ServiceName),
    /// It is there.
    #[error("expected a service that does not run, and `{0}` runs in this stack already")]
    Runs(ServiceName),
    /// The stack has a file for that service.
    #[error("expected the service file that this stack has kept for `{service}` in `{}`, found another one", .path.display())]
    OtherFile {
        /// The service.
        service: ServiceName,
        /// The file that was kept.
        path: PathBuf,
    },
    /// Something stays that cannot be without it.
    #[error("`{service}` is needed by {}", quoted(.by))]
    Needed {
        /// The service.
        service: ServiceName,
        /// Those that need it.
        by: Vec<ServiceName>,
    },
    /// Nothing would stay.
    #[error("expected services that stay, and without `{0}` the stack has none")]
    Last(ServiceName),
    /// An earlier addition was interrupted.
    #[error("expected no other addition under way; that of `{0}` was interrupted")]
    UnderWay(ServiceName),
    /// The manifest changed between an interrupted addition and its continuation.
    #[error(
        "expected the manifest as the interrupted addition of `{0}` left it; it was changed since"
    )]
    ManifestChanged(ServiceName),
    /// What a service has in a store that stays cannot be taken out.
    #[error("what the service has in `{store}` cannot be taken out")]
    Deposit {
        /// The store.
        store: ServiceName,
        /// Why.
        source: Box<StepError>,
    },
    /// What a service may have in a store that the stack has data of and does not run.
    #[error(
        "expected `{store}` to run, in which the service may have data; this stack has kept its directory and does not run it"
    )]
    StoreAway {
        /// The store.
        store: ServiceName,
    },
    /// A step failed, and what was there before is there again.
    #[error("`{service}` was taken away again, with all that was made for it")]
    Undone {
        /// The service.
        service: ServiceName,
        /// What failed.
        source: Box<DeployError>,
    },
    /// A step failed, and so did the way back.
    #[error(
        "`{service}` could not be added ({first}), and not all of it could be taken away again"
    )]
    NotUndone {
        /// The service.
        service: ServiceName,
        /// What failed first.
        first: String,
        /// What failed on the way back.
        source: Box<ExtendError>,
    },
    /// Steps of a removal failed, or of a way back.
    #[error(transparent)]
    Deploy(#[from] DeployError),
}

impl ExtendError {
    /// Whether a store was expected to run and does not.
    pub fn store_is_down(&self) -> bool {
        matches!(self, Self::Deposit { source, .. } if deposited::away(source))
    }

    /// Whether somebody else has a part in what was to be taken out of a store.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Deposit { source, .. }
            if matches!(**source, StepError::Foreign { .. } | StepError::Provision(ProvisionError::Foreign { .. })))
    }
}

impl From<HostError> for ExtendError {
    fn from(error: HostError) -> Self {
        Self::Prepare(error.into())
    }
}
