//! `aiplat upgrade`

use aiplat_docker::stack::{Upgrading, upgrade};
use clap::Args;
use serde_json::json;

use super::Ended;
use super::course::{Agreement, Course, agreed};
use crate::args::SettingsArgs;
use crate::exit::Exit;
use crate::session::Session;

/// Run a service from another image, with a copy of its data to go back to.
///
/// Without `--to` the catalogue's own pin holds again; without a name, for everything that runs. The image is pulled
/// first. Then the service is stopped, its directories of data are copied (at no cost where the file system can share
/// blocks) and its own databases in PostgreSQL are dumped (refused before the stop where there is no space), and the new
/// container is started and has to become healthy. When it does not, the old container comes back with its data, its
/// databases and its manifest as they were. A run that was killed is finished by the same command, or by `aiplat deploy`.
///
/// An image that cannot read the data there is, such as another major version of PostgreSQL, is refused before anything
/// is touched. What a service keeps in other stores (vectors, objects in MinIO) is not in the copy: take a backup first.
///
/// The copy stays in `BASE_DIR/backups/upgrade-<service>-…`, the last one of each service, until you remove it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat upgrade qdrant --to v1.19.1-unprivileged
  aiplat upgrade qdrant
      back to the catalogue's pin
  aiplat upgrade --yes
      everything, to the catalogue's pins, after a new version of this tool
  aiplat upgrade grafana --to registry.example.org/mirror/grafana:13.2.4")]
pub(crate) struct Upgrade {
    /// A service, or a bundle such as `dify`; everything when not given
    #[arg(value_name = "SERVICE|BUNDLE")]
    what: Option<String>,
    /// The tag to run, or a whole reference
    #[arg(long, value_name = "TAG")]
    to: Option<String>,
}

impl Upgrade {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let base_dir = &opened.volume.path;
        let inputs = session.inputs(&SettingsArgs::default(), "upgrade")?;
        let (engine, host) = (session.engine().await?, session.host());
        let upgrading = agreed(
            session,
            "`aiplat upgrade --yes` agrees",
            |upgrading: &Option<Upgrading>| upgrading.as_ref().map(asked),
            async || {
                let (what, to, places) =
                    (self.what.as_deref(), self.to.as_deref(), session.places());
                Ok(upgrade(&engine, &host, base_dir, what, to, &inputs, &places).await?)
            },
        )
        .await?;
        let Some(upgrading) = upgrading else {
            let nothing = json!({
                "stack": opened.config.name(),
                "stack_id": opened.config.id,
                "changes": 0,
                "upgraded": [],
            });
            session.printer.result(&nothing, || {
                "Nothing to upgrade: the images are the ones asked for.\n".to_owned()
            });
            return Ok(Exit::Ok);
        };
        let course = Course::of(session, &upgrading.prepared);
        let upgraded = upgrading
            .run(&engine, &host, &course.options, &course.live)
            .await;
        let (report, copies) = match upgraded {
            Ok(upgraded) => (Ok(upgraded.report), upgraded.copies),
            Err(error) => (Err(error), Vec::new()),
        };
        let ended = course
            .ended(session, &engine, &session.catalogue, report)
            .await?;
        for (service, copy) in copies {
            session.printer.progress(&format!(
                "{service}'s data as it was before is in `{}`; `rm -r` it when all is well",
                copy.display()
            ));
        }
        Ok(ended)
    }
}

/// Somebody who did not say `--yes` agrees to every upgrade: users wait while it is done.
fn asked(upgrading: &Upgrading) -> Agreement<'_> {
    let mut agreement = Agreement::to(&upgrading.prepared.plan);
    let words = upgrading.changed.iter().map(|c| {
        let (service, image) = (&c.service, &c.to);
        format!("`{service}` is stopped while its data is copied, and started from `{image}`")
    });
    agreement.losses.extend(words);
    agreement
}
