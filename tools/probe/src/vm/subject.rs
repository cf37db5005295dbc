//! The process under test.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use crate::answer::{Failure, Outcome, Word};
use crate::{lines, ops};

/// The profile argument that means none.
pub(crate) const UNCONFINED: &str = "-";

/// Becomes `command` under `profile` and as `user`, the way runc does: asks for the change at the
/// next exec, lets go of root for good where it is to be somebody else, and then execs. Says why
/// where that fails, which is what a missing profile looks like.
pub(crate) fn run_as(profile: &str, user: &str, command: &[&str]) -> ExitCode {
    let outcome = ask(profile).and_then(|()| {
        let user: u32 = user.parse().map_err(|_| Failure::odd("user"))?;
        let mut command_line = Command::new(command[0]);
        command_line.args(&command[1..]);
        if user != 0 {
            rustix::thread::set_no_new_privs(true)?;
            command_line.uid(user).gid(user);
        }
        Err(command_line.exec().into())
    });
    lines::say(&format!("failed\t{}", Word(outcome)));
    ExitCode::FAILURE
}

fn ask(profile: &str) -> Outcome {
    if profile == UNCONFINED {
        return Ok(());
    }
    let mut attribute = OpenOptions::new()
        .write(true)
        .open("/proc/thread-self/attr/apparmor/exec")?;
    attribute
        .write_all(format!("exec {profile}").as_bytes())
        .map_err(Failure::from)
}

/// Answers one word for each line `operation<TAB>argument…`, until the input ends.
pub(crate) fn serve() -> ExitCode {
    lines::say("ready");
    let mut input = io::stdin().lock();
    while let Some(line) = lines::next(&mut input) {
        let words: Vec<&str> = line.split('\t').collect();
        lines::say(&ops::run(words[0], &words[1..]).to_string());
    }
    ExitCode::SUCCESS
}
