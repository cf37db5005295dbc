//! `aiplat exec`

use aiplat_core::names::ServiceName;
use aiplat_core::observed::ContainerState;
use aiplat_docker::engine::{Engine, EngineError, ExecAttached, ExecPiece, ExecRequest, UserOf};
use aiplat_docker::stack::own_container;
use clap::Args;
use futures_util::StreamExt;
use serde_json::json;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::signal::unix::{SignalKind, signal};

use super::Ended;
use crate::exit::Exit;
use crate::failure::{Failure, no_container};
use crate::printer::Printer;
use crate::session::Session;
use crate::terminal::{self, Raw};

/// How an engine's runtime begins when it could not begin the program.
const REFUSED: &[u8] = b"OCI runtime exec failed";

/// What a shell ends with where there is no such program, and where there is one that cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;

/// Run a command in a service's container, as the service's own user.
///
/// At a terminal it gets a terminal of its own; otherwise, or with `-T`, input, output and error output are passed on as
/// they are, so that it can stand in a pipe. It ends with the exit code of the command in the container, and as a shell
/// does with 127 where there is no such program and with 126 where it cannot be run. With `--json` the input is empty,
/// and the document has both outputs.
///
/// The command runs outside of the service: nothing is logged of it, and it ends with its input or by itself. Everybody
/// who may see the engine's processes sees its arguments: give secrets by its input.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat exec postgres psql -U postgres
      at a terminal
  aiplat exec -T postgres -- pg_dump -U postgres -Fc litellm > litellm.dump
  echo 'select 1' | aiplat exec postgres psql -U postgres")]
pub(crate) struct Exec {
    /// No terminal for it, even at a terminal
    #[arg(short = 'T', long)]
    no_tty: bool,
    /// The service
    service: ServiceName,
    /// Program and arguments
    #[arg(
        value_name = "ARGV",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    argv: Vec<String>,
}

impl Exec {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let engine = session.engine().await?;
        let found = own_container(&engine, &opened.config, &self.service).await?;
        let Some(found) = found else {
            return Err(no_container(
                &opened.config,
                std::slice::from_ref(&self.service),
            ));
        };
        if found.state != ContainerState::Running {
            let words = format!("`{}` does not run: {}", self.service, found.status);
            return Err(Failure::new(Exit::Unhealthy, words).hint("`aiplat deploy` starts it"));
        }
        let environment = &session.environment;
        let json = session.printer.is_json();
        let wanted = environment.terminal_in && environment.terminal_out && !self.no_tty && !json;
        let terminal = if wanted { terminal::size() } else { None };
        let request = ExecRequest {
            argv: self.argv.clone(),
            user: UserOf::Container,
            stdin: true,
            terminal,
        };
        let attached = engine.exec_attach(&found.id, &request).await?;
        if json {
            return self.collected(session, &engine, attached).await;
        }
        let raw = terminal.and_then(|_| Raw::take());
        let exec = attached.exec.clone();
        let passed = passed_on(&engine, attached, raw.is_some()).await;
        drop(raw);
        let held = passed?;
        let code = engine.exec_exit(&exec).await?;
        if let Some(held) = held {
            self.begun(code, &held.bytes)?;
            show(&held);
        }
        Ok(ended(code))
    }

    /// The program was begun. Where the engine could not, it says so in the program's place, in its runtime's words and
    /// with a code of its own version.
    fn begun(&self, code: i64, said: &[u8]) -> Result<(), Failure> {
        if said.is_empty() || !matches!(code, 126 | 127) {
            return Ok(());
        }
        let program = self.argv.first().map_or("", String::as_str);
        let said = String::from_utf8_lossy(said);
        let absent = ["executable file not found", "no such file or directory"];
        Err(if absent.iter().any(|words| said.contains(words)) {
            let words = format!("`{program}`: expected a program of the container, found none");
            Failure::new(Exit::Program(NOT_FOUND), words)
        } else {
            let words = format!("`{program}` cannot be run in the container");
            Failure::new(Exit::Program(NOT_RUN), words).all([said.trim()])
        })
    }

    /// Without input, and with all output in one document.
    async fn collected<E: Engine>(
        &self,
        session: &Session,
        engine: &E,
        mut attached: ExecAttached,
    ) -> Ended {
        // one that ends at once has no input to end any more
        let _ = attached.input.shutdown().await;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        while let Some(piece) = attached.output.next().await {
            let piece = piece?;
            let to = if piece.stderr { &mut err } else { &mut out };
            to.extend_from_slice(&piece.bytes);
        }
        let code = engine.exec_exit(&attached.exec).await?;
        let said = [&out, &err].into_iter().find(|o| o.starts_with(REFUSED));
        self.begun(code, said.map_or(&[], Vec::as_slice))?;
        session.printer.document(&json!({
            "exit_code": code,
            "stdout": String::from_utf8_lossy(&out),
            "stderr": String::from_utf8_lossy(&err),
        }));
        Ok(ended(code))
    }
}

fn show(piece: &ExecPiece) {
    Printer::bytes(&piece.bytes, piece.stderr);
}

/// Passes input and output on until the command ends; gives back what may be a runtime's word in its place.
async fn passed_on<E: Engine>(
    engine: &E,
    mut attached: ExecAttached,
    terminal: bool,
) -> Result<Option<ExecPiece>, EngineError> {
    let (mut first, mut held) = (true, None);
    let resized = signal(SignalKind::window_change());
    let mut resized = resized.ok().filter(|_| terminal);
    let feed = feed(&mut attached.input);
    let mut feed = std::pin::pin!(feed);
    let mut given = false;
    loop {
        tokio::select! {
            piece = attached.output.next() => match piece {
                Some(piece) => {
                    let piece = piece?;
                    if std::mem::take(&mut first) && piece.bytes.starts_with(REFUSED) {
                        held = Some(piece);
                        continue;
                    }
                    // a program that wrote such words, and more
                    held.take().iter().chain([&piece]).for_each(show);
                }
                None => return Ok(held),
            },
            () = &mut feed, if !given => given = true,
            () = changed(resized.as_mut()) => {
                if let Some(size) = terminal::size() {
                    // one that ended in this moment has no terminal any more
                    let _ = engine.exec_resize(&attached.exec, size).await;
                }
            }
        }
    }
}

/// Gives the command its input, to the end. One that does not read it any more is its own business.
async fn feed(to: &mut (impl AsyncWrite + Unpin)) {
    let mut input = terminal::input();
    while let Some(piece) = input.recv().await {
        if to.write_all(&piece).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// Ends when the terminal has another size; never where there is none.
async fn changed(resized: Option<&mut tokio::signal::unix::Signal>) {
    match resized {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

fn ended(code: i64) -> Exit {
    Exit::Program(u8::try_from(code).unwrap_or(u8::MAX))
}
