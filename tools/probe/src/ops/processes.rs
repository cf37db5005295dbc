//! Other processes: one's own children, the host's, another stack's.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Op;
use crate::answer::{Failure, Outcome};
use crate::vm;

pub(super) const OPS: &[(&str, usize, Op)] = &[
    ("signal", 1, |a| {
        Ok(kill(pid(a[0])?, None).and_then(|()| kill(pid(a[0])?, Signal::SIGCONT))?)
    }),
    ("trace", 1, |a| trace(pid(a[0])?)),
    ("read-environment", 1, |a| {
        let mut text = Vec::new();
        Ok(File::open(format!("/proc/{}/environ", pid(a[0])?))?
            .read_to_end(&mut text)
            .map(drop)?)
    }),
    ("read-memory", 1, |a| {
        Ok(File::open(format!("/proc/{}/mem", pid(a[0])?)).map(drop)?)
    }),
    ("look-at-root", 1, |a| {
        Ok(fs::read_link(format!("/proc/{}/root", pid(a[0])?)).map(drop)?)
    }),
    ("signal-own", 0, |_| signal_own()),
    ("trace-own", 0, |_| with_child(trace)),
    ("read-environment-own", 0, |_| {
        with_child(|child| Ok(fs::read(format!("/proc/{child}/environ")).map(drop)?))
    }),
];

fn pid(word: &str) -> Result<Pid, nix::errno::Errno> {
    word.parse()
        .map(Pid::from_raw)
        .map_err(|_| nix::errno::Errno::ESRCH)
}

fn trace(pid: Pid) -> Outcome {
    ptrace::attach(pid)?;
    nix::sys::wait::waitpid(pid, None)?;
    Ok(ptrace::detach(pid, None)?)
}

/// A child under the same profile, that only waits.
fn with_child(then: impl FnOnce(Pid) -> Outcome) -> Outcome {
    let mut child = Command::new(vm::PROGRAM)
        .arg("wait")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let outcome = i32::try_from(child.id())
        .map_err(|_| Failure::odd("pid"))
        .and_then(|id| then(Pid::from_raw(id)));
    // where not even this is allowed the container's end takes it along
    if child.kill().is_ok() {
        child.wait()?;
    }
    outcome
}

fn signal_own() -> Outcome {
    let mut child = Command::new(vm::PROGRAM)
        .arg("wait")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let id = i32::try_from(child.id()).map_err(|_| Failure::odd("pid"))?;
    kill(Pid::from_raw(id), Signal::SIGTERM)?;
    match child.wait()?.signal() {
        Some(15) => Ok(()),
        other => Err(Failure::odd(format!("ended-by-{other:?}"))),
    }
}

/// Tries `op` in a child, for operations that change the process that does them.
pub(super) fn in_child(op: &str, arguments: &[&str]) -> Outcome {
    let mut child = Command::new(vm::PROGRAM)
        .arg("op")
        .arg(op)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut word = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut word)?;
    }
    child.wait()?;
    match word.trim() {
        "ok" => Ok(()),
        "EACCES" => Err(nix::errno::Errno::EACCES.into()),
        "EPERM" => Err(nix::errno::Errno::EPERM.into()),
        other => Err(Failure::odd(format!("child-said-{other}"))),
    }
}
