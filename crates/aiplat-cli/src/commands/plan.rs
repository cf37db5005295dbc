//! `aiplat plan`

use aiplat_docker::stack::Intent;
use clap::Args;

use super::Ended;
use crate::args::SettingsArgs;
use crate::exit::Exit;
use crate::session::Session;
use crate::view;

/// Show what deploy would change and why, and change nothing.
///
/// Looks at the engine and the host, decides everything that deploy would decide, and prints the steps: `+` is new, `~`
/// changes, `-` goes away. What could be lost is listed as a risk. Nothing is written, locked or reserved; secrets
/// that are not there yet are drawn again by deploy.
///
/// What was changed by hand is found too: a container that was stopped, frozen, renamed, removed, attached elsewhere or
/// given other limits, mounts or ports, an edited file, a missing rule or profile. What the engine's list does not tell
/// (environment, restart policy, rights) is compared with `--deep`, and always by `aiplat doctor`.
///
/// Ends with 0 where nothing would change, and with 2 where something would.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat plan
  aiplat plan --vector-db chroma
      what another vector store would mean
  aiplat plan --deep
      whatever was changed by hand
  aiplat plan --json | jq '.steps[] | select(.change != \"verify\") | .id'")]
pub(crate) struct Plan {
    /// Compare every setting of every container with its specification, too: finds what was changed by hand at the
    /// price of an engine call a container
    #[arg(long)]
    deep: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

impl Plan {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let mut inputs = session.inputs(&self.settings, "plan")?;
        inputs.deep = self.deep;
        let engine = session.engine().await?;
        let prepared = session.prepare(&engine, &inputs, Intent::Plan).await?;
        session.warn(&prepared.warnings);
        session.warn_volume(&prepared.observed.host.volume);
        session
            .printer
            .result(&prepared.plan, || view::plan::text(&prepared.plan));
        Ok(if prepared.plan.has_changes() {
            Exit::Changes
        } else {
            Exit::Ok
        })
    }
}
