//! What aiplat's developers run: `cargo xtask bench` holds the product's speed to Compose's and to the engine's own.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a tool whose whole result is what it prints

mod bench;
mod floor;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Any failure, in words.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Tools of aiplat's developers")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sixteen tiny services by aiplat, by Compose and by the bare engine API: ratios, calls, memory
    Bench(bench::Options),
    /// One measured process: runs a command, writes its wall clock and peak memory to a file
    #[command(hide = true)]
    Measure(bench::measure::Options),
    /// The least that brings the services up: parallel calls of the engine's API
    #[command(hide = true)]
    Floor(floor::Options),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Bench(options) => bench::run(&options),
        Command::Measure(options) => return bench::measure::run(&options),
        Command::Floor(options) => on_threads(floor::run(options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// The kind of runtime that the `aiplat` command has.
fn on_threads(work: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}
