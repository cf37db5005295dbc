//! `aiplat upgrade`

use aiplat_core::spec::DataCopy;
use aiplat_docker::engine::Engine as _;
use aiplat_docker::host::ManifestStore;
use aiplat_docker::stack::{Changed, Intent, Opened, upgrade};
use clap::Args;
use serde_json::json;

use super::Ended;
use super::deploy::{Deploy, More};
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view;

/// Run a service from another image, with a copy of its data to go back to.
///
/// Without `--to` the catalogue's own pin holds again; without a name, for everything that runs. The image is pulled
/// first. Then the service is stopped, its directories of data are copied (at no cost where the file system can share
/// blocks; refused before the stop where there is no space), and the new container is started and has to become healthy.
/// When it does not, the old container comes back with its data and its manifest as they were. A run that was killed is
/// finished by the same command, or by `aiplat deploy`.
///
/// An image that cannot read the data there is, such as another major version of PostgreSQL, is refused before anything
/// is touched. What a service keeps in another service, such as rows in PostgreSQL, is not in the copy: take a backup
/// first.
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
        let containers = session.engine().await?.containers().await?;
        let decided = upgrade(
            &opened.config,
            &session.catalogue,
            &containers,
            self.what.as_deref(),
            self.to.as_deref(),
        )
        .map_err(|error| Failure::of(Exit::Invalid, &error))?;
        if decided.forward.0.is_empty() {
            let nothing = json!({"changes": 0, "upgraded": []});
            session.printer.result(&nothing, || {
                "Nothing to upgrade: the images are the ones asked for.\n".to_owned()
            });
            return Ok(Exit::Ok);
        }
        let forward = Deploy::with(More {
            command: Some("upgrade"),
            images: decided.forward.clone(),
            copied: decided.changed.iter().map(|c| c.service.clone()).collect(),
        });
        agree(session, &forward, &decided.changed).await?;
        let before = manifest(&opened);
        let ended = forward.run(&session.agreed()).await;
        match ended {
            Ok(ended) => {
                told(session, &opened, &decided.changed, &containers);
                Ok(ended)
            }
            // refused: nothing was touched
            Err(failure) if manifest(&opened) == before => Err(failure),
            Err(failure) => {
                let back = Deploy::with(More {
                    command: Some("upgrade"),
                    images: decided.back.clone(),
                    ..More::default()
                });
                back.run(&session.within()).await?;
                Err(failure.hint(
                    "the old image runs again, on the data and with the manifest as they were",
                ))
            }
        }
    }
}

/// The manifest as it is on disk.
fn manifest(opened: &Opened) -> Option<String> {
    ManifestStore::new(&opened.volume.path)
        .read()
        .ok()
        .flatten()
}

/// Shows what would be done, and asks.
async fn agree(session: &Session, forward: &Deploy, changed: &[Changed]) -> Result<(), Failure> {
    if session.global.yes {
        return Ok(());
    }
    let inputs = forward.inputs(session, "upgrade")?;
    let engine = session.engine().await?;
    let prepared = session.prepare(&engine, &inputs, Intent::Plan).await?;
    let text = view::plan::text(&prepared.plan);
    session.printer.progress(text.trim_end());
    let all: Vec<String> = changed
        .iter()
        .map(|c| format!("`{}` to `{}`", c.service, c.to))
        .collect();
    let question = format!(
        "upgrade {}, each stopped while its data is copied; go on",
        all.join(", ")
    );
    ask::agree(session, &question, "`aiplat upgrade --yes` agrees")
}

/// Says where the copies are.
fn told(
    session: &Session,
    opened: &Opened,
    changed: &[Changed],
    containers: &[aiplat_core::observed::ObservedContainer],
) {
    for change in changed {
        let name = opened.config.container(&change.service);
        let old = containers
            .iter()
            .find(|c| c.name == name.superseded())
            .or_else(|| containers.iter().find(|c| c.name == name.as_str()));
        let Some(old) = old else { continue };
        let base_dir = opened.config.base_dir();
        let copy = DataCopy::of_container(base_dir, &change.service, &old.id, Vec::new());
        if copy.at.is_dir() {
            session.printer.progress(&format!(
                "{}'s data as it was before is in `{}`; `rm -r` it when all is well",
                change.service,
                copy.at.display()
            ));
        }
    }
}
