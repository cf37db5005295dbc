//! The command line: what every command shares, and how a wrong one is told.

mod settings;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser};

pub(crate) use settings::SettingsArgs;

use crate::commands::Command;
use crate::environment::Environment;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::printer::Printer;

/// A private AI platform on one container engine, from one `.env` manifest; a second one beside it by other values.
#[derive(Debug, Parser)]
#[command(
    name = "aiplat",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = "Start with `aiplat setup`, or at once with `aiplat deploy`. `aiplat help COMMAND` explains each command \
                  with examples, `aiplat help exit-codes` the exit codes.",
    after_long_help = AFTER
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER: &str = "\
Where values come from, the first that has one: a flag, the process environment, the manifest
(`BASE_DIR/config/.env`), the default. Each key of the manifest may be given in the environment.

Which stack: `--base-dir`, else BASE_DIR, else the folder upwards from here that has `config/.env`; `setup` and
`deploy` make one in /mnt/data where there is none.

Examples:
  aiplat deploy
      the stack of the defaults, in /mnt/data
  BASE_DIR=/mnt/data2 STACK_USER_UID=3000 DOCKER_NETWORK=ai_platform_2 DOMAIN_NAME=ai2.example.org aiplat deploy
      a second stack beside it; everything that is not given is derived and checked
  aiplat --base-dir /mnt/data2 status
      how it stands";

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "For every command")]
#[allow(clippy::struct_excessive_bools)] // each is a flag of its own
pub(crate) struct Global {
    /// The stack's directory [environment: BASE_DIR; else upwards from here]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) base_dir: Option<PathBuf>,
    /// The container engine [environment: AIPLAT_HOST, then DOCKER_HOST; default: unix:///var/run/docker.sock]
    #[arg(short = 'H', long, global = true, value_name = "ADDRESS")]
    pub(crate) host: Option<String>,
    /// Print one JSON document on standard output, errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Agree to what is asked; never asks
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
    /// Print results, warnings and errors only
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// No colours [environment: NO_COLOR]
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
}

/// The command line as `clap` knows it.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// A command line that asks for words only, or that cannot be understood.
#[derive(Debug)]
pub(crate) struct Stopped(clap::Error);

/// Reads the command line.
pub(crate) fn parse(arguments: &[OsString]) -> Result<Cli, Stopped> {
    Cli::try_parse_from(arguments).map_err(Stopped)
}

impl Stopped {
    /// Says what there is to say.
    pub(crate) fn tell(self, environment: &Environment, arguments: &[OsString]) -> Exit {
        let plain = arguments.iter().any(|a| a == "--no-color");
        let json = arguments.iter().any(|a| a == "--json");
        let global = Global {
            no_color: plain,
            json,
            ..Global::default()
        };
        let printer = Printer::new(&global, environment);
        let words = self.0.render().ansi().to_string();
        if matches!(
            self.0.kind(),
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
        ) {
            printer.text(words.trim_end());
            return Exit::Ok;
        }
        if json {
            let words = self.0.to_string();
            let words = words
                .lines()
                .next()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            printer.failure(
                &Failure::new(Exit::Usage, words).hint("`aiplat help` shows what there is"),
            );
        } else {
            printer.usage(words.trim_end());
        }
        Exit::Usage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(command: &clap::Command) -> String {
        command.clone().render_long_help().to_string()
    }

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_in_its_long_help() {
        fn check(command: &clap::Command, path: &str) {
            for sub in command.get_subcommands().filter(|c| c.get_name() != "help") {
                let path = format!("{path} {}", sub.get_name());
                let help = words(sub);
                let shown = help.contains("Example") && help.contains(path.trim());
                assert!(shown, "`{path}` has no example that names it");
                assert!(sub.get_about().is_some(), "`{path}` says nothing of itself");
                let longer = sub.get_long_about().is_some() || sub.has_subcommands();
                let small =
                    ["completions", "man", "list", "show", "check"].contains(&sub.get_name());
                assert!(longer || small, "`{path}` explains nothing");
                check(sub, &path);
            }
        }
        check(&command(), "aiplat");
    }

    #[test]
    fn every_flag_is_explained() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments() {
                let named = ["help", "version"].contains(&argument.get_id().as_str());
                assert!(
                    named || argument.get_help().is_some(),
                    "{} {}",
                    command.get_name(),
                    argument.get_id()
                );
            }
            command.get_subcommands().for_each(check);
        }
        check(&command());
    }

    #[test]
    fn the_flags_for_every_command_stand_before_and_after_it() {
        for line in [
            ["aiplat", "--json", "status"],
            ["aiplat", "status", "--json"],
        ] {
            assert!(Cli::try_parse_from(line).unwrap().global.json);
        }
    }

    #[test]
    fn a_wrong_command_line_is_no_changes() {
        let arguments: Vec<OsString> = ["aiplat", "plan", "--nonsense"].map(Into::into).into();
        let stopped = parse(&arguments).unwrap_err();
        assert_eq!(stopped.tell(&Environment::default(), &arguments).code(), 64);
    }
}
