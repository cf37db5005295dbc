//! Why a plan was not carried out wholly.

use aiplat_core::names::ServiceName;

use super::journal::JournalError;
use super::provision::ProvisionError;
use super::secret::SecretError;
use crate::engine::EngineError;
use crate::host::HostError;
use crate::probe::GateError;

/// A plan that was not carried out wholly. Applying a fresh plan goes on from what is there.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The plan's graph is broken: nothing was done.
    #[error("expected a plan whose steps can be put in order: {words}")]
    Graph {
        /// What is wrong with it.
        words: String,
    },
    /// The journal could not be written: nothing was done.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Steps failed. No step was started after the first failure; those that ran came to their end.
    #[error("{}", several(.failures))]
    Steps {
        /// Every failure, in the order in which they came.
        failures: Vec<StepFailure>,
        /// How many steps ended well.
        done: usize,
        /// How many were never started.
        not_started: usize,
    },
}

fn several(failures: &[StepFailure]) -> String {
    let Some(first) = failures.first() else {
        return "a step failed".to_owned();
    };
    match failures.len() {
        1 => first.to_string(),
        n => format!("{first} (and {} more failed)", n - 1),
    }
}

/// One step that failed.
#[derive(Debug, thiserror::Error)]
#[error("step {} of {total} failed: {what}", .index + 1)]
pub struct StepFailure {
    /// The step's place in the plan, from 0.
    pub index: usize,
    /// How many steps the plan has.
    pub total: usize,
    /// The step's id.
    pub id: String,
    /// The step in words.
    pub what: String,
    /// The cause.
    #[source]
    pub source: StepError,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// The engine did not do it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The host did not do it.
    #[error(transparent)]
    Host(#[from] HostError),
    /// An image does not fit the data of a service; nothing was started from it.
    #[error(transparent)]
    Image(aiplat_core::spec::ImageRefused),
    /// A service did not become ready.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// Something could not be made inside a service.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// A secret is not as it must be inside a service.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The journal could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// An object on the engine is not this stack's: it was left alone.
    #[error(
        "expected {what} to be this stack's own, its labels say otherwise: it was left alone; rename or remove it yourself"
    )]
    Foreign {
        /// Such as "container `x`".
        what: String,
    },
    /// An object of this stack holds the name with another specification than wanted.
    #[error(
        "expected {what} to be made of the same specification, found an older one; run the command again"
    )]
    Stale {
        /// Such as "container `x`".
        what: String,
    },
    /// A network still has containers attached that are not going away.
    #[error("expected network `{name}` to be empty, found attached: {attached}")]
    Occupied {
        /// The network.
        name: String,
        /// What is attached.
        attached: String,
    },
    /// A container does not run under the profile it was made with.
    #[error(
        "expected every process of `{container}` under AppArmor profile `{expected}`, found {found}"
    )]
    Unconfined {
        /// The container.
        container: String,
        /// The profile.
        expected: String,
        /// What was found instead, in words.
        found: String,
    },
    /// The kernel does not hold a container to what it was made with.
    #[error("expected to be in force for `{container}`, and the kernel does not hold it: {}", .missing.join("; "))]
    NotInForce {
        /// The container.
        container: String,
        /// What is not in force, each in words.
        missing: Vec<String>,
    },
    /// A check that runs in a container of its own failed.
    #[error("{purpose} failed: {words}{}", log_lines(.log))]
    Check {
        /// What it was for.
        purpose: String,
        /// How it ended.
        words: String,
        /// What it wrote last.
        log: Vec<String>,
    },
    /// A reload did not succeed.
    #[error("`{service}` did not take its new configuration: {words}")]
    Reload {
        /// The service.
        service: ServiceName,
        /// What it said.
        words: String,
    },
    /// A service was not signed in again.
    #[error("`{service}` was not signed in again: {words}")]
    SignIn {
        /// The service.
        service: ServiceName,
        /// What it said, and where that leaves it.
        words: String,
    },
    /// A service did not take its configuration, and its files were put back.
    #[error("{}", match .stuck {
        None => "its configuration is what it was".to_owned(),
        Some(words) => format!("its files could not be put back: {words}"),
    })]
    Configure {
        /// Why.
        #[source]
        cause: Box<StepError>,
        /// Why its files are not what they were, in words; `None` where they are.
        stuck: Option<String>,
    },
    /// No new certificates came, and the old ones stay.
    #[error("{}", match .stuck {
        None => "the front door serves the certificates that it had".to_owned(),
        Some(words) => format!("the front door could not be brought back to its own configuration: {words}"),
    })]
    Renew {
        /// Why.
        #[source]
        cause: Box<StepError>,
        /// Why it is not as it was, in words; `None` where it is.
        stuck: Option<String>,
    },
    /// A container did not become ready and was removed.
    #[error("{after}")]
    Container {
        /// Why.
        #[source]
        cause: Box<StepError>,
        /// What was done about it, and whether that worked.
        after: AfterFailure,
    },
    /// A part of the product that should not have failed did.
    #[error("{words}")]
    Internal {
        /// In words.
        words: String,
    },
}

/// What became of a service whose new container failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AfterFailure {
    /// There was none before: the failed one was removed.
    Removed,
    /// The one before runs again under its own name.
    Restored,
    /// Putting things back failed too, in words.
    Stuck(String),
}

impl std::fmt::Display for AfterFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Removed => {
                f.write_str("the new container was removed, its data is as it was left")
            }
            Self::Restored => {
                f.write_str("the new container was removed, and the one before it runs again")
            }
            Self::Stuck(words) => write!(f, "putting things back failed too: {words}"),
        }
    }
}

/// Log lines under a message, each on a line of its own.
pub(crate) fn log_lines(log: &[String]) -> String {
    log.iter()
        .fold(String::new(), |all, line| all + "\n  " + line)
}
