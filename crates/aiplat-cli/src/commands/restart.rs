//! `aiplat restart`

use aiplat_core::names::ServiceName;
use aiplat_core::plan::{Plan, Reach, Step};
use aiplat_docker::stack::restart;
use clap::Args;
use serde_json::json;

use super::Ended;
use crate::exit::Exit;
use crate::live::Live;
use crate::session::Session;
use crate::view;
use crate::words::{count, list, seconds};

/// Stop services and start them again, in the order in which they need each other.
///
/// Services that need a named one are stopped before it and started after it, each once it is healthy; `--only` leaves
/// them running, and proves afterwards that they still work. A service that lives in another's network namespace
/// (OpenClaw in Tailscale's) always goes with it. Without a name it is the whole stack; the name of a bundle such as
/// `dify` means all of its parts.
///
/// Containers stay as they are: nothing of the manifest takes effect by this. A run that was interrupted is continued by
/// the same command, or by `aiplat deploy`.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat restart litellm
      and what needs it
  aiplat restart postgres --only
      its dependants connect again by themselves
  aiplat restart
      the whole stack")]
pub(crate) struct Restart {
    /// These, or the parts of these bundles; all when none is given
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
    /// Leave the services running that need them
    #[arg(long)]
    only: bool,
}

impl Restart {
    pub(super) async fn run(self, session: &Session) -> Ended {
        session.expect_own_services()?;
        let (engine, host) = (session.engine().await?, session.host());
        let reach = if self.only {
            Reach::Named
        } else {
            Reach::Dependants
        };
        let change = restart(
            &engine,
            &host,
            &session.catalogue,
            &session.base_dir()?,
            &session.places(),
            &self.services,
            reach,
        )
        .await?;
        session.warn(&change.standing.warnings);
        let name = change.plan.stack.to_string();
        let stack_id = change.plan.stack_id.clone();
        session
            .printer
            .progress(view::plan::changes(&change.plan).trim_end());
        let (started, proved) = (started(&change.plan), proved(&change.plan));
        let options = session.apply_options(change.standing.observed.engine.cpus);
        let live = Live::of(session);
        let done = change.run(&engine, &host, &options, &live).await;
        live.end();
        let report = done?;
        let outcome = json!({
            "stack": name,
            "stack_id": stack_id,
            "restarted": started,
            "proved": proved,
            "took_seconds": report.took.as_secs_f64(),
        });
        session.printer.result(&outcome, || {
            let number = count(started.len(), "service runs", "services run");
            let mut text = format!(
                "{number} anew and healthy in {}: {}.",
                seconds(report.took),
                list(&started)
            );
            if !proved.is_empty() {
                text += &format!("\nStill healthy: {}.", list(&proved));
            }
            text
        });
        Ok(Exit::Ok)
    }
}

fn started(plan: &Plan) -> Vec<String> {
    let name = |step: &Step| match step {
        Step::Start { gate, .. } => Some(gate.service.to_string()),
        _ => None,
    };
    plan.steps.iter().filter_map(|s| name(&s.step)).collect()
}

fn proved(plan: &Plan) -> Vec<String> {
    let name = |step: &Step| match step {
        Step::Gate(gate) => Some(gate.service.to_string()),
        _ => None,
    };
    plan.steps.iter().filter_map(|s| name(&s.step)).collect()
}
