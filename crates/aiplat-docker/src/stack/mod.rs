//! One stack from its manifest to its containers: what the command does, without its words.
//!
//! [`prepare`] reads, decides and plans; nothing has been touched when it fails. [`Prepared::deploy`] carries the plan
//! out. [`open`] gives a deployed stack as its own manifest describes it. [`list`] and [`teardown`] go by labels.
//!
//! Whatever changes a stack does so in an `Operation`, which holds its lock and writes its audit trail.
//!
//! Locks: the stack's own lock is held from before anything is looked at until the end of a deploy, and another run on
//! the same stack is told who holds it. The host-wide lock is held only while something is reserved.

mod backup;
mod certificates;
mod copied;
mod data;
mod deploy;
mod drift;
mod error;
mod extend;
mod firewall;
mod given;
mod happened;
mod inputs;
mod list;
mod locate;
mod metrics;
mod open;
mod operation;
mod own_services;
mod prepare;
mod quota;
mod reload;
mod renew;
mod reservations;
mod restart;
mod restore;
pub mod rotate;
mod sign_in;
mod standing;
mod steps;
mod stores;
mod teardown;
mod trail;
mod unended;
mod upgrade;
mod usage;
mod vectors;
mod volume;

pub use backup::{
    BackupError, BackupQuestion, BackupReport, Destination, PreparedBackup, prepare_backup,
};
pub use certificates::{
    Authority, Served, authority, certificates, front_door, front_door_names, own_authority,
    own_certificate,
};
pub use deploy::DeployError;
pub use error::PrepareError;
pub use extend::{Adding, Addition, ExtendError, Removing, add, remove};
pub use firewall::{Guarded, guard};
pub use happened::{Happened, events, recorded};
pub use inputs::{Inputs, Intent, ServiceFile};
pub use list::{StackSummary, list};
pub use locate::{Volume, locate, lost};
pub use metrics::{Metric, Sample, metrics, metrics_text};
pub use open::{Opened, open, register};
pub(crate) use operation::Operation;
pub use own_services::{CatalogueError, catalogue, own_services, read_service};
pub use prepare::{Prepared, prepare};
pub use quota::disk;
pub use reload::reload;
pub use renew::renew;
pub use restart::restart;
pub use restore::{
    RestoreError, RestoreQuestion, RestoreReport, Source, VerifyReport, restore, verify_backup,
};
pub use sign_in::sign_in;
pub use standing::{Apart, Change, Standing, named, standing};
pub use stores::StoreError;
pub use teardown::{Teardown, TeardownError, teardown};
pub use trail::{trail, trail_of};
pub use upgrade::{Changed, UpgradeError, Upgraded, Upgrading, upgrade};
pub use usage::{Usage, own_container, usage};
pub use vectors::LeftBehind;
pub use volume::{NewVolume, VolumeError, new_volume};

use std::path::{Path, PathBuf};

use aiplat_core::names::ServiceName;

use crate::audit::Caller;

/// Where the host-wide register and its lock are kept unless told otherwise.
pub const STATE_DIR: &str = "/var/lib/aiplat";

/// What is outside of any stack: where things are kept on the host, and who is at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The register and its lock, and the heads of audit trails.
    pub state_dir: PathBuf,
    /// Whom the audit trail names.
    pub caller: Caller,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            state_dir: Path::new(STATE_DIR).to_path_buf(),
            caller: Caller::default(),
        }
    }
}

/// Names of services as errors tell them.
fn quoted(names: &[ServiceName]) -> String {
    let all: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    all.join(", ")
}
