//! Failures of additions and removals.

use aiplat_docker::stack::ExtendError;

use super::Failure;
use super::run::taken_back;
use crate::exit::Exit;

impl From<ExtendError> for Failure {
    fn from(error: ExtendError) -> Self {
        let words = error.to_string();
        match error {
            ExtendError::Prepare(error) => error.into(),
            ExtendError::Catalogue(error) => error.into(),
            ExtendError::Deploy(error) => error.into(),
            ExtendError::Deposit { .. } => deposit(&error),
            ExtendError::Unknown(_) => {
                Self::new(Exit::Invalid, words).hint("`aiplat catalog list` shows them")
            }
            ExtendError::Runs(_) => {
                Self::new(Exit::Refused, words).hint("`aiplat deploy` mends one that does not work")
            }
            ExtendError::OtherFile { service, .. } => Self::new(Exit::Refused, words).hint(format!(
                "edit that one and run `aiplat deploy`, or `aiplat add {service}` where it does not run; `aiplat remove {service} \
                 --purge` forgets it, its data too"
            )),
            ExtendError::Needed { by, .. } => {
                let names: Vec<String> = by.iter().map(ToString::to_string).collect();
                Self::new(Exit::Refused, words).hint(format!("remove {} first", names.join(", ")))
            }
            ExtendError::Last(_) => Self::new(Exit::Refused, words).hint(
                "`aiplat teardown` takes the stack away and keeps its data, with `--purge` that too",
            ),
            ExtendError::UnderWay(other) => Self::new(Exit::Refused, words).hint(format!(
                "finish it with the same command, take it back with `aiplat remove {other}`, or settle on what the \
                 manifest says with `aiplat deploy`"
            )),
            ExtendError::ManifestChanged(_) => Self::new(Exit::Refused, words)
                .hint("`aiplat deploy` brings the stack to what the manifest says now"),
            ExtendError::StoreAway { store } => Self::new(Exit::Refused, words).hint(format!(
                "`aiplat add {store}` first, then the same command again; or `aiplat remove {store} --purge`, where all in it may go"
            )),
            ExtendError::Undone { service, source } => {
                let undone = format!(
                    "`{service}` was taken away again, with all that was made for it; nothing else changed"
                );
                taken_back(*source, &undone)
            }
            ExtendError::NotUndone { service, source, .. } => {
                let failure: Self = (*source).into();
                let exit = failure.exit();
                Self::new(exit, words)
                    .all([failure.message])
                    .hint(format!("`aiplat remove {service}` or the same command again goes on"))
            }
        }
    }
}

/// Nothing has been touched: what a service has in stores goes with all the rest, or not at all.
fn deposit(error: &ExtendError) -> Failure {
    let (exit, what) = if error.store_is_down() {
        (Exit::Unhealthy, "`aiplat deploy` starts what does not run")
    } else if error.is_shared() {
        (
            Exit::Refused,
            "take away what is somebody else's by the store's own means",
        )
    } else {
        (Exit::Failure, "see what the store says")
    };
    Failure::of(exit, error).hint(format!(
        "nothing was touched: {what}, then the same command again; without `--purge` all of it stays"
    ))
}
