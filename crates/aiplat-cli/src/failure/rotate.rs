//! Failures of rotating secrets.

use aiplat_docker::stack::rotate::{ReachError, RotateError};

use super::{Failure, causes};

impl From<ReachError> for Failure {
    fn from(error: ReachError) -> Self {
        match error {
            ReachError::Prepare(error) => error.into(),
            ReachError::Deploy(error) => error.into(),
        }
    }
}

impl From<RotateError> for Failure {
    fn from(error: RotateError) -> Self {
        let message = error.to_string();
        let mut all = causes(&error);
        match error {
            RotateError::Before(cause) => cause.into(),
            RotateError::Returned { cause, .. }
            | RotateError::Stuck { cause, .. }
            | RotateError::Unfinished { cause } => {
                // the exit code and the hint are those of what failed
                let cause = Self::from(cause);
                if all.is_empty() {
                    all.push(cause.message.clone());
                }
                Self {
                    message,
                    causes: all,
                    ..cause
                }
            }
        }
    }
}
