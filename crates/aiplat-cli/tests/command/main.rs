//! The command from outside, without an engine: words, exit codes, JSON, silence about secrets.

mod manual;
#[path = "../common/pages.rs"]
mod pages;
mod words;
mod wrong;

use std::path::Path;

use assert_cmd::Command;

/// What no output may ever hold.
pub(crate) const CANARY: &str = "canary-3f9a17c2";

/// The command in an environment of its own, with an engine that is not there.
pub(crate) fn aiplat(dir: &Path) -> Command {
    let mut command = Command::cargo_bin("aiplat").expect("the command is built with its tests");
    command
        .env_clear()
        .env("AIPLAT_HOST", "unix:///nonexistent/engine.sock")
        .env("AIPLAT_STATE_DIR", dir.join("state"))
        .current_dir(dir);
    command
}

/// What a run came to: exit code, standard output, standard error. No canary is in either.
pub(crate) fn run(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("the command starts");
    let text = |bytes| String::from_utf8(bytes).expect("words are UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(
        !out.contains(CANARY) && !err.contains(CANARY),
        "a secret is shown:\n{out}\n{err}"
    );
    (output.status.code().unwrap_or(-1), out, err)
}
