//! Failures of backups and restores.

use aiplat_archive::{ArchiveError, KeyError, TargetError};
use aiplat_docker::stack::{BackupError, CatalogueError, RestoreError, StoreError};

use super::Failure;
use crate::exit::Exit;

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Prepare(error) => error.into(),
            BackupError::Store(error) => error.into(),
            BackupError::Host(error) => error.into(),
            BackupError::Engine(error) => error.into(),
            BackupError::Archive(error) => error.into(),
            BackupError::Problems(problems) => match problems.as_slice() {
                [one] => Self::new(Exit::Unhealthy, one.to_string()),
                many => {
                    Self::new(Exit::Unhealthy, "the stack cannot be backed up as it is").all(many)
                }
            },
            BackupError::NoRoom { .. } => Self::of(Exit::Host, &error)
                .hint("free some space; nothing was touched, and no service stood still"),
            BackupError::StillPaused { .. } => Self::of(Exit::Unhealthy, &error),
            BackupError::Name(_) => Self::of(Exit::Failure, &error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Engine(error) => error.into(),
            StoreError::File { .. } => Self::of(Exit::Host, &error),
            StoreError::Foreign { .. } => Self::of(Exit::Refused, &error),
            StoreError::Unreachable { .. } | StoreError::Refused { .. } => {
                Self::of(Exit::Unhealthy, &error)
            }
        }
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        match error {
            RestoreError::Prepare(error) => error.into(),
            RestoreError::Deploy(error) => error.into(),
            RestoreError::Store(error) => error.into(),
            RestoreError::Archive(error) => error.into(),
            RestoreError::Target(error) => error.into(),
            RestoreError::Teardown(error) => error.into(),
            RestoreError::Catalogue(CatalogueError::Host(error)) => error.into(),
            RestoreError::Catalogue(_) | RestoreError::Contents { .. } => {
                Self::of(Exit::Invalid, &error)
            }
            RestoreError::NotEmpty { .. }
            | RestoreError::Another { .. }
            | RestoreError::OtherStack { .. } => Self::of(Exit::Refused, &error),
            RestoreError::Differences(all) => Self::new(
                Exit::Findings,
                "what was restored is not what was backed up",
            )
            .all(all),
            RestoreError::Earlier
            | RestoreError::PutBack { .. }
            | RestoreError::NotPutBack { .. }
            | RestoreError::NotUp { .. } => Self::of(Exit::Failure, &error),
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        let exit = match error {
            ArchiveError::Target(error) => return error.into(),
            ArchiveError::Key(error) => return error.into(),
            ArchiveError::NoRoom { .. } | ArchiveError::File { .. } => Exit::Host,
            _ => Exit::Invalid,
        };
        Self::of(exit, &error)
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let exit = match &error {
            TargetError::Address { .. } => Exit::Usage,
            TargetError::Missing { .. } | TargetError::Size { .. } => Exit::Invalid,
            TargetError::Exists { .. } => Exit::Refused,
            TargetError::Busy { .. } => Exit::Locked,
            _ => Exit::Host,
        };
        let full = matches!(error, TargetError::Full { .. });
        let hint = "free some space there, or give another place with `--to`; older archives are as they were";
        Self::of(exit, &error).maybe_hint(full.then(|| hint.to_owned()))
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::of(Exit::Invalid, &error)
    }
}
