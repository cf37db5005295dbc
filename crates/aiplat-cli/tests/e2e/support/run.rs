//! Running the command, and what came of it.

use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// No run of a test takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(240);

/// A run that ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code; -1 for a run that a signal ended.
    pub(crate) code: i32,
    pub(crate) signal: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A run that goes on.
#[derive(Debug)]
pub(crate) struct Running(Child);

/// Starts a run.
pub(crate) fn start(mut command: Command) -> Running {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Running(command.spawn().expect("the command starts"))
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits for the end; a run that hangs is killed and fails the test.
    pub(crate) fn end(self) -> Run {
        let pid = rustix::process::Pid::from_child(&self.0);
        let (sender, receiver) = mpsc::channel();
        let child = self.0;
        std::thread::spawn(move || sender.send(child.wait_with_output()));
        if let Ok(output) = receiver.recv_timeout(PATIENCE) {
            return Run::of(&output.expect("the command's output"));
        }
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        panic!("expected an end within {} s", PATIENCE.as_secs());
    }
}

impl Run {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            signal: output.status.signal(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Everything that it printed.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// It must have ended well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!((self.code, self.signal), (0, None), "{}", self.said());
        self
    }

    /// It must have failed with this code, and said each of these words.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &[&str]) -> Self {
        let said = self.said();
        assert_eq!((self.code, self.signal), (code, None), "{said}");
        for word in words {
            assert!(said.contains(word), "expected `{word}` in:\n{said}");
        }
        self
    }

    /// The JSON document on standard output, which must hold nothing else.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.said()))
    }
}
