//! Who runs the command, for the audit trail.

use aiplat_core::audit::Origin;
use aiplat_core::settings::KnownKeys;
use aiplat_docker::audit::Caller;

use crate::environment::Environment;

/// Shorter values are no secrets and would take ordinary words out.
const SHORTEST: usize = 6;

/// What stands where a secret stood.
const MARK: &str = "<secret>";

/// Who is behind this process, and with which arguments, without secrets.
pub(crate) fn caller(environment: &Environment, known: &KnownKeys) -> Caller {
    let sudo = environment
        .get("SUDO_UID")
        .and_then(|uid| uid.parse().ok())
        .map(|uid| Origin {
            uid,
            user: environment.get("SUDO_USER").unwrap_or_default().to_owned(),
        });
    let secrets: Vec<&str> = environment
        .variables
        .iter()
        .filter(|(key, value)| known.is_secret(key) && value.len() >= SHORTEST)
        .map(|(_, value)| value.as_str())
        .collect();
    let arguments = environment.arguments.iter();
    Caller {
        sudo,
        tty: environment.tty.clone(),
        arguments: arguments
            .map(|word| without_secrets(word, &secrets, known))
            .collect(),
    }
}

fn without_secrets(word: &str, secrets: &[&str], known: &KnownKeys) -> String {
    let pair = word.strip_prefix("--set=").unwrap_or(word);
    let mut word = match pair.split_once('=') {
        Some((key, _)) if known.is_secret(key) => format!("{key}={MARK}"),
        _ => word.to_owned(),
    };
    for secret in secrets {
        word = word.replace(secret, MARK);
    }
    without_password(word)
}

/// An address without what stands before its `@`.
fn without_password(word: String) -> String {
    let Some((scheme, rest)) = word.split_once("://") else {
        return word;
    };
    let authority = rest.find('/').unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://{MARK}{}", &rest[at..]),
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)], arguments: &[&str]) -> Caller {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let environment = Environment {
            variables: variables.iter().map(owned).collect(),
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            ..Environment::default()
        };
        caller(&environment, &KnownKeys::default())
    }

    #[test]
    fn sudo_is_named() {
        let caller = with(&[("SUDO_UID", "1007"), ("SUDO_USER", "eve")], &[]);
        let eve = Origin {
            uid: 1007,
            user: "eve".into(),
        };
        assert_eq!(caller.sudo, Some(eve));
        assert_eq!(with(&[], &[]).sudo, None);
    }

    #[test]
    fn arguments_are_kept_and_secrets_in_them_are_not() {
        let variables = [("TAILSCALE_AUTH_KEY", "canary-1")];
        let caller = with(
            &variables,
            &[
                "deploy",
                "--set=TAILSCALE_AUTH_KEY=canary-2",
                "TAILSCALE_AUTH_KEY=canary-3",
                "--note=canary-1",
                "--host=tcp://eve:canary-4@engine/x@y",
                "--set=OLLAMA_MODEL=a=b",
            ],
        );
        assert_eq!(
            caller.arguments,
            [
                "deploy",
                "TAILSCALE_AUTH_KEY=<secret>",
                "TAILSCALE_AUTH_KEY=<secret>",
                "--note=<secret>",
                "--host=tcp://<secret>@engine/x@y",
                "--set=OLLAMA_MODEL=a=b",
            ]
        );
    }
}
