//! Why there is no backup. The stack goes on as it was.

use std::path::PathBuf;

use aiplat_core::backup::BackupProblem;

use crate::engine::EngineError;
use crate::host::HostError;
use crate::observe::ObserveError;
use crate::stack::{PrepareError, StoreError};

/// Why a backup was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The stack could not be opened or looked at.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// The stack cannot be backed up as it is.
    #[error("{}", words(.0))]
    Problems(Vec<BackupProblem>),
    /// Too little room for the copy.
    #[error("expected {needed} bytes free on the volume of `{}` for the copy, {free} are free", .path.display())]
    NoRoom {
        /// Bytes that it may take.
        needed: u64,
        /// Bytes that are free.
        free: u64,
        /// Where.
        path: PathBuf,
    },
    /// A store did not give its data out.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Files could not be copied.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The engine said no.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A container could not be let go on after it was paused.
    #[error(
        "`{service}` is still paused: expected the engine to let it go on; `aiplat deploy` tries again"
    )]
    StillPaused {
        /// The service.
        service: String,
        /// What the engine said.
        source: EngineError,
    },
    /// The archive could not be written.
    #[error(transparent)]
    Archive(#[from] aiplat_archive::ArchiveError),
    /// The stack's name gives no name of an archive.
    #[error(transparent)]
    Name(#[from] aiplat_archive::NameError),
}

fn words(problems: &[BackupProblem]) -> String {
    let all: Vec<String> = problems.iter().map(ToString::to_string).collect();
    all.join("; ")
}

impl From<ObserveError> for BackupError {
    fn from(error: ObserveError) -> Self {
        Self::Prepare(error.into())
    }
}
