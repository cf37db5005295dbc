//! Tables of the manual that are made from what the command is built of, so that they cannot differ from it.
//!
//! `AIPLAT_BLESS=1 cargo test -p aiplat-cli --test command manual` writes them anew.

use std::fmt::Write;

use aiplat_cli::Exit;
use aiplat_core::catalogue::Catalogue;
use aiplat_core::settings::KnownKeys;
use aiplat_core::settings::keys::KEYS;
use clap::{Arg, Command};

use crate::pages::root;

/// Holds the part of a page between its two remarks against `text`, or writes it there.
#[track_caller]
#[allow(
    clippy::disallowed_methods,
    reason = "the usual way to have made files written anew"
)]
fn made(page: &str, part: &str, text: &str) {
    let path = root().join("docs/manual").join(page);
    let whole = std::fs::read_to_string(&path).expect("the page");
    let (begin, end) = (
        format!("<!-- made by a test: {part} -->\n"),
        "<!-- made until here -->",
    );
    let (head, rest) = whole.split_once(&begin).expect("the part's first remark");
    let (old, tail) = rest.split_once(end).expect("the part's last remark");
    let text = format!("\n{}\n\n", text.trim());
    if std::env::var_os("AIPLAT_BLESS").is_some() {
        std::fs::write(&path, format!("{head}{begin}{text}{end}{tail}")).expect("the page");
        return;
    }
    assert!(
        old == text,
        "docs/manual/{page} is not what the command says: run `AIPLAT_BLESS=1 cargo test -p aiplat-cli --test command manual`"
    );
}

#[test]
fn exit_codes() {
    let mut text = String::from("| code | in JSON | meaning |\n|---|---|---|\n");
    for exit in Exit::ALL {
        let _ = writeln!(
            text,
            "| {} | `{}` | {} |",
            exit.code(),
            exit.word(),
            exit.about()
        );
    }
    made("exit-codes.md", "exit codes", &text);
}

#[test]
fn keys_of_the_manifest() {
    let mut text = String::new();
    let mut group = None;
    for key in KEYS {
        if group != Some(key.group) {
            group = Some(key.group);
            let title = key.group.title();
            let _ = writeln!(
                text,
                "\n### {title}\n\n| key | what it is for | default |\n|---|---|---|"
            );
        }
        let about = key.about.replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{}` | {about} | {} |",
            key.name,
            key.default.words()
        );
    }
    made("manifest.md", "keys", &text);
}

#[test]
fn keys_that_services_bring() {
    let catalogue = Catalogue::built_in().expect("the built-in catalogue");
    let mut text = String::from("| service | image | secrets | ports |\n|---|---|---|---|\n");
    let known = |key: &str| KEYS.iter().any(|k| k.name == key);
    for service in catalogue.services() {
        let code = |keys: Vec<&str>| {
            keys.iter()
                .map(|k| format!("`{k}`"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let secrets = service
            .secrets
            .iter()
            .filter_map(|s| s.key.as_deref())
            .filter(|k| !known(k));
        let ports = service.ports.iter().filter_map(|p| p.key.as_deref());
        let image = KnownKeys::image_key(&service.name);
        let _ = writeln!(
            text,
            "| {} | `{image}` | {} | {} |",
            service.name,
            code(secrets.collect()),
            code(ports.collect())
        );
    }
    made("manifest.md", "keys of services", &text);
}

#[test]
fn commands_and_their_flags() {
    let mut command = aiplat_cli::command();
    command.build();
    let mut text = String::new();
    let everywhere = |a: &&Arg| a.is_global_set();
    text += "## Flags for every command\n\n";
    flags(&mut text, command.get_arguments().filter(everywhere));
    section(
        &mut text,
        &command,
        "aiplat",
        command.find_subcommand("deploy").expect("deploy"),
    );
    made("commands.md", "commands", &text);
}

fn section(text: &mut String, command: &Command, path: &str, deploy: &Command) {
    for sub in command.get_subcommands() {
        if sub.is_hide_set() || sub.get_name() == "help" {
            continue;
        }
        let path = format!("{path} {}", sub.get_name());
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(text, "\n## `{path}`\n\n{about}\n");
        let usage = sub.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").trim();
        let _ = writeln!(text, "    {usage}\n");
        let own: Vec<&Arg> = sub
            .get_arguments()
            .filter(|a| {
                !a.is_global_set()
                    && !a.is_hide_set()
                    && !["help", "version"].contains(&a.get_id().as_str())
            })
            .collect();
        // the settings of a stack are told once, under deploy
        let settings = |a: &Arg| a.get_help_heading() == Some("Settings of the stack");
        let shared = sub.get_name() != deploy.get_name() && own.iter().any(|a| settings(a));
        flags(text, own.into_iter().filter(|a| !(shared && settings(a))));
        if shared {
            *text += "\nThe settings of the stack as for `aiplat deploy`.\n";
        }
        section(text, sub, &path, deploy);
    }
}

fn flags<'a>(text: &mut String, arguments: impl Iterator<Item = &'a Arg>) {
    for argument in arguments {
        let help = argument
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        let _ = writeln!(text, "- `{}` — {help}", shape(argument));
    }
}

/// `-n, --lines <NUMBER>`
fn shape(argument: &Arg) -> String {
    let names = argument.get_value_names().unwrap_or_default();
    let takes = argument.get_num_args().is_some_and(|n| n.takes_values());
    let values: Vec<String> = names
        .iter()
        .filter(|_| takes)
        .map(|n| format!("<{n}>"))
        .collect();
    let long = argument.get_long().map(|l| format!("--{l}"));
    let short = argument.get_short().map(|s| format!("-{s}"));
    let flag: Vec<String> = short.into_iter().chain(long).collect();
    let parts: Vec<String> = [flag.join(", "), values.join(" ")]
        .into_iter()
        .filter(|p| !p.is_empty())
        .collect();
    parts.join(" ")
}
