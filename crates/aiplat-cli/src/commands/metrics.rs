//! `aiplat metrics`

use aiplat_docker::stack::{metrics, metrics_text};
use clap::Args;
use serde_json::json;

use super::Ended;
use crate::exit::Exit;
use crate::session::Session;

/// Print the stack's own numbers for Prometheus.
///
/// Whether each service answers, its limits, when the certificates end that the front door really serves, when the last
/// backup was made and whether the last one was whole, how much a deploy would change, and what an interrupted run left unfinished; in the text form, for the textfile collector of
/// Prometheus' node exporter. Written to a file by a timer it must be moved into place, so that nobody reads half of it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat metrics
  aiplat metrics > /var/lib/node_exporter/aiplat.prom.next && mv /var/lib/node_exporter/aiplat.prom.next /var/lib/node_exporter/aiplat.prom
  aiplat metrics --json | jq '.metrics[] | select(.name == \"aiplat_stack_up\").samples[0].value'")]
pub(crate) struct Metrics;

impl Metrics {
    pub(super) async fn run(self, session: &Session) -> Ended {
        session.expect_own_services()?;
        let (engine, host) = (session.engine().await?, session.host());
        let base_dir = session.base_dir()?;
        let catalogue = &session.catalogue;
        let found = metrics(&engine, &host, catalogue, &base_dir, &session.places()).await?;
        let opened = aiplat_docker::stack::open(&host, catalogue, &base_dir)?;
        let name = opened.config.name().as_str();
        let document = json!({"stack": name, "stack_id": opened.config.id, "metrics": found});
        session
            .printer
            .result(&document, || metrics_text(name, &found));
        Ok(Exit::Ok)
    }
}
