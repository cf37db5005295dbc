//! Values as Compose reads them: `$` is its own sign, and a secret is a variable.

use secrecy::ExposeSecret;

use super::{SecretsAs, variable};
use crate::config::Secrets;
use crate::names::SecretName;
use crate::text::Text;

/// What the stack's network is called inside the file.
pub(super) const STACK_NETWORK: &str = "stack";

/// A text that holds no variable: Compose reads `$$` as one `$`.
pub(super) fn plain(text: &str) -> String {
    text.replace('$', "$$")
}

/// A value, with its secrets as asked for.
pub(super) fn value(text: &Text, secrets: SecretsAs) -> String {
    match secrets {
        SecretsAs::Values => plain(text.expose()),
        SecretsAs::Variables if !text.is_secret() => plain(text.shown()),
        SecretsAs::Variables => with_variables(text.shown()),
    }
}

/// What may be shown, with each `<secret:name>` as a variable that Compose refuses to leave empty.
fn with_variables(shown: &str) -> String {
    let mut pieces = shown.split("<secret:");
    let mut out = pieces.next().map(plain).unwrap_or_default();
    for piece in pieces {
        let (name, rest) = piece.split_once('>').unwrap_or((piece, ""));
        match name.parse::<SecretName>() {
            Ok(name) => out.push_str(&format!(
                "${{{}:?see the head of this file}}",
                variable(&name)
            )),
            Err(_) => out.push_str(&plain(&format!("<secret:{name}>"))),
        }
        out.push_str(&plain(rest));
    }
    out
}

/// The lines of the `.env` beside the file, one a secret. This text is itself a secret.
///
/// Values stand in single quotes, literal for Compose; no format of a generated secret has a single quote, and in one
/// that was given it is escaped.
pub fn variables(secrets: &Secrets) -> String {
    secrets
        .iter()
        .map(|(name, value)| {
            let value = value
                .expose_secret()
                .replace('\\', "\\\\")
                .replace('\'', "\\'");
            format!("{}='{value}'\n", variable(name))
        })
        .collect()
}
