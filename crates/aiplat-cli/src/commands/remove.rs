//! `aiplat remove`

use aiplat_core::names::ServiceName;
use aiplat_docker::stack::{Removing, remove};
use clap::Args;
use serde_json::json;

use super::Ended;
use super::course::{Agreement, Course, agreed};
use crate::args::SettingsArgs;
use crate::exit::Exit;
use crate::session::Session;

/// Take a service out of the running stack; its data stays unless it is purged.
///
/// Its container, profile, route and scrape job go, and its name leaves the manifest; no other service is restarted.
/// Directories, secrets, databases, reservations and a service file of your own stay, so that `aiplat add` brings it back
/// as it was. A service that others need is refused, with their names.
///
/// With `--purge` all that goes too: its databases with their roles, what has its name in the vector store, the copies
/// that upgrades kept, and its files, each named before. Refused before anything is touched where a store does not run or
/// somebody else has a part in one of its databases. What cannot be told from others' is named and stays. A service that was removed before can still be
/// purged.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat remove flowise
      asks first
  aiplat remove flowise --yes
  aiplat remove flowise --purge
      its databases, vectors, data, logs, configuration and secrets too; asks first, naming each")]
pub(crate) struct Remove {
    /// The service, or the name of a bundle such as `dify`
    service: ServiceName,
    /// Take away what it kept as well: databases, vectors, data, logs, configuration, secrets, and a service file of your own
    #[arg(long)]
    purge: bool,
}

impl Remove {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let base_dir = session.opened()?.volume.path;
        let inputs = session.inputs(&SettingsArgs::default(), "remove")?;
        let (engine, host) = (session.engine().await?, session.host());
        let removing = agreed(
            session,
            "`--yes` agrees",
            |removing: &Removing| Some(Agreement::to(&removing.prepared.plan)),
            async || {
                let (service, places) = (&self.service, session.places());
                let purge = self.purge;
                Ok(remove(&engine, &host, &base_dir, service, purge, &inputs, &places).await?)
            },
        )
        .await?;
        if !removing.anything {
            let config = &removing.prepared.config;
            let nothing = json!({
                "stack": config.name(),
                "stack_id": config.id,
                "changes": 0,
                "service": self.service,
            });
            session.printer.result(&nothing, || {
                format!(
                    "Nothing to change: `{}` does not run in this stack.\n",
                    self.service
                )
            });
            return Ok(Exit::Ok);
        }
        let course = Course::of(session, &removing.prepared);
        let catalogue = removing.catalogue.clone();
        let removed = removing
            .run(&engine, &host, &course.options, &course.live)
            .await;
        course.ended(session, &engine, &catalogue, removed).await
    }
}
