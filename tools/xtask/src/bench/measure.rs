//! One process, measured from its start to its end by a small process beside it.
//!
//! The kernel counts the memory of whoever starts a process as a first peak of that process: this one is small, so that
//! what is read is the measured one's own.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

use crate::Result;

/// The command, and where the measurement goes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[arg(long)]
    out: PathBuf,
    #[arg(required = true, last = true)]
    command: Vec<String>,
}

/// What a process took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// Wall clock from before its start until it has ended, seconds.
    pub(crate) seconds: f64,
    /// Most memory that it, or the largest of those it started, had at once, KiB.
    pub(crate) peak_kib: i64,
    /// Processor time of it and of those it started, seconds.
    pub(crate) cpu_seconds: f64,
}

/// The measuring process.
pub(crate) fn run(options: &Options) -> ExitCode {
    let began = Instant::now();
    let status = Command::new(&options.command[0])
        .args(&options.command[1..])
        .stdin(Stdio::null())
        .status();
    let took = began.elapsed();
    let written = getrusage(UsageWho::RUSAGE_CHILDREN)
        .map_err(crate::Failure::from)
        .and_then(|usage| {
            let cpu = [usage.user_time(), usage.system_time()];
            let measured = Measured {
                seconds: took.as_secs_f64(),
                peak_kib: usage.max_rss(),
                cpu_seconds: cpu.iter().map(seconds).sum(),
            };
            let json = serde_json::to_vec(&measured)?;
            Ok(std::fs::write(&options.out, json)?)
        });
    match (status, written) {
        (Ok(status), Ok(())) if status.success() => ExitCode::SUCCESS,
        (Ok(status), Ok(())) => {
            eprintln!("`{}` ended with {status}", options.command[0]);
            ExitCode::FAILURE
        }
        (Err(error), _) => {
            eprintln!("`{}`: {error}", options.command[0]);
            ExitCode::FAILURE
        }
        (_, Err(failure)) => {
            eprintln!("the measurement was not written: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn seconds(time: &nix::sys::time::TimeVal) -> f64 {
    let micros = u64::try_from(time.tv_usec()).unwrap_or(0);
    let whole = u64::try_from(time.tv_sec()).unwrap_or(0);
    (Duration::from_secs(whole) + Duration::from_micros(micros)).as_secs_f64()
}

/// A command to measure.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) command: Vec<String>,
    /// The whole environment beside `PATH`.
    pub(crate) environment: Vec<(String, String)>,
}

/// Runs a task under the measuring process `tool`; what it said is in the failure where it fails.
pub(crate) fn measured(tool: &Path, scratch: &Path, task: &Task) -> Result<Measured> {
    let out = scratch.join("measured.json");
    let path = std::env::vars().find(|(key, _)| key == "PATH");
    let done = Command::new(tool)
        .arg("measure")
        .arg("--out")
        .arg(&out)
        .arg("--")
        .args(&task.command)
        .env_clear()
        .envs(path)
        .envs(task.environment.iter().cloned())
        .stdin(Stdio::null())
        .output()?;
    if !done.status.success() {
        let said = [done.stdout, done.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().collect();
        let last = lines[lines.len().saturating_sub(30)..].join("\n");
        return Err(format!("{}:\n{last}", task.command.join(" ")).into());
    }
    if std::env::vars().any(|(key, _)| key == "AIPLAT_BENCH_SHOW") {
        eprint!("{}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(serde_json::from_slice(&std::fs::read(out)?)?)
}
