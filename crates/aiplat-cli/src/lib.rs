//! The `aiplat` command as a library, so that tests and the documentation can use its parts.
//!
//! Words, prompts, progress and exit codes live here; decisions are made in `aiplat-core`, acts in `aiplat-docker`.
//!
//! ```
//! let command = aiplat_cli::command();
//! assert!(command.get_subcommands().any(|c| c.get_name() == "deploy"));
//! ```

// doc comments of arguments are what people read in the help
#![allow(clippy::doc_markdown)]

mod args;
mod ask;
mod caller;
mod commands;
mod counted;
mod environment;
mod exit;
mod failure;
mod find;
mod kept;
mod keys;
mod live;
mod printer;
mod session;
mod terminal;
mod view;
mod words;

use std::process::ExitCode;

pub use exit::Exit;

/// The command line, with all its words.
pub fn command() -> clap::Command {
    args::command()
}

/// Runs the command with this process' arguments and environment.
pub fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    // before any thread: a process that has several cannot enter a container's mounts
    if arguments
        .get(1)
        .is_some_and(|word| word == commands::verify::PROBER)
    {
        return aiplat_testkit::proof::prober::serve();
    }
    let environment = environment::Environment::of_process();
    let exit = match args::parse(&arguments) {
        Ok(cli) => commands::run(cli, environment),
        Err(stopped) => stopped.tell(&environment, &arguments),
    };
    ExitCode::from(exit.code())
}
