//! Running the command, and what came of it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

/// No run of a test takes this long unless it hangs, on no machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// A run that ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// Exit code; -1 for a run that a signal ended.
    pub(crate) code: i32,
    pub(crate) signal: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A run that goes on, and what it was told.
#[derive(Debug)]
pub(crate) struct Running(Child, String);

/// So many runs of a test are told when it fails.
const TOLD: usize = 4;

thread_local! {
    /// The last runs of this thread's test, in words.
    static RUNS: RefCell<VecDeque<String>> = const { RefCell::new(VecDeque::new()) };
}

/// The last runs, oldest first; forgotten by that.
pub(crate) fn last_runs() -> VecDeque<String> {
    RUNS.take()
}

/// Starts a run.
pub(crate) fn start(mut command: Command) -> Running {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let line = command.get_args().map(|word| word.to_string_lossy());
    let line = line.collect::<Vec<_>>().join(" ");
    Running(command.spawn().expect("the command starts"), line)
}

impl Running {
    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits for the end; a run that hangs is killed and fails the test.
    pub(crate) fn end(self) -> Run {
        let pid = rustix::process::Pid::from_child(&self.0);
        let (sender, receiver) = mpsc::channel();
        let Self(child, line) = self;
        std::thread::spawn(move || sender.send(child.wait_with_output()));
        if let Ok(output) = receiver.recv_timeout(PATIENCE) {
            let run = Run::of(&output.expect("the command's output"));
            run.note(&line);
            return run;
        }
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        let said = receiver.recv().ok().and_then(Result::ok);
        let said = said.map(|output| Run::of(&output).said());
        panic!(
            "expected an end within {} s: {line}\n{}",
            PATIENCE.as_secs(),
            said.unwrap_or_default()
        );
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

    fn note(&self, line: &str) {
        let end = |text: &str, most: usize| {
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(most)..].join("\n")
        };
        let (code, signal) = (self.code, self.signal);
        let (out, err) = (end(&self.out, 10), end(&self.err, 30));
        let words = format!("$ {line}\nexit {code}, signal {signal:?}\n{out}\n{err}");
        RUNS.with_borrow_mut(|runs| {
            runs.push_back(words);
            if runs.len() > TOLD {
                runs.pop_front();
            }
        });
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
