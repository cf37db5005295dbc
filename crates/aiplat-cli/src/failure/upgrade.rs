//! Failures of upgrades.

use aiplat_docker::stack::UpgradeError;

use super::Failure;
use super::run::taken_back;
use crate::exit::Exit;

impl From<UpgradeError> for Failure {
    fn from(error: UpgradeError) -> Self {
        let words = error.to_string();
        match error {
            UpgradeError::Several { .. } => Self::new(Exit::Invalid, words),
            UpgradeError::Everything => Self::new(Exit::Invalid, words)
                .hint("`aiplat upgrade SERVICE --to TAG`; without `--to` it is everything, to the catalogue's pins"),
            UpgradeError::Prepare(error) => error.into(),
            UpgradeError::Catalogue(error) => error.into(),
            UpgradeError::Deploy(error) => error.into(),
            UpgradeError::Returned { source, .. } => taken_back(
                *source,
                "the old image runs again, on the data and with the manifest as they were",
            ),
            UpgradeError::NotReturned { source, .. } => {
                let failure: Self = (*source).into();
                Self::new(failure.exit, words)
                    .all([failure.message])
                    .hint("mend that, then run the same command again")
            }
        }
    }
}
