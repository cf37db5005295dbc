//! The parent's side.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::protocol::{Attempt, Entry, Ready, Seen};

/// Longest time to get into place.
const ENTERING: Duration = Duration::from_secs(20);
/// Longest time for one list of attempts.
const TRYING: Duration = Duration::from_secs(90);

/// A prober that stands in its place.
#[derive(Debug)]
pub struct Prober {
    /// Where it listens, when it was asked to.
    pub ready: Ready,
    child: Child,
    to: Option<ChildStdin>,
    from: Lines<BufReader<ChildStdout>>,
}

/// Why nothing could be tried.
#[derive(Debug, thiserror::Error)]
pub enum ProberError {
    /// The program could not be started.
    #[error("the prober `{}` could not be started: {source}", .program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It did not get into its place.
    #[error("the prober could not {words}")]
    Enter {
        /// Its words.
        words: String,
    },
    /// It stopped talking.
    #[error("the prober {what}")]
    Broken {
        /// In words.
        what: &'static str,
    },
}

impl Prober {
    /// Starts `command` (a program that calls [`super::serve`], and its arguments) and puts it into place.
    ///
    /// # Errors
    /// [`ProberError`].
    pub async fn start(command: &[OsString], entry: &Entry) -> Result<Self, ProberError> {
        let (program, arguments) = command.split_first().ok_or(ProberError::Broken {
            what: "has no program",
        })?;
        let start = |source| ProberError::Start {
            program: program.into(),
            source,
        };
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(start)?;
        let to = child.stdin.take();
        let out = child.stdout.take().ok_or(ProberError::Broken {
            what: "has no output",
        })?;
        let mut prober = Self {
            ready: Ready::default(),
            child,
            to,
            from: BufReader::new(out).lines(),
        };
        prober.ready = prober.ask(entry, ENTERING).await?;
        if prober.ready.failed.is_empty() {
            return Ok(prober);
        }
        let words = std::mem::take(&mut prober.ready.failed);
        prober.end().await;
        Err(ProberError::Enter { words })
    }

    /// Tries all of these, and answers in their order.
    ///
    /// # Errors
    /// [`ProberError::Broken`]; nothing is known of any of them then.
    pub async fn attempt(&mut self, attempts: &[Attempt]) -> Result<Vec<Seen>, ProberError> {
        if attempts.is_empty() {
            return Ok(Vec::new());
        }
        let seen: Vec<Seen> = self.ask(&attempts, TRYING).await?;
        if seen.len() == attempts.len() {
            return Ok(seen);
        }
        Err(ProberError::Broken {
            what: "answered fewer things than it was asked",
        })
    }

    /// Its number on the host, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Lets it go, and waits for its end.
    pub async fn end(mut self) {
        drop(self.to.take());
        if timeout(Duration::from_secs(2), self.child.wait())
            .await
            .is_err()
        {
            let _ = self.child.kill().await;
        }
    }

    async fn ask<T: DeserializeOwned>(
        &mut self,
        what: &impl serde::Serialize,
        within: Duration,
    ) -> Result<T, ProberError> {
        let broken = |what| ProberError::Broken { what };
        let mut line = serde_json::to_vec(what).map_err(|_| broken("cannot be asked that"))?;
        line.push(b'\n');
        let to = self.to.as_mut().ok_or(broken("was let go"))?;
        let exchange = async {
            to.write_all(&line).await.map_err(|_| broken("ended"))?;
            to.flush().await.map_err(|_| broken("ended"))?;
            let answer = self.from.next_line().await.map_err(|_| broken("ended"))?;
            serde_json::from_str(&answer.ok_or(broken("ended"))?)
                .map_err(|_| broken("answered something else"))
        };
        timeout(within, exchange)
            .await
            .map_err(|_| broken("did not answer in time"))?
    }
}
