//! `aiplat deploy`

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::desired::Desired;
use aiplat_core::names::ServiceName;
use aiplat_core::observed::Observed;
use aiplat_core::plan::{Change, Plan, Step};
use aiplat_docker::apply::{ApplyOptions, Report};
use aiplat_docker::engine::Engine;
use aiplat_docker::events::{Event, Events};
use aiplat_docker::stack::{Images, Inputs, Intent, Prepared};
use clap::Args;
use serde::Serialize;

use super::Ended;
use crate::args::SettingsArgs;
use crate::ask;
use crate::counted::Counted;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::live::Live;
use crate::session::Session;
use crate::view::{self, services};
use crate::words::{count, seconds};

/// Bring the stack up, or to what its manifest says.
///
/// Makes what is missing, changes what is different, removes what is no longer wanted, and leaves the rest alone:
/// services that need others start when those are healthy, everything else at once. A service whose new container does
/// not become healthy is put back to its old one. A run that was interrupted is continued by the same command.
///
/// A new stack needs no manifest: what is not given is derived, checked against what the host already uses, reserved,
/// and written to `BASE_DIR/config/.env`. Making things needs nobody's consent; where something could be lost, or a
/// service goes away, deploy asks first (`--yes` agrees).
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat deploy
      the stack found from here, or a new one in /mnt/data
  BASE_DIR=/mnt/data2 STACK_USER_UID=3000 DOCKER_NETWORK=ai_platform_2 DOMAIN_NAME=ai2.example.org aiplat deploy
      a second stack, by the environment alone
  aiplat deploy --base-dir /srv/small --network small --services litellm,qdrant --publish front-door
      a small one
  aiplat deploy --json | jq -r '.services[] | .service + \" \" + (.urls[0] // \"-\")'")]
pub(crate) struct Deploy {
    /// Compare every setting of every container with its specification, and mend what was changed by hand
    #[arg(long)]
    deep: bool,
    /// Agree that a change of VECTOR_DB leaves behind what the apps stored in the store so far
    #[arg(long)]
    yes_lose_vectors: bool,
    /// What commands ask for that no flag and no key stands for.
    #[arg(skip)]
    more: More,
    /// Go on where the kernel does not hold a container to its limits, rights or read-only root, and say so
    ///
    /// With `--json` it stands in `not_in_force`, by service, of those that this run made.
    #[arg(long)]
    best_effort: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

/// What commands ask for that no flag and no key stands for.
#[derive(Debug, Clone, Default)]
pub(super) struct More {
    /// The command that it is done for; `deploy` when not given.
    pub(super) command: Option<&'static str>,
    /// Images by service.
    pub(super) images: Images,
    /// Services whose data is copied first.
    pub(super) copied: BTreeSet<ServiceName>,
}

/// What came of it.
#[derive(Debug, Serialize)]
struct Outcome<'a> {
    stack: &'a str,
    stack_id: &'a str,
    base_dir: String,
    new: bool,
    changes: usize,
    took_seconds: f64,
    engine_calls: usize,
    services: Vec<services::Row>,
    ca_certificate: Option<String>,
    notes: &'a [String],
    warnings: Vec<String>,
    /// What the kernel does not hold, and was agreed to.
    not_in_force: Vec<Unheld>,
}

/// A service that is not held to all that it was made with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Unheld {
    service: String,
    /// What is not in force, in words.
    missing: Vec<String>,
}

impl Deploy {
    /// A deploy with these settings.
    pub(super) fn of(settings: SettingsArgs) -> Self {
        Self {
            settings,
            deep: false,
            yes_lose_vectors: false,
            more: More::default(),
            best_effort: false,
        }
    }

    /// A deploy of what the manifest says, and of this.
    pub(super) fn with(more: More) -> Self {
        Self {
            more,
            ..Self::of(SettingsArgs::default())
        }
    }

    /// What a run is given.
    pub(super) fn inputs(&self, session: &Session, command: &str) -> Result<Inputs, Failure> {
        let mut inputs = session.inputs(&self.settings, command)?;
        inputs.deep = self.deep;
        inputs.lose_vectors = self.yes_lose_vectors;
        self.more.images.ask(&mut inputs);
        inputs.copied.clone_from(&self.more.copied);
        Ok(inputs)
    }

    pub(super) async fn run(self, session: &Session) -> Ended {
        let engine = session.engine().await?;
        let host = session.host();
        let prepared = self.prepared(session, &engine).await?;
        session.warn(&prepared.warnings);
        session.warn_volume(&prepared.observed.host.volume);
        announce(session, &prepared.plan);
        let kept = Kept::of(&prepared);
        let warnings = prepared.warnings.iter().map(ToString::to_string).collect();
        let options = ApplyOptions {
            best_effort: self.best_effort,
            ..session.apply_options(prepared.observed.engine.cpus)
        };
        let live = Live::of(session);
        let noted = Noted::of(&live);
        let deployed = prepared.deploy(&engine, &host, &options, &noted).await;
        live.end();
        let report = deployed?;
        let outcome = kept
            .outcome(&engine, &session.catalogue, &report, warnings)
            .await;
        let outcome = Outcome {
            not_in_force: noted.found(),
            ..outcome
        };
        session
            .printer
            .result(&outcome, || text(&outcome, &kept.config));
        Ok(Exit::Ok)
    }

    /// The plan, agreed to. While somebody is asked no lock is held: what holds then is looked at again.
    async fn prepared<E: Engine>(
        &self,
        session: &Session,
        engine: &Counted<E>,
    ) -> Result<Prepared, Failure> {
        let inputs = self.inputs(session, self.more.command.unwrap_or("deploy"))?;
        let mut agreed: BTreeSet<String> = BTreeSet::new();
        loop {
            let prepared = session.prepare(engine, &inputs, Intent::Deploy).await?;
            let losses = losses(&prepared.plan);
            if session.global.yes || losses.iter().all(|loss| agreed.contains(loss)) {
                return Ok(prepared);
            }
            let plan = prepared.plan.clone();
            drop(prepared);
            session.printer.progress(view::plan::text(&plan).trim_end());
            let all: Vec<_> = losses.iter().cloned().collect();
            let question = format!("{}; go on", all.join("; "));
            ask::agree(
                session,
                &question,
                "look at `aiplat plan`, then run `aiplat deploy --yes`",
            )?;
            agreed = losses;
        }
    }
}

/// What somebody has to agree to: what could be lost, and services that go away.
fn losses(plan: &Plan) -> BTreeSet<String> {
    let wanted = |service: &_| plan.services.iter().any(|(name, _)| name == service);
    plan.steps
        .iter()
        .filter_map(|step| match (&step.risk, &step.step) {
            (Some(risk), _) => Some(risk.clone()),
            (None, Step::RemoveContainer(container)) => container
                .service
                .as_ref()
                .filter(|service| !wanted(service))
                .map(|service| format!("`{service}` is removed, its data stays")),
            (None, _) => None,
        })
        .collect()
}

fn announce(session: &Session, plan: &Plan) {
    let printer = &session.printer;
    printer.progress(&format!(
        "Stack `{}` in {}",
        plan.stack,
        plan.base_dir.display()
    ));
    if plan.has_changes() && plan.count(Change::Create) < plan.steps.len() / 2 {
        printer.progress(view::plan::changes(plan).trim_end());
    }
    for note in &plan.notes {
        printer.progress(&format!("note: {note}"));
    }
    printer.progress(&view::plan::summary(plan));
}

/// A view, and what is to be told at the end.
struct Noted<'a> {
    live: &'a Live,
    found: Mutex<Vec<Unheld>>,
}

impl<'a> Noted<'a> {
    fn of(live: &'a Live) -> Self {
        let found = Mutex::default();
        Self { live, found }
    }

    /// What is not in force, by service.
    fn found(self) -> Vec<Unheld> {
        let found = self.found.into_inner();
        let mut found = found.unwrap_or_else(PoisonError::into_inner);
        found.sort_by(|a, b| a.service.cmp(&b.service));
        found
    }
}

impl Events for Noted<'_> {
    fn on(&self, event: Event<'_>) {
        if let Event::NotInForce { service, missing } = &event {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.push(Unheld {
                service: service.to_string(),
                missing: missing.to_vec(),
            });
        }
        self.live.on(event);
    }
}

/// What the plan was made from, kept while it is carried out.
struct Kept {
    config: StackConfig,
    desired: Desired,
    observed: Observed,
    notes: Vec<String>,
    new: bool,
}

impl Kept {
    fn of(prepared: &Prepared) -> Self {
        Self {
            config: prepared.config.clone(),
            desired: prepared.desired.clone(),
            observed: prepared.observed.clone(),
            notes: prepared.plan.notes.clone(),
            new: prepared.new,
        }
    }

    async fn outcome<E: Engine>(
        &self,
        engine: &Counted<E>,
        catalogue: &Catalogue,
        report: &Report,
        warnings: Vec<String>,
    ) -> Outcome<'_> {
        let config = &self.config;
        let mut rows = Vec::new();
        for service in &self.desired.services {
            let container = &service.container;
            // an image that was pulled just now was not among those that were seen before
            let stand_in = match self.observed.image(&container.image) {
                Some(facts) => Some(facts.stand_in),
                None => engine
                    .image(&container.image)
                    .await
                    .ok()
                    .flatten()
                    .map(|facts| facts.stand_in),
            };
            rows.push(services::Row {
                service: service.name.to_string(),
                container: container.name.to_string(),
                // every service has proved itself, or there would be no outcome
                state: "healthy".to_owned(),
                urls: services::urls(config, catalogue, &service.name),
                ports: services::ports(&container.ports),
                image: container.image.clone(),
                stand_in,
                apparmor: container.apparmor.clone(),
                since: None,
            });
        }
        Outcome {
            stack: config.name().as_str(),
            stack_id: config.id.as_str(),
            base_dir: config.base_dir().display().to_string(),
            new: self.new,
            changes: report.changes(),
            took_seconds: report.took.as_secs_f64(),
            engine_calls: engine.calls(),
            services: rows,
            ca_certificate: services::local_ca(config).filter(|_| self.has_front_door()),
            notes: &self.notes,
            warnings,
            not_in_force: Vec::new(),
        }
    }

    fn has_front_door(&self) -> bool {
        self.desired
            .services
            .iter()
            .any(|s| s.name.as_str() == "caddy")
    }
}

fn text(outcome: &Outcome<'_>, config: &StackConfig) -> String {
    let mut text = services::table(&outcome.services).to_string();
    if let Some(certificate) = &outcome.ca_certificate {
        text += &format!("\nThe front door is its own authority: trust {certificate}\n");
    }
    let took = seconds(std::time::Duration::from_secs_f64(outcome.took_seconds));
    let calls = count(outcome.engine_calls, "engine call", "engine calls");
    let name = config.name();
    text += &match outcome.changes {
        0 => format!("\nNothing to change: `{name}` is as wanted ({took}, {calls}).\n"),
        n => format!(
            "\n`{name}` is up: {} in {took}, {calls}.\n",
            count(n, "change", "changes")
        ),
    };
    text
}

#[cfg(test)]
mod tests {
    use aiplat_core::plan::{PlannedStep, RemoveContainer};

    use super::*;

    fn plan(service: &str, risk: Option<&str>) -> Plan {
        let container = RemoveContainer {
            id: "1".into(),
            name: format!("ai-{service}"),
            service: Some(service.parse().unwrap()),
            stop_seconds: 1,
        };
        Plan {
            stack: "ai".parse().unwrap(),
            stack_id: "0123456789ab".parse().unwrap(),
            base_dir: "/mnt/data".into(),
            services: vec![("redis".parse().unwrap(), "ai-redis".parse().unwrap())],
            steps: vec![PlannedStep {
                id: "remove/x".into(),
                after: Vec::new(),
                change: Change::Remove,
                why: "x".into(),
                risk: risk.map(str::to_owned),
                step: Step::RemoveContainer(container),
            }],
            notes: Vec::new(),
        }
    }

    #[test]
    fn somebody_must_agree_to_a_service_that_goes_and_to_a_risk_but_not_to_tidying_up() {
        assert!(losses(&plan("n8n", None)).iter().any(|l| l.contains("n8n")));
        assert!(losses(&plan("redis", None)).is_empty());
        assert!(losses(&plan("redis", Some("rows are lost"))).contains("rows are lost"));
    }
}
