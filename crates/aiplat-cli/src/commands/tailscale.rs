//! `aiplat tailscale`

use std::path::PathBuf;

use aiplat_core::plan::PlanProblem;
use aiplat_core::settings::Source;
use aiplat_docker::stack::{PrepareError, sign_in};
use clap::{Args, Subcommand};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use super::Ended;
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::keys;
use crate::live::Live;
use crate::session::Session;
use crate::words::seconds;

/// The manifest key, and the variable, that an auth key is given by.
const VARIABLE: &str = "TAILSCALE_AUTH_KEY";

/// Look after the stack's node in the tailnet.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat tailscale refresh --key-file new-key
      signs the node in again, with the key in that file")]
pub(crate) struct Tailscale {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Refresh(Refresh),
}

/// Sign the node in again with a new auth key, as the same node.
///
/// For a node whose sign-in ends or has ended, or a key that became known. The container and its state stay, and with them
/// the node's name, addresses and rules in the tailnet; OpenClaw, which lives in its network namespace, goes on running.
/// The node gets a new node key and must be connected again, and be the node that it was, or the command fails; a
/// refused key leaves everything as it was.
///
/// The key is made where the tailnet is administered. It is read from `--key-file`, else from TAILSCALE_AUTH_KEY, else
/// asked for at a terminal; it is never an argument, which everybody on the host could read. It is kept with the stack's
/// other secrets. A run that was interrupted is finished by the same command with the same key, even one that works only
/// once; given again when all is done, such a key leaves the node signed in as it is.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat tailscale refresh --key-file new-key
  pass show tailnet/key | aiplat tailscale refresh --key-file -
  TAILSCALE_AUTH_KEY=\"$(pass show tailnet/key)\" aiplat tailscale refresh")]
struct Refresh {
    /// A file whose first line is the new auth key; `-` is standard input
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl Tailscale {
    pub(super) async fn run(self, session: &Session) -> Ended {
        match self.what {
            What::Refresh(refresh) => refresh.run(session).await,
        }
    }
}

impl Refresh {
    async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        // before a key is asked for that nobody could take
        let signs_in = |name| {
            session
                .catalogue
                .get(name)
                .is_some_and(|s| s.sign_in.is_some())
        };
        if !opened.config.selection.services().iter().any(signs_in) {
            return Err(PrepareError::Plan(vec![PlanProblem::NoSignIn]).into());
        }
        let key = self.key(session)?;
        let (engine, host) = (session.engine().await?, session.host());
        let (base_dir, places) = (session.base_dir()?, session.places());
        let catalogue = &session.catalogue;
        let change = sign_in(&engine, &host, catalogue, &base_dir, &places, key).await?;
        let options = session.apply_options(change.standing.observed.engine.cpus);
        let live = Live::of(session);
        let done = change.run(&engine, &host, &options, &live).await;
        live.end();
        let report = done?;
        let written = opened.config.settings.tailscale_auth_key.source();
        if written == Source::Manifest {
            session.printer.warning(&format!(
                "`{VARIABLE}` stands in the manifest too, with a key of before: take it out of `config/.env`, or a \
                 deploy keeps that one again"
            ));
        }
        let document = json!({
            "stack": opened.config.name(),
            "stack_id": opened.config.id,
            "signed_in": true,
            "took_seconds": report.took.as_secs_f64(),
        });
        session.printer.result(&document, || {
            let took = seconds(report.took);
            format!("The node is signed in, as the same node, after {took}; the key is kept.")
        });
        Ok(Exit::Ok)
    }

    fn key(&self, session: &Session) -> Result<SecretString, Failure> {
        let key = match (&self.key_file, session.environment.get(VARIABLE)) {
            (Some(path), _) => {
                let text = keys::read(session, path)?;
                let first = text.expose_secret().lines().next().unwrap_or_default();
                first.trim().to_owned().into()
            }
            (None, Some(key)) => key.to_owned().into(),
            (None, None) if keys::can_ask(session) => ask::passphrase("New auth key")?,
            (None, None) => {
                return Err(
                    Failure::new(Exit::Usage, "expected a new auth key").hint(format!(
                        "give `--key-file FILE`, `--key-file -` or {VARIABLE}; keys are made where the tailnet is administered"
                    )),
                );
            }
        };
        let text = key.expose_secret();
        if text.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
            return Err(Failure::new(
                Exit::Invalid,
                "the auth key: expected one line without blanks",
            ));
        }
        Ok(key)
    }
}
