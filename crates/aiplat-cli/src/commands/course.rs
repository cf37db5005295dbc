//! A plan on its way: agreed to, told while it is carried out, and what came of it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::desired::Desired;
use aiplat_core::observed::Observed;
use aiplat_core::plan::{Change, Plan, PlannedStep, Step};
use aiplat_docker::apply::{ApplyOptions, Report};
use aiplat_docker::engine::Engine;
use aiplat_docker::events::{Event, Events};
use aiplat_docker::stack::Prepared;
use serde::Serialize;

use super::Ended;
use crate::ask;
use crate::counted::Counted;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::live::Live;
use crate::session::Session;
use crate::view::{self, services};
use crate::words::{count, seconds};

/// What somebody has to agree to before a plan is carried out.
pub(super) struct Agreement<'a> {
    plan: &'a Plan,
    /// Each in words.
    pub(super) losses: BTreeSet<String>,
}

impl<'a> Agreement<'a> {
    /// What could be lost, and services that go away.
    pub(super) fn to(plan: &'a Plan) -> Self {
        let losses = losses(plan);
        Self { plan, losses }
    }
}

/// What is prepared, once what it asks for is agreed to. While somebody is asked no lock is held: what holds then is
/// looked at again. `without` says how to agree where nobody can be asked.
pub(super) async fn agreed<P>(
    session: &Session,
    without: &str,
    asks: impl Fn(&P) -> Option<Agreement<'_>>,
    prepare: impl AsyncFn() -> Result<P, Failure>,
) -> Result<P, Failure> {
    let mut agreed: BTreeSet<String> = BTreeSet::new();
    loop {
        let prepared = prepare().await?;
        let Some(Agreement { plan, losses }) = asks(&prepared) else {
            return Ok(prepared);
        };
        if session.global.yes || losses.iter().all(|loss| agreed.contains(loss)) {
            return Ok(prepared);
        }
        let text = view::plan::text(plan);
        drop(prepared);
        session.printer.progress(text.trim_end());
        let all: Vec<_> = losses.iter().cloned().collect();
        let question = format!("{}; go on", all.join("; "));
        ask::agree(session, &question, without)?;
        agreed = losses;
    }
}

/// A plan that is carried out.
pub(super) struct Course {
    kept: Kept,
    warnings: Vec<String>,
    /// How it is carried out.
    pub(super) options: ApplyOptions,
    /// Who is told what goes on.
    pub(super) live: Noted,
}

impl Course {
    /// Tells what will be done.
    pub(super) fn of(session: &Session, prepared: &Prepared) -> Self {
        session.warn(&prepared.warnings);
        session.warn_volume(&prepared.observed.host.volume);
        announce(session, &prepared.plan);
        Self {
            kept: Kept::of(prepared),
            warnings: prepared.warnings.iter().map(ToString::to_string).collect(),
            options: session.apply_options(prepared.observed.engine.cpus),
            live: Noted::of(Live::of(session)),
        }
    }

    /// Tells what came of it.
    pub(super) async fn ended<E: Engine, F: Into<Failure>>(
        self,
        session: &Session,
        engine: &Counted<E>,
        catalogue: &Catalogue,
        result: Result<Report, F>,
    ) -> Ended {
        let not_in_force = self.live.end();
        let report = result.map_err(Into::into)?;
        let outcome = self.kept.outcome(engine, catalogue, &report, self.warnings);
        let outcome = Outcome {
            not_in_force,
            ..outcome.await
        };
        let config = &self.kept.config;
        session.printer.result(&outcome, || text(&outcome, config));
        Ok(Exit::Ok)
    }
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

fn losses(plan: &Plan) -> BTreeSet<String> {
    let wanted = |service: &_| plan.services.iter().any(|(name, _)| name == service);
    let purges = |s: &PlannedStep| matches!(s.step, Step::PurgeDirectory { .. });
    let stays = if plan.steps.iter().any(purges) {
        ""
    } else {
        ", its data stays"
    };
    plan.steps
        .iter()
        .filter_map(|step| match (&step.risk, &step.step) {
            (Some(risk), _) => Some(risk.clone()),
            (None, Step::RemoveContainer(container)) => container
                .service
                .as_ref()
                .filter(|service| !wanted(service))
                .map(|service| format!("`{service}` is removed{stays}")),
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
pub(super) struct Noted {
    live: Live,
    found: Mutex<Vec<Unheld>>,
}

impl Noted {
    fn of(live: Live) -> Self {
        let found = Mutex::default();
        Self { live, found }
    }

    /// Takes the view away, and gives what is not in force, by service.
    fn end(self) -> Vec<Unheld> {
        self.live.end();
        let found = self.found.into_inner();
        let mut found = found.unwrap_or_else(PoisonError::into_inner);
        found.sort_by(|a, b| a.service.cmp(&b.service));
        found
    }
}

impl Events for Noted {
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
                lasts: None,
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
    use aiplat_core::plan::RemoveContainer;

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
