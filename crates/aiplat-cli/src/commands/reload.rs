//! `aiplat reload`

use aiplat_core::names::ServiceName;
use aiplat_docker::stack::{Apart, reload};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::live::Live;
use crate::session::Session;
use crate::view::{Table, style};

/// Have running services read their configuration anew, checked first.
///
/// The configuration is rendered from the manifest and checked in a container of its own, as a deploy does; then the
/// service is made to read it, even where nothing changed. Where the check or the service itself refuses it, nothing of
/// that service changes, and the others have their turn all the same.
///
/// Of the built-in services Caddy and Prometheus can; the others read their configuration when they start.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat reload
      all that can
  aiplat reload caddy
      after a certificate of your own was replaced
  aiplat reload prometheus --json | jq '.services[0].outcome'")]
pub(crate) struct Reload {
    /// These; all that can when none is given
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
}

/// What happened to one service.
#[derive(Debug, Serialize)]
struct Row {
    service: String,
    /// `reloaded` or `refused`.
    outcome: &'static str,
    /// What it read, or why not.
    about: String,
}

impl Reload {
    pub(super) async fn run(self, session: &Session) -> Ended {
        session.expect_own_services()?;
        let (engine, host) = (session.engine().await?, session.host());
        let change = reload(
            &engine,
            &host,
            &session.catalogue,
            &session.base_dir()?,
            &session.places(),
            &self.services,
        )
        .await?;
        session.warn(&change.standing.warnings);
        let (name, stack_id) = (change.plan.stack.clone(), change.plan.stack_id.clone());
        let options = session.apply_options(change.standing.observed.engine.cpus);
        let live = Live::of(session);
        let parts = change.run_apart(&engine, &host, &options, &live).await;
        live.end();
        let parts = parts?;
        let rows: Vec<Row> = parts.iter().map(row).collect();
        let refused = parts.into_iter().filter_map(|part| part.result.err());
        let mut refused: Vec<Failure> = refused.map(Failure::from).collect();
        if refused.is_empty() {
            let outcome = json!({"stack": name, "stack_id": stack_id, "services": rows});
            session
                .printer
                .result(&outcome, || table(&rows).to_string());
            return Ok(Exit::Ok);
        }
        // one document, a result or an error
        if !session.printer.is_json() {
            session.printer.text(table(&rows).to_string().trim_end());
        }
        let first = refused.swap_remove(0);
        Err(first
            .hint("what was refused runs on with the configuration that it had")
            .with_detail(json!({"stack": name, "stack_id": stack_id, "services": rows})))
    }
}

fn row(part: &Apart) -> Row {
    let (outcome, about) = match &part.result {
        Ok(_) => ("reloaded", part.why.clone()),
        Err(_) => ("refused", "runs on with what it had".to_owned()),
    };
    Row {
        service: part.service.to_string(),
        outcome,
        about,
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["SERVICE", "OUTCOME", "ABOUT"]);
    for row in rows {
        let outcome = if row.outcome == "reloaded" {
            style::good(row.outcome)
        } else {
            style::bad(row.outcome)
        };
        table.row([row.service.clone(), outcome, row.about.clone()]);
    }
    table
}
