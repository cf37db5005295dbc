//! Why a restore did not come to its end.

use std::path::PathBuf;

use crate::engine::EngineError;
use crate::host::HostError;
use crate::stack::{CatalogueError, DeployError, PrepareError, StoreError, TeardownError};

/// Why a restore did not come to its end. The same again goes on from where it stopped.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The archive could not be read, or is not what it should be.
    #[error(transparent)]
    Archive(#[from] aiplat_archive::ArchiveError),
    /// The place where archives are kept did not give it.
    #[error(transparent)]
    Target(#[from] aiplat_archive::TargetError),
    /// What the archive says of itself cannot be understood.
    #[error("expected an archive that `aiplat backup` of format {expected} made: {words}")]
    Contents {
        /// The format that is understood.
        expected: u32,
        /// What is wrong with it.
        words: String,
    },
    /// Something is in the directory already.
    #[error("expected an empty directory at `{}`, found `{found}`; give another, or `--in-place` to put a stack back to what the archive has", .path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// The first thing in it.
        found: String,
    },
    /// Another archive's restore into the directory is not finished.
    #[error("a restore of `{archive}` into `{}` is not finished: expected the same archive again, or `aiplat teardown --purge` first", .path.display())]
    Another {
        /// The directory.
        path: PathBuf,
        /// The other archive.
        archive: String,
    },
    /// The archive is of another stack than the one it is to be put into.
    #[error(
        "expected an archive of this stack, `{expected}`, it is of `{found}`; restore it into a directory of its own"
    )]
    OtherStack {
        /// Identity of the stack that is there.
        expected: String,
        /// Identity of the stack in the archive.
        found: String,
    },
    /// What was restored is not what was backed up.
    #[error("expected what the backup has, found {} differences", .0.len())]
    Differences(Vec<String>),
    /// It could not be planned.
    #[error(transparent)]
    Prepare(#[from] PrepareError),
    /// A service file in the archive is not as it must be.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A deploy of it failed.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A store did not take its data back.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The scratch stack could not be removed.
    #[error(transparent)]
    Teardown(#[from] TeardownError),
    /// An earlier run failed and was killed while it put the stack back.
    #[error("an earlier run of this restore failed and was interrupted on its way back")]
    Earlier,
    /// The restore failed, and the stack is as it was before it.
    #[error("the restore failed, and the stack is as it was before")]
    PutBack {
        /// Why it failed.
        source: Box<RestoreError>,
    },
    /// The restore failed, and so did the way back; what was there is kept.
    #[error("the restore failed ({first}), and putting the stack back failed too: expected the same again, which goes on with it; what is not in its place yet is in `{}`", .aside.display())]
    NotPutBack {
        /// Why the restore failed.
        first: String,
        /// Where the old data is.
        aside: PathBuf,
        /// Why the way back failed.
        source: Box<RestoreError>,
    },
    /// The restore failed, everything is back in its place, and the stack did not come up again.
    #[error(
        "the restore failed ({first}), and everything is in its place again, but the stack did not come up: expected `aiplat deploy`, once what stops it is gone"
    )]
    NotUp {
        /// Why the restore failed.
        first: String,
        /// Why the stack did not come up.
        source: Box<RestoreError>,
    },
}

impl From<HostError> for RestoreError {
    fn from(error: HostError) -> Self {
        Self::Prepare(error.into())
    }
}

impl From<EngineError> for RestoreError {
    fn from(error: EngineError) -> Self {
        Self::Prepare(error.into())
    }
}
