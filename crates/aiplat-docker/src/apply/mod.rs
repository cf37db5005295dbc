//! Carrying out a plan: as much at once as the graph allows, journalled, and with no choice of its own.
//!
//! A plan that is applied a second time, after any interruption, leads to the same end: each step looks at what is there
//! before it acts, and acts on nothing whose labels do not say that it is this stack's.

mod ahead;
mod check;
mod configure;
mod confined;
mod container;
mod data_copy;
mod error;
mod graph;
mod host_steps;
mod journal;
mod options;
mod ownership;
mod provision;
mod remove;
mod renew;
mod report;
mod run;
mod secret;
mod sign_in;
mod step;
mod withdraw;

pub(crate) use error::log_lines;
pub use error::{AfterFailure, ApplyError, StepError, StepFailure};
pub use journal::{JournalError, JournalRecord, Moment, read_journal};
pub use options::{ApplyOptions, JournalFile};
pub use provision::ProvisionError;
pub use report::{Report, StepReport};
pub use run::apply;
pub use secret::SecretError;
pub(crate) use withdraw::there;
