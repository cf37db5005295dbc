//! Running a command in a container.

use bollard::exec::{CreateExecOptions, StartExecResults};
use futures_util::StreamExt;

use super::Bollard;
use crate::engine::{Answer, EngineError, ExecOutput, UserOf};

/// How much of a command's output is kept, bytes.
const KEPT: usize = 64 * 1024;

impl Bollard {
    pub(super) async fn run(&self, id: &str, user: UserOf, argv: &[String]) -> Answer<ExecOutput> {
        let what = format!("run a command in container `{id}`");
        let options = CreateExecOptions {
            attach_stdin: Some(false),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            tty: Some(false),
            detach_keys: None,
            env: None,
            cmd: Some(argv.to_vec()),
            privileged: Some(false),
            user: match user {
                UserOf::Container => None,
                UserOf::Owner(owner) => Some(format!("{}:{}", owner.uid, owner.gid)),
            },
            working_dir: None,
        };
        let exec = self
            .ask(&what, self.docker.create_exec(id, options))
            .await?;
        let mut kept = Vec::new();
        match self
            .ask(&what, self.docker.start_exec(&exec.id, None))
            .await?
        {
            StartExecResults::Attached { mut output, .. } => {
                while let Some(piece) = output.next().await {
                    let piece = self.ask(&what, async { piece }).await?.into_bytes();
                    let room = KEPT.saturating_sub(kept.len()).min(piece.len());
                    kept.extend_from_slice(&piece[..room]);
                }
            }
            StartExecResults::Detached => {}
        }
        let ended = self.ask(&what, self.docker.inspect_exec(&exec.id)).await?;
        let exit_code = ended.exit_code.ok_or(EngineError::Garbled {
            what,
            words: "no exit code in it".to_owned(),
        })?;
        Ok(ExecOutput {
            exit_code,
            output: String::from_utf8_lossy(&kept).into_owned(),
        })
    }
}
