//! Why there is no plan. Nothing has been touched.

use std::path::PathBuf;

use aiplat_core::allocation::AllocationProblem;
use aiplat_core::catalogue::CatalogueProblem;
use aiplat_core::config::{ChoiceProblem, SecretNeed, SelectionProblem};
use aiplat_core::desired::DesiredProblem;
use aiplat_core::manifest::EditError;
use aiplat_core::names::{ServiceName, StackId, StackName};
use aiplat_core::plan::{PlanProblem, Violation};
use aiplat_core::settings::Problems;

use crate::apply::JournalError;
use crate::host::HostError;
use crate::observe::ObserveError;

/// Why there is no plan. Where there are several problems, all are told at once.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// `BASE_DIR` cannot be used.
    #[error("`BASE_DIR`: expected {expected}, found {found} at `{}`", .path.display())]
    Volume {
        /// The directory.
        path: PathBuf,
        /// What was expected.
        expected: &'static str,
        /// What is there.
        found: &'static str,
    },
    /// The stack that belongs in a directory is not there: what lies under its volume is.
    #[error(
        "the volume of this stack is not mounted: expected stack `{stack}` ({stack_id}) in `{}`, found {found}",
        .path.display()
    )]
    Lost {
        /// The directory.
        path: PathBuf,
        /// The stack's name.
        stack: StackName,
        /// Its identity.
        stack_id: StackId,
        /// What is there instead.
        found: &'static str,
        /// The file system's UUID that it lay on, where it is known.
        uuid: Option<String>,
    },
    /// Keys and values.
    #[error("{0}")]
    Settings(Problems),
    /// Service files.
    #[error("{} problems in service files", .0.len())]
    Catalogue(Vec<CatalogueProblem>),
    /// Services that were asked for.
    #[error("{} services cannot be selected", .0.len())]
    Selection(Vec<SelectionProblem>),
    /// Words that mean no service of the stack.
    #[error("expected services of this stack, found {} others", .words.len())]
    Unknown {
        /// The words.
        words: Vec<String>,
        /// The stack's services.
        services: Vec<ServiceName>,
    },
    /// Ports, subnets, users and names.
    #[error("{} reservations cannot be made", .0.len())]
    Allocation(Vec<AllocationProblem>),
    /// Secrets that only an operator can give.
    #[error("expected {} secrets to be given", .0.len())]
    Secrets(Vec<SecretNeed>),
    /// Given secrets that differ from those that the services use, each with the way.
    #[error("{} given secrets differ from those that the services use", .0.len())]
    SecretsChanged(Vec<String>),
    /// Secrets that cannot be rotated, each with the reason.
    #[error("{} secrets cannot be rotated", .0.len())]
    Rotation(Vec<ChoiceProblem>),
    /// Templates and profiles.
    #[error("{} problems in what is wanted", .0.len())]
    Desired(Vec<DesiredProblem>),
    /// What is there stands in the way.
    #[error("{} things stand in the way", .0.len())]
    Plan(Vec<PlanProblem>),
    /// A defect of our own.
    #[error("the plan breaks {} of its own rules", .0.len())]
    Violations(Vec<Violation>),
    /// Vectors that would be left behind.
    #[error("{0}; agree with `--yes-lose-vectors`")]
    Vectors(super::LeftBehind),
    /// A key that identifies the stack was given another value.
    #[error(
        "`{key}`: expected the value that the stack was made with; tear the stack down first, or leave the key out"
    )]
    IdentityChanged {
        /// The key.
        key: &'static str,
    },
    /// The directory was copied with the identity of a stack that lives elsewhere.
    #[error(
        "`{}`: the stack lives in `{}`, as its manifest, its containers or its reservation say; work there, write the new `BASE_DIR` where it was moved, or remove `config/stack-id` where this is a copy", .here.display(), .there.display()
    )]
    Copy {
        /// The directory that was named.
        here: PathBuf,
        /// Where the stack lives.
        there: PathBuf,
    },
    /// A restore into the directory is not finished.
    #[error(
        "a restore of `{archive}` into this directory is not finished; the same `aiplat restore` again finishes it, `aiplat teardown --purge` gives it up"
    )]
    Restoring {
        /// The archive.
        archive: String,
    },
    /// The manifest cannot hold a value.
    #[error(transparent)]
    Manifest(#[from] EditError),
    /// The host or the engine did not answer.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// What earlier runs left undone cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The host refused, or a lock is held.
    #[error(transparent)]
    Host(#[from] HostError),
}

impl From<crate::engine::EngineError> for PrepareError {
    fn from(error: crate::engine::EngineError) -> Self {
        Self::Observe(error.into())
    }
}

impl PrepareError {
    /// Each problem in words, for those that hold several; one line otherwise.
    pub fn problems(&self) -> Vec<String> {
        fn each<T: ToString>(problems: &[T]) -> Vec<String> {
            problems.iter().map(ToString::to_string).collect()
        }
        match self {
            Self::Settings(problems) => each(problems.all()),
            Self::Catalogue(problems) => each(problems),
            Self::Selection(problems) => each(problems),
            Self::Allocation(problems) => each(problems),
            Self::Unknown { words, services } => {
                let all: Vec<&str> = services.iter().map(ServiceName::as_str).collect();
                let all = all.join(", ");
                let each = |word| {
                    format!(
                        "`{word}`: expected a service of this stack, one of {all}, or a bundle of some"
                    )
                };
                words.iter().map(each).collect()
            }
            Self::Desired(problems) => each(problems),
            Self::Plan(problems) => each(problems),
            Self::Violations(problems) => each(problems),
            Self::SecretsChanged(problems) => each(problems),
            Self::Rotation(problems) => each(problems),
            Self::Secrets(needs) => needs
                .iter()
                .map(|n| {
                    format!(
                        "`{}`: expected to be given",
                        n.key.as_deref().unwrap_or(n.name.as_str())
                    )
                })
                .collect(),
            one => vec![one.to_string()],
        }
    }
}
