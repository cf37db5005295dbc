//! Programs run in a container, with a file at either end.

use std::path::{Path, PathBuf};

use aiplat_core::text::Text;
use futures_util::StreamExt;
use tokio::fs::File;
use tokio::io::{AsyncWrite, AsyncWriteExt};

use crate::engine::{Engine, EngineError, ExecRequest, UserOf};

/// How much of what a program says of its failure is kept, bytes.
const KEPT: usize = 4096;

/// The files at a program's ends.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ends<'p> {
    /// What it reads; nothing when absent.
    pub(crate) input: Option<&'p Path>,
    /// Where its output goes; forgotten when absent.
    pub(crate) output: Option<&'p Path>,
    /// A line that it reads before all else: a secret, which would be seen by others in an argument.
    pub(crate) line: Option<&'p Text>,
}

/// Why a program did not come to a good end.
#[derive(Debug)]
pub(crate) enum ProgramError {
    /// The engine said no.
    Engine(EngineError),
    /// A file at one of its ends could not be read or written.
    File {
        what: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    /// It ended with another code than 0: what it said.
    Failed(String),
}

impl From<EngineError> for ProgramError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl ProgramError {
    fn file(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { what, path, source }
    }
}

/// Runs a program in a container to its end; one that fails is an error with its own words.
pub(crate) async fn run<E: Engine>(
    engine: &E,
    container: &str,
    argv: Vec<String>,
    ends: Ends<'_>,
) -> Result<(), ProgramError> {
    let request = ExecRequest {
        argv,
        user: UserOf::Container,
        stdin: ends.input.is_some() || ends.line.is_some(),
        terminal: None,
    };
    let attached = engine.exec_attach(container, &request).await?;
    let (exec, mut output) = (attached.exec, attached.output);
    let mut said = Vec::new();
    let drain = async {
        let mut file = match ends.output {
            Some(path) => Some(create(path).await?),
            None => None,
        };
        while let Some(piece) = output.next().await {
            let piece = piece?;
            match &mut file {
                Some(file) if !piece.stderr => {
                    let path = ends.output.unwrap_or(Path::new(""));
                    let written = file.write_all(&piece.bytes).await;
                    written.map_err(ProgramError::file("write", path))?;
                }
                _ => {
                    let room = KEPT.saturating_sub(said.len()).min(piece.bytes.len());
                    said.extend_from_slice(&piece.bytes[..room]);
                }
            }
        }
        if let (Some(mut file), Some(path)) = (file, ends.output) {
            file.flush()
                .await
                .map_err(ProgramError::file("write", path))?;
            file.sync_all()
                .await
                .map_err(ProgramError::file("write", path))?;
        }
        Ok::<_, ProgramError>(())
    };
    let fed = async {
        let mut to = attached.input;
        if let Some(line) = ends.line {
            let line = format!("{}\n", line.expose());
            let sent = to.write_all(line.as_bytes()).await;
            sent.map_err(ProgramError::file("write", Path::new("standard input")))?;
        }
        match ends.input {
            Some(path) => feed(path, to).await,
            None if ends.line.is_some() => to
                .shutdown()
                .await
                .map_err(ProgramError::file("close", Path::new("standard input"))),
            None => Ok(()),
        }
    };
    let (drained, fed) = tokio::join!(drain, fed);
    drained?;
    let code = engine.exec_exit(&exec).await?;
    if code != 0 {
        let said = String::from_utf8_lossy(&said);
        return Err(ProgramError::Failed(format!(
            "exit code {code}: {}",
            said.trim()
        )));
    }
    // a program that ended well without reading to the end is content
    fed.or_else(|error| match &error {
        ProgramError::File { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe => {
            Ok(())
        }
        _ => Err(error),
    })
}

async fn create(path: &Path) -> Result<File, ProgramError> {
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options
        .open(path)
        .await
        .map_err(ProgramError::file("write", path))
}

async fn feed(path: &Path, mut to: impl AsyncWrite + Unpin) -> Result<(), ProgramError> {
    let mut file = File::open(path)
        .await
        .map_err(ProgramError::file("read", path))?;
    let copied = tokio::io::copy(&mut file, &mut to).await;
    copied.map_err(ProgramError::file("read", path))?;
    to.shutdown()
        .await
        .map_err(ProgramError::file("read", path))
}
