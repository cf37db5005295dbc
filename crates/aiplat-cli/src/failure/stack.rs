//! Failures of preparing a stack: nothing has been touched then.

use aiplat_core::allocation::AllocationProblem;
use aiplat_core::config::{ChoiceProblem, SelectionProblem, StackConfig};
use aiplat_core::names::ServiceName;
use aiplat_core::plan::PlanProblem;
use aiplat_docker::stack::{PrepareError, TeardownError};

use super::{Failure, headline};
use crate::exit::Exit;
use crate::words::list;

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        let words = error.problems();
        let several = |exit, what: &str| {
            let failure = Self::new(exit, headline(&words, what));
            if words.len() > 1 {
                failure.all(words.clone())
            } else {
                failure
            }
        };
        match &error {
            PrepareError::Settings(problems) => {
                let failure = several(Exit::Invalid, "the settings");
                let failure = Self {
                    problems: Vec::new(),
                    ..failure
                };
                let failure = failure.settings(problems.all());
                let only = failure.problems.len() == 1;
                let failure = if only {
                    Self {
                        message: "a setting is not as expected".to_owned(),
                        ..failure
                    }
                } else {
                    failure
                };
                failure.hint(
                    "`aiplat help setup` explains the keys; the manifest is `BASE_DIR/config/.env`",
                )
            }
            PrepareError::Catalogue(_) => several(Exit::Invalid, "service files"),
            PrepareError::Selection(problems) => {
                several(Exit::Invalid, "the selected services").maybe_hint(selection_hint(problems))
            }
            PrepareError::Unknown { .. } => several(Exit::Invalid, "the services that were named")
                .hint("`aiplat status` shows what runs"),
            PrepareError::Secrets(_) => several(Exit::Invalid, "secrets")
                .hint("give them in the environment; they are kept in `config/secrets` then"),
            PrepareError::SecretsChanged(_) => several(Exit::Refused, "given secrets"),
            PrepareError::Rotation(problems) => {
                several(rotation_exit(problems), "secrets to rotate").hint(
                    "`aiplat rotate --dry-run` lists what may change, and what may not and why",
                )
            }
            PrepareError::Desired(_) => several(Exit::Invalid, "what is wanted"),
            PrepareError::Allocation(problems) => {
                several(Exit::Refused, "what the stack asks of the host")
                    .maybe_hint(beside_hint(problems))
            }
            PrepareError::Plan(problems) => several(plan_exit(problems), "what is there"),
            PrepareError::Violations(_) => several(Exit::Failure, "the plan itself"),
            PrepareError::Volume { found, .. } => {
                let failure = Self::of(Exit::Host, &error);
                let none = *found == "none";
                if none {
                    Self {
                        exit: Exit::NoStack,
                        ..failure
                    }
                } else {
                    failure
                }
            }
            PrepareError::Vectors(_) => Self::of(Exit::Unconfirmed, &error)
                .hint("`aiplat backup` keeps them; `aiplat plan` shows all that would change"),
            PrepareError::IdentityChanged { .. }
            | PrepareError::Copy { .. }
            | PrepareError::Restoring { .. } => Self::of(Exit::Refused, &error),
            PrepareError::Lost { path, uuid, .. } => {
                let which = uuid
                    .as_ref()
                    .map_or_else(String::new, |uuid| format!(" (UUID={uuid})"));
                let at = path.display();
                Self::of(Exit::Host, &error).hint(format!(
                    "mount the volume{which} at `{at}` and run the same again; if the stack is really gone, \
                     `aiplat --base-dir {at} teardown --purge` forgets it"
                ))
            }
            PrepareError::Manifest(_) => Self::of(Exit::Invalid, &error),
            PrepareError::Journal(_) => Self::of(Exit::Host, &error),
            PrepareError::Observe(_) | PrepareError::Host(_) => match error {
                PrepareError::Observe(error) => error.into(),
                PrepareError::Host(error) => error.into(),
                other => Self::of(Exit::Failure, &other),
            },
        }
    }
}

/// What to do about services that were asked for and cannot run.
fn selection_hint(problems: &[SelectionProblem]) -> Option<String> {
    let impossible = problems.iter().filter_map(|problem| match problem {
        SelectionProblem::Impossible { service, .. } => Some(format!("`{service}`")),
        SelectionProblem::Unknown { .. } => None,
    });
    let names: Vec<String> = impossible.collect();
    (!names.is_empty()).then(|| {
        format!(
            "take {} out of `SERVICES` in the manifest, or give `--services` without",
            list(&names)
        )
    })
}

/// What to do where another stack has this one's name, and with it most of what else it asks for.
fn beside_hint(problems: &[AllocationProblem]) -> Option<String> {
    let named = problems
        .iter()
        .any(|p| matches!(p, AllocationProblem::Taken { key, .. } if key == "DOCKER_NETWORK"));
    named.then(|| {
        "`--network NAME` makes a second stack beside it; what is still refused then has a flag of its own, such as `--domain` \
         or `--uid`"
            .to_owned()
    })
}

/// Named services without a container: they are none of the stack's, or are to be brought up.
pub(crate) fn no_container(config: &StackConfig, names: &[ServiceName]) -> Failure {
    let unknown: Vec<String> = names
        .iter()
        .filter(|name| !config.selection.has(name))
        .map(ToString::to_string)
        .collect();
    if !unknown.is_empty() {
        let services = config.selection.services().to_vec();
        return PrepareError::Unknown {
            words: unknown,
            services,
        }
        .into();
    }
    let words: Vec<String> = names
        .iter()
        .map(|name| format!("`{name}` has no container"))
        .collect();
    Failure::new(Exit::Unhealthy, headline(&words, "services"))
        .all(words.iter().filter(|_| words.len() > 1))
        .hint("`aiplat deploy` makes what is missing")
}

/// A name that means no secret is a wrong request, a secret that stays as it is a refusal.
fn rotation_exit(problems: &[ChoiceProblem]) -> Exit {
    let unknown = |p: &ChoiceProblem| matches!(p, ChoiceProblem::Unknown { .. });
    if problems.iter().any(unknown) {
        Exit::Invalid
    } else {
        Exit::Refused
    }
}

fn plan_exit(problems: &[PlanProblem]) -> Exit {
    let data = |p: &PlanProblem| {
        matches!(
            p,
            PlanProblem::DataFormat { .. }
                | PlanProblem::SubnetChanged { .. }
                | PlanProblem::StackLimit { .. }
                | PlanProblem::Image(_)
                | PlanProblem::NoReload { .. }
                | PlanProblem::NoSignIn
        )
    };
    let stopped = |p: &PlanProblem| {
        matches!(
            p,
            PlanProblem::NoContainer { .. }
                | PlanProblem::NotRunning { .. }
                | PlanProblem::NoCertificate
                | PlanProblem::Unfinished { .. }
        )
    };
    if problems.iter().all(data) {
        Exit::Invalid
    } else if problems.iter().all(stopped) {
        Exit::Unhealthy
    } else {
        Exit::Refused
    }
}

impl From<TeardownError> for Failure {
    fn from(error: TeardownError) -> Self {
        match error {
            TeardownError::Prepare(error) => error.into(),
            TeardownError::Apply(error) => error.into(),
            TeardownError::NoStack { .. } => {
                Self::of(Exit::NoStack, &error).hint("`aiplat ls` shows every stack on this host")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use aiplat_core::manifest::Manifest;
    use aiplat_core::settings::{KnownKeys, Layers, Settings};

    use super::*;

    #[test]
    fn every_wrong_setting_is_told_with_key_and_line_and_never_its_value() {
        let mut layers = Layers::default();
        let manifest = "BASE_DIR=canary-relative\nVECTOR_DB=canary-store\nGRAFANA_PORT=canary\n";
        layers.manifest = Manifest::parse(manifest).unwrap();
        let problems = Settings::resolve(&layers, &KnownKeys::default()).unwrap_err();
        let failure = Failure::from(PrepareError::Settings(problems));
        assert_eq!(failure.exit(), Exit::Invalid);
        let (text, json) = (failure.text(), failure.json());
        for key in ["BASE_DIR", "VECTOR_DB", "GRAFANA_PORT"] {
            assert!(text.contains(key), "{text}");
        }
        assert_eq!(json["error"]["problems"][1]["line"], 2);
        assert_eq!(json["error"]["problems"][1]["key"], "VECTOR_DB");
        assert!(
            !text.contains("canary") && !json.to_string().contains("canary"),
            "{text}"
        );
    }
}
