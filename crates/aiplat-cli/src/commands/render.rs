//! `aiplat render`

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aiplat_core::compose::{SecretsAs, compose, variables};
use aiplat_core::desired::desired;
use aiplat_docker::engine::Engine;
use aiplat_docker::stack::PrepareError;
use clap::Args;
use serde_json::json;

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// Print the stack as a Compose file.
///
/// The same containers as plain Compose, so that nobody is locked in: images, users, mounts, limits, hardening, health
/// checks and order. What Compose has no words for is named in the head of the file.
///
/// Secrets never stand in the file unless `--with-secrets` is given: it has variables, which Compose refuses to leave
/// empty. `--output DIR` writes `compose.yaml` and the `.env` that gives them (mode 0600), ready to use.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat render
      look at it
  aiplat render --output /root/ai && docker compose --project-directory /root/ai config
      files that Compose takes as they are
  aiplat teardown --yes && docker compose --project-directory /root/ai up -d --wait
      go on without aiplat, with the same data")]
pub(crate) struct Render {
    /// Write `compose.yaml` and `.env` into this directory
    #[arg(short, long, value_name = "DIR", conflicts_with = "with_secrets")]
    output: Option<PathBuf>,
    /// Put the secrets themselves into what is printed
    #[arg(long)]
    with_secrets: bool,
}

impl Render {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let config = &opened.config;
        let facts = session.engine().await?.facts().await?;
        let desired = desired(config, &session.catalogue, &facts).map_err(PrepareError::Desired)?;
        let secrets = if self.with_secrets {
            SecretsAs::Values
        } else {
            SecretsAs::Variables
        };
        let file = compose(config.name(), &desired, secrets)
            .map_err(|e| Failure::of(Exit::Failure, &e))?;
        let Some(dir) = self.output else {
            session
                .printer
                .result(&json!({ "compose": file }), || file.clone());
            return Ok(Exit::Ok);
        };
        let failed = |error: std::io::Error| Failure::of(Exit::Host, &error);
        fs_err::create_dir_all(&dir).map_err(failed)?;
        write(&dir.join("compose.yaml"), &file, 0o644).map_err(failed)?;
        write(&dir.join(".env"), &variables(&config.secrets), 0o600).map_err(failed)?;
        let outcome = json!({"files": [dir.join("compose.yaml"), dir.join(".env")]});
        session.printer.result(&outcome, || {
            format!(
                "{0}/compose.yaml and {0}/.env are written; the .env has the secrets.",
                dir.display()
            )
        });
        Ok(Exit::Ok)
    }
}

/// Writes a new file beside the old one and puts it in its place, so that it never has a wider mode than wanted.
fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let new = path.with_extension("new");
    let _ = fs_err::remove_file(&new);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs_err::rename(&new, path)
}
