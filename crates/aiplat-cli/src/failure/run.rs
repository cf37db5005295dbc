//! Failures of carrying a plan out.

use aiplat_docker::apply::{ApplyError, StepError};
use aiplat_docker::probe::GateError;
use aiplat_docker::stack::DeployError;
use serde_json::json;

use super::engine::{engine_exit, engine_hint, host_exit, host_hint};
use super::{Failure, causes};
use crate::exit::Exit;
use crate::words::count;

impl From<DeployError> for Failure {
    fn from(error: DeployError) -> Self {
        match error {
            DeployError::Host(error) => error.into(),
            DeployError::Apply(error) => error.into(),
        }
    }
}

impl From<ApplyError> for Failure {
    fn from(error: ApplyError) -> Self {
        let ApplyError::Steps {
            failures,
            done,
            not_started,
        } = &error
        else {
            return Self::of(Exit::Failure, &error);
        };
        let message = match failures.as_slice() {
            [one] => one.to_string(),
            many => format!("{} steps failed", many.len()),
        };
        let exit = failures
            .first()
            .map_or(Exit::Failure, |f| step_exit(&f.source));
        let hint = failures.iter().find_map(|f| step_hint(&f.source));
        let mut failure = Self::new(exit, message);
        if let [one] = failures.as_slice() {
            failure.causes = causes(one);
        } else {
            let lines = failures.iter().map(|f| {
                let causes = causes(f);
                std::iter::once(f.to_string())
                    .chain(causes)
                    .collect::<Vec<_>>()
                    .join(": ")
            });
            failure = failure.all(lines);
        }
        let standing = format!(
            "{} done, {} not begun; the same command again goes on from there",
            count(*done, "step was", "steps were"),
            count(*not_started, "was", "were"),
        );
        let steps: Vec<&str> = failures.iter().map(|f| f.id.as_str()).collect();
        failure
            .hint(hint.map_or_else(|| standing.clone(), |hint| format!("{hint}; {standing}")))
            .with_detail(json!({"steps": steps, "done": done, "not_started": not_started}))
    }
}

/// A failed deploy that was taken back: no step is left to go on with, so that of what its failure advises only what
/// mends the cause holds. `now` says how it stands.
pub(super) fn taken_back(error: DeployError, now: &str) -> Failure {
    let cause = match &error {
        DeployError::Apply(ApplyError::Steps { failures, .. }) => {
            failures.iter().find_map(|f| step_hint(&f.source))
        }
        _ => None,
    };
    Failure::from(error)
        .hint(cause.map_or_else(|| now.to_owned(), |cause| format!("{cause}; {now}")))
}

fn step_exit(error: &StepError) -> Exit {
    match error {
        StepError::Engine(error) => engine_exit(error),
        StepError::Host(error) => host_exit(error),
        StepError::Gate(error) => gate_exit(error),
        StepError::Container { cause, .. } | StepError::Configure { cause, .. } => step_exit(cause),
        StepError::Check { .. } => Exit::Invalid,
        StepError::Foreign { .. } | StepError::Occupied { .. } => Exit::Refused,
        StepError::Reload { .. } | StepError::Renew { .. } | StepError::SignIn { .. } => {
            Exit::Unhealthy
        }
        StepError::Unconfined { .. } | StepError::NotInForce { .. } => Exit::Host,
        _ => Exit::Failure,
    }
}

pub(super) fn gate_exit(error: &GateError) -> Exit {
    match error {
        GateError::Deadline { .. } | GateError::Ended { .. } => Exit::Unhealthy,
        GateError::NoHealthCheck { .. } => Exit::Failure,
        GateError::Engine(error) => engine_exit(error),
    }
}

fn step_hint(error: &StepError) -> Option<String> {
    match error {
        StepError::Engine(error) => engine_hint(error),
        StepError::Host(error) => host_hint(error),
        StepError::Container { cause, .. } | StepError::Configure { cause, .. } => step_hint(cause),
        StepError::Gate(GateError::Ended { log, .. }) if not_permitted(log) => Some(
            "its program's file asks for rights that the container does not have (`getcap` shows them): allow the one it              needs, with `--allow capability:NAME` of `aiplat add --image` or an exception in its service file"
                .to_owned(),
        ),
        StepError::Gate(GateError::Deadline { service, .. } | GateError::Ended { service, .. }) => {
            Some(format!("`aiplat logs {service}` shows what it wrote"))
        }
        StepError::NotInForce { .. } => Some(
            "`aiplat doctor` looks at the engine and the kernel; `--best-effort` goes on without"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Whether the kernel did not let the program begin: as it is with one whose file has capabilities, once all are dropped.
fn not_permitted(log: &[String]) -> bool {
    log.iter()
        .any(|line| line.contains("exec ") && line.contains("Operation not permitted"))
}

impl From<GateError> for Failure {
    fn from(error: GateError) -> Self {
        Self::of(gate_exit(&error), &error)
    }
}

#[cfg(test)]
mod tests {
    use aiplat_docker::apply::{AfterFailure, StepFailure};

    use super::*;

    fn failed(source: StepError) -> ApplyError {
        let failure = StepFailure {
            index: 1,
            total: 4,
            id: "service/redis".into(),
            what: "make redis".into(),
            source,
        };
        ApplyError::Steps {
            failures: vec![failure],
            done: 1,
            not_started: 2,
        }
    }

    #[test]
    fn a_program_that_may_not_begin_is_told_the_flag() {
        let gate = |line: &str| GateError::Ended {
            service: "web".parse().unwrap(),
            how: "ended with exit code 126".into(),
            last: String::new(),
            log: vec![line.into()],
        };
        let said = |line| Failure::from(failed(StepError::Gate(gate(line)))).text();
        let refused = said("[FATAL tini (7)] exec caddy failed: Operation not permitted");
        assert!(refused.contains("--allow capability:NAME"), "{refused}");
        let other = said("chown: Operation not permitted");
        assert!(!other.contains("--allow"), "{other}");
    }

    #[test]
    fn a_service_that_does_not_become_healthy_ends_as_unhealthy_with_its_log() {
        let gate = GateError::Deadline {
            service: "redis".parse().unwrap(),
            seconds: 3,
            last: "connection refused".into(),
            log: vec!["bad config".into()],
        };
        let cause = Box::new(StepError::Gate(gate));
        let failure = Failure::from(failed(StepError::Container {
            cause,
            after: AfterFailure::Removed,
        }));
        assert_eq!(failure.exit(), Exit::Unhealthy);
        let text = failure.text();
        for word in [
            "step 2 of 4",
            "connection refused",
            "bad config",
            "1 step was done",
        ] {
            assert!(text.contains(word), "{text}");
        }
        assert_eq!(
            failure.json()["error"]["detail"]["steps"][0],
            "service/redis"
        );
    }
}
