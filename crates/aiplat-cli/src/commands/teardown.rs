//! `aiplat teardown`

use aiplat_docker::stack::teardown;
use clap::Args;
use serde_json::json;

use super::Ended;
use crate::ask;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::live::Live;
use crate::session::Session;
use crate::view;
use crate::words::{count, seconds};

/// Remove exactly this stack; its data stays unless purged.
///
/// Removes the containers, network, firewall rules, profiles, parent cgroup and reservations that carry this stack's
/// identity, and nothing else on the engine or the host. Configuration, secrets and data stay in BASE_DIR, so that
/// `aiplat deploy` brings the same stack back.
///
/// `--purge` removes those too, for good. It refuses links, mount points inside, and directories of other stacks, and
/// leaves BASE_DIR itself alone. It asks for the stack's name to be typed; without a terminal `--confirm NAME` gives it.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat teardown --base-dir /mnt/data2
      asks, then removes the containers; the data stays
  aiplat teardown --base-dir /mnt/data2 --yes
      without asking
  aiplat teardown --base-dir /mnt/data2 --purge --confirm ai_platform_2
      with all its data")]
pub(crate) struct Teardown {
    /// Remove data, configuration and secrets too
    #[arg(long)]
    purge: bool,
    /// The stack's name, instead of typing it
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

impl Teardown {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let base_dir = session.base_dir()?;
        let engine = session.engine().await?;
        let host = session.host();
        let planned = teardown(
            &engine,
            &host,
            &session.catalogue,
            &base_dir,
            self.purge,
            &session.places(),
        )
        .await?;
        let plan = planned.plan.clone();
        let name = plan.stack.to_string();
        session.printer.progress(view::plan::text(&plan).trim_end());
        self.agreed(session, &name)?;
        let options = session.apply_options(planned.observed.engine.cpus);
        let live = Live::of(session);
        let done = planned.run(&engine, &host, &options, &live).await;
        live.end();
        let report = done?;
        let outcome = json!({
            "stack": name,
            "stack_id": plan.stack_id,
            "base_dir": plan.base_dir,
            "purged": self.purge,
            "changes": report.changes(),
            "took_seconds": report.took.as_secs_f64(),
            "notes": plan.notes,
        });
        session.printer.result(&outcome, || {
            let kept = if self.purge {
                "its data is gone"
            } else {
                "its data stays"
            };
            let steps = count(report.changes(), "step", "steps");
            format!(
                "`{name}` is torn down, {kept} ({steps} in {}).",
                seconds(report.took)
            )
        });
        Ok(Exit::Ok)
    }

    fn agreed(&self, session: &Session, name: &str) -> Result<(), Failure> {
        let confirm = self.confirm.as_deref();
        if self.purge || confirm.is_some() {
            let lost = format!("everything of `{name}`");
            return ask::agree_by_name(session, name, confirm, "a purge", &lost);
        }
        let question = format!("remove the containers and the network of `{name}`");
        ask::agree(session, &question, "give `--yes`")
    }
}
