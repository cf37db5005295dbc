//! Running a command in a container.

use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, ResizeExecOptions, StartExecOptions, StartExecResults};
use futures_util::StreamExt;

use super::raw::pieces;
use super::{Bollard, fault};
use crate::engine::{
    Answer, EngineError, ExecAttached, ExecOutput, ExecPiece, ExecRequest, TerminalSize, UserOf,
};

/// How much of a command's output is kept, bytes.
const KEPT: usize = 64 * 1024;

impl Bollard {
    pub(super) async fn run(&self, id: &str, user: UserOf, argv: &[String]) -> Answer<ExecOutput> {
        let request = ExecRequest {
            argv: argv.to_vec(),
            user,
            stdin: false,
            terminal: None,
        };
        let mut attached = self.attach(id, &request).await?;
        let mut kept = Vec::new();
        while let Some(piece) = attached.output.next().await {
            let piece = piece?.bytes;
            let room = KEPT.saturating_sub(kept.len()).min(piece.len());
            kept.extend_from_slice(&piece[..room]);
        }
        let what = format!("run a command in container `{id}`");
        Ok(ExecOutput {
            exit_code: self.exit_code(&attached.exec, &what).await?,
            output: String::from_utf8_lossy(&kept).into_owned(),
        })
    }

    pub(super) async fn attach(&self, id: &str, request: &ExecRequest) -> Answer<ExecAttached> {
        let what = format!("run a command in container `{id}`");
        let tty = request.terminal.is_some();
        let options = CreateExecOptions {
            attach_stdin: Some(request.stdin),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(tty),
            detach_keys: None,
            env: None,
            cmd: Some(request.argv.clone()),
            privileged: Some(false),
            user: match request.user {
                UserOf::Container => None,
                UserOf::Owner(owner) => Some(format!("{}:{}", owner.uid, owner.gid)),
            },
            working_dir: None,
        };
        let exec = self
            .ask(&what, self.docker.create_exec(id, options))
            .await?
            .id;
        if let Some(size) = request.terminal {
            let (read, write) = self.start_bare(&exec, &what).await?;
            // one that has ended already has no terminal any more
            let _ = self.resize(&exec, size).await;
            return Ok(ExecAttached {
                exec,
                input: Box::pin(write),
                output: pieces(read, self.address.clone()),
            });
        }
        let start = StartExecOptions {
            detach: false,
            tty,
            output_capacity: None,
        };
        let started = self
            .ask(&what, self.docker.start_exec(&exec, Some(start)))
            .await?;
        let StartExecResults::Attached { output, input } = started else {
            return Err(EngineError::Garbled {
                what,
                words: "no streams in it".to_owned(),
            });
        };
        let address = self.address.clone();
        let output = output.map(move |piece| match piece {
            Ok(piece) => Ok(ExecPiece {
                stderr: matches!(piece, LogOutput::StdErr { .. }),
                bytes: piece.into_bytes(),
            }),
            Err(error) => Err(fault::typed(&error, &what, &address)),
        });
        Ok(ExecAttached {
            exec,
            input,
            output: Box::pin(output),
        })
    }

    pub(super) async fn exit_code(&self, exec: &str, what: &str) -> Answer<i64> {
        let ended = self.ask(what, self.docker.inspect_exec(exec)).await?;
        ended.exit_code.ok_or_else(|| EngineError::Garbled {
            what: what.to_owned(),
            words: "no exit code in it".to_owned(),
        })
    }

    pub(super) async fn resize(&self, exec: &str, size: TerminalSize) -> Answer<()> {
        let options = ResizeExecOptions {
            height: size.rows,
            width: size.columns,
        };
        let what = "resize a terminal";
        self.ask(what, self.docker.resize_exec(exec, options)).await
    }
}
