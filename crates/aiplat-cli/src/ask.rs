//! Asking somebody at a terminal. Without one nothing is ever asked.

use dialoguer::theme::SimpleTheme;
use dialoguer::{Confirm, Input, Password};
use secrecy::SecretString;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// Asks for a yes; `--yes` is one. Without a terminal it is refused, and `without` says how to agree then.
pub(crate) fn agree(session: &Session, question: &str, without: &str) -> Result<(), Failure> {
    if session.global.yes {
        return Ok(());
    }
    if !session.environment.can_ask() || session.printer.is_json() {
        return Err(Failure::new(
            Exit::Unconfirmed,
            format!("{question}: nobody can be asked without a terminal"),
        )
        .hint(without));
    }
    let answer = Confirm::with_theme(&SimpleTheme)
        .with_prompt(question)
        .default(false)
        .interact();
    if answer.map_err(|error| unanswered(&error))? {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Unconfirmed,
        "not agreed to; nothing was touched",
    ))
}

/// Asks to type the stack's name, before `act` loses `lost`; the flag `--confirm` gives it, and `--yes` is not enough.
pub(crate) fn agree_by_name(
    session: &Session,
    name: &str,
    confirm: Option<&str>,
    act: &str,
    lost: &str,
) -> Result<(), Failure> {
    let typed: String = match confirm {
        Some(given) => given.to_owned(),
        None if !session.environment.can_ask() || session.printer.is_json() => {
            let words =
                format!("{act} needs the stack's name, and nobody can be asked without a terminal");
            let hint = format!("give `--confirm {name}`; {lost} is lost then");
            return Err(Failure::new(Exit::Unconfirmed, words).hint(hint));
        }
        None => Input::with_theme(&SimpleTheme)
            .with_prompt(format!("{lost} will be lost; type `{name}` to go on"))
            .allow_empty(true)
            .interact_text()
            .map_err(|error| unanswered(&error))?,
    };
    if typed.trim() == name {
        return Ok(());
    }
    let words = format!("expected the stack's name `{name}`; nothing was touched");
    Err(Failure::new(Exit::Unconfirmed, words))
}

/// Asks for a value, showing the one that holds when nothing is typed; `check` says what is wrong with an answer.
pub(crate) fn value(
    question: &str,
    default: &str,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<String, Failure> {
    Input::with_theme(&SimpleTheme)
        .with_prompt(question)
        .default(default.to_owned())
        .show_default(!default.is_empty())
        .allow_empty(true)
        .validate_with(|text: &String| check(text.trim()))
        .interact_text()
        .map(|text: String| text.trim().to_owned())
        .map_err(|error| unanswered(&error))
}

/// Asks for a passphrase, which is not shown.
pub(crate) fn passphrase(question: &str) -> Result<SecretString, Failure> {
    Password::with_theme(&SimpleTheme)
        .with_prompt(question)
        .interact()
        .map(SecretString::from)
        .map_err(|error| unanswered(&error))
}

/// Asks for a new passphrase, twice; `check` says what is wrong with one.
pub(crate) fn new_passphrase(
    question: &str,
    check: &dyn Fn(&str) -> Result<(), String>,
) -> Result<SecretString, Failure> {
    Password::with_theme(&SimpleTheme)
        .with_prompt(question)
        .with_confirmation("The same again", "these are two different ones")
        .validate_with(|text: &String| check(text))
        .interact()
        .map(SecretString::from)
        .map_err(|error| unanswered(&error))
}

fn unanswered(error: &dialoguer::Error) -> Failure {
    Failure::of(Exit::Unconfirmed, error).hint("give the answers as flags, and `--yes`")
}
