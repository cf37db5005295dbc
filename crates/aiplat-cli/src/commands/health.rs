//! `aiplat health`

use std::time::Instant;

use aiplat_core::desired::{DesiredService, desired};
use aiplat_core::names::ServiceName;
use aiplat_docker::engine::Engine;
use aiplat_docker::observe::{ObserveQuestion, observe};
use aiplat_docker::probe::{Outcome, probe_once};
use aiplat_docker::redact::Redactor;
use aiplat_docker::stack::{PrepareError, named};
use clap::Args;
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::json;

use super::Ended;
use crate::exit::Exit;
use crate::session::Session;
use crate::view::{Table, style};

/// Ask every service now whether it is healthy.
///
/// Runs each service's own probe once, all at the same time: an HTTP request whose status and body are looked at, or the
/// protocol's own ping. This is what a deploy waits for, and more than an open port.
///
/// Ends with 0 where all answered as they should, else with 6.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat health
  aiplat health litellm qdrant
  aiplat --base-dir /mnt/data2 health --json | jq '.healthy'")]
pub(crate) struct Health {
    /// Ask these only, services or bundles of some
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
}

#[derive(Debug, Serialize)]
struct Row {
    service: String,
    healthy: bool,
    /// What was found, where it is not well.
    found: Option<String>,
    milliseconds: u128,
}

impl Health {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let config = &opened.config;
        let meant = named(&session.catalogue, config, &self.services)?;
        let engine = session.engine().await?;
        let question = ObserveQuestion {
            base_dir: config.base_dir().to_path_buf(),
            ..ObserveQuestion::default()
        };
        let facts = observe(&engine, &session.host(), &question).await?.engine;
        let desired = desired(config, &session.catalogue, &facts).map_err(PrepareError::Desired)?;
        let redactor = Redactor::of_stack(config);
        let wanted = |s: &&DesiredService| self.services.is_empty() || meant.contains(&s.name);
        let asked = desired
            .services
            .iter()
            .filter(wanted)
            .map(|service| ask(&engine, service, &redactor));
        let rows = join_all(asked).await;
        let healthy = rows.iter().all(|row| row.healthy);
        let outcome = json!({
            "stack": config.name(),
            "stack_id": config.id,
            "healthy": healthy,
            "services": rows,
        });
        session
            .printer
            .result(&outcome, || table(&rows).to_string());
        Ok(if healthy { Exit::Ok } else { Exit::Unhealthy })
    }
}

async fn ask<E: Engine>(engine: &E, service: &DesiredService, redactor: &Redactor) -> Row {
    let began = Instant::now();
    let found = match probe_once(engine, &service.gate, redactor).await {
        Ok(Outcome::Ready) => None,
        Ok(Outcome::NotYet(words)) => Some(words),
        Err(error) => Some(redactor.clean(&error.to_string())),
    };
    Row {
        service: service.name.to_string(),
        healthy: found.is_none(),
        found,
        milliseconds: began.elapsed().as_millis(),
    }
}

fn table(rows: &[Row]) -> Table {
    let mut table = Table::new(&["SERVICE", "HEALTH", "TOOK", "FOUND"]);
    for row in rows {
        let health = if row.healthy {
            style::good("healthy")
        } else {
            style::bad("unhealthy")
        };
        let found = row.found.clone().unwrap_or_default();
        table.row([
            row.service.clone(),
            health,
            format!("{} ms", row.milliseconds),
            found,
        ]);
    }
    table
}
