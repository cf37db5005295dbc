//! `aiplat status`

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use aiplat_core::config::StackConfig;
use aiplat_core::desired::desired;
use aiplat_core::names::{ServiceName, StackId};
use aiplat_core::observed::{ContainerState, ImageFacts, ObservedContainer};
use aiplat_core::settings::ByteSize;
use aiplat_core::spec::label;
use aiplat_docker::engine::{ContainerDetail, Engine, HealthState};
use aiplat_docker::host::{Host as _, HostQuestion};
use aiplat_docker::probe::{Outcome as Answer, probe_once};
use aiplat_docker::redact::Redactor;
use aiplat_docker::stack::{PrepareError, disk};
use clap::Args;
use futures_util::future::join_all;
use serde::Serialize;

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::{certificates, services, style};
use crate::words::bytes;

/// Show the stack's containers: state, health, address, image.
///
/// Asks the engine; health is what the engine's own slow checks found. A service of which they have found nothing yet, as
/// after a start or a pause, is asked itself, as `aiplat health` asks all of them: it is healthy, or starting. The front door
/// is asked for the certificates that it really serves, and when they end. A stack with `STACK_DISK` is shown with what it
/// uses of that. A service that should run and has no container is shown as missing; a container that waits until the one
/// in its place is proved, as in an upgrade, as replacing.
///
/// Ends with 0 where all of them run and none is unhealthy or starting, else with 6.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat status
  aiplat --base-dir /mnt/data2 status --json | jq -r '.services[] | select(.state != \"healthy\").service'")]
pub(crate) struct Status;

/// The state of a container that waits, renamed, until the one in its place is proved.
const REPLACED: &str = "replacing";

#[derive(Debug, Serialize)]
struct Outcome<'a> {
    stack: &'a str,
    stack_id: &'a str,
    base_dir: String,
    domain: &'a str,
    services: Vec<services::Row>,
    ca_certificate: Option<String>,
    certificates: Vec<certificates::Row>,
    disk: Option<Disk>,
    notes: Vec<String>,
}

/// Disk space, where the stack has a limit or had one.
#[derive(Debug, Serialize)]
struct Disk {
    used_bytes: u64,
    /// As the kernel has it.
    limit_bytes: Option<u64>,
    /// Why the limit of the manifest is not in force.
    problem: Option<String>,
}

impl Disk {
    fn look(session: &Session, config: &StackConfig) -> Option<Self> {
        let found = match disk(&session.host(), config) {
            Ok(found) => found?,
            // the kernel tells root alone
            Err(error) => {
                return Some(Self {
                    used_bytes: 0,
                    limit_bytes: None,
                    problem: Some(format!(
                        "the limit of disk space could not be seen: {error}"
                    )),
                });
            }
        };
        let wanted = config.settings.stack_disk.get().map(ByteSize::bytes);
        let held = found.limit_bytes.map(|limit| limit / 1024);
        let problem = match &found.refusal {
            Some(refusal) => Some(format!(
                "the limit of disk space is not in force: {refusal}"
            )),
            None if held != wanted.map(|limit| limit.div_ceil(1024))
                || (wanted.is_some() && !found.marked) =>
            {
                Some(
                    "the limit of disk space is not the manifest's: `aiplat deploy` sets it"
                        .to_owned(),
                )
            }
            None => None,
        };
        Some(Self {
            used_bytes: found.used_bytes,
            limit_bytes: found.limit_bytes,
            problem,
        })
    }

    /// `Disk: 1.2 GiB of 10 GiB`
    fn line(&self) -> Option<String> {
        let limit = self.limit_bytes?;
        Some(format!(
            "{} {} of {}",
            style::heading("Disk"),
            bytes(self.used_bytes),
            bytes(limit)
        ))
    }
}

impl Status {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let config = &opened.config;
        let engine = session.engine().await?;
        let (containers, images) =
            futures_util::future::try_join(engine.containers(), engine.images()).await?;
        let own = services_of(&containers, &config.id);
        let details = join_all(own.iter().map(|c| engine.container_inspect(&c.id))).await;
        // one that goes away between the two questions is shown as it was seen first
        let details: BTreeMap<String, ContainerDetail> = details
            .into_iter()
            .flatten()
            .map(|detail| (detail.id.clone(), detail))
            .collect();
        let answers = asked(session, &engine, config, &details).await?;
        let rows = rows(session, config, &own, &details, &answers, &images);
        let open = open_host(session, config, &own);
        let certificates = if rows.iter().any(|r| r.service == "caddy" && up(r)) {
            certificates::look(config, &session.catalogue).await
        } else {
            Vec::new()
        };
        let disk = Disk::look(session, config);
        let mut notes = notes(config, &rows, &certificates);
        notes.extend(disk.as_ref().and_then(|disk| disk.problem.clone()));
        notes.extend(open);
        let outcome = Outcome {
            stack: config.name().as_str(),
            stack_id: config.id.as_str(),
            base_dir: config.base_dir().display().to_string(),
            domain: config.domain(),
            disk,
            ca_certificate: services::local_ca(config),
            notes,
            certificates,
            services: rows,
        };
        session.printer.result(&outcome, || text(&outcome));
        Ok(if well(&outcome.services) {
            Exit::Ok
        } else {
            Exit::Unhealthy
        })
    }
}

/// That the containers of a running stack reach the host, when they do: after a boot that did not put the rules back.
fn open_host(
    session: &Session,
    config: &StackConfig,
    own: &[&ObservedContainer],
) -> Option<String> {
    let runs = own.iter().any(|c| c.state == ContainerState::Running);
    let question = HostQuestion {
        base_dir: config.base_dir().to_path_buf(),
        ..HostQuestion::default()
    };
    // somebody who may not see the firewall cannot be told
    let seen = runs
        .then(|| session.host().facts(&question).ok())
        .flatten()?;
    let closed = seen.firewall.guarded.contains(&config.id.bridge());
    (seen.firewall.available && !closed).then(|| {
        "THE HOST IS OPEN TO THIS STACK: its firewall rules are gone, and its containers reach what listens on the \
         host; `aiplat firewall` closes it"
            .to_owned()
    })
}

/// The stack's containers that run services: one that lives for a check only is none.
fn services_of<'c>(all: &'c [ObservedContainer], id: &StackId) -> Vec<&'c ObservedContainer> {
    all.iter()
        .filter(|c| c.belongs_to(id) && c.label(label::PURPOSE).is_none())
        .collect()
}

fn up(row: &services::Row) -> bool {
    matches!(row.state.as_str(), "healthy" | "running")
}

/// Whether each service is up; what only waits until its successor is proved says nothing of that.
fn well(rows: &[services::Row]) -> bool {
    rows.iter().all(|row| {
        let of_it = |other: &&services::Row| other.service == row.service;
        up(row) || (row.state == REPLACED && rows.iter().filter(of_it).any(up))
    })
}

/// Whether those services answer of which the engine's own checks have found nothing yet, by the container's id.
async fn asked<E: Engine>(
    session: &Session,
    engine: &E,
    config: &StackConfig,
    details: &BTreeMap<String, ContainerDetail>,
) -> Result<BTreeMap<String, bool>, Failure> {
    let open = |d: &&ContainerDetail| {
        let health = d.health.as_ref().map(|h| h.state);
        d.state == ContainerState::Running && health == Some(HealthState::Starting)
    };
    let open: Vec<_> = details.values().filter(open).collect();
    if open.is_empty() {
        return Ok(BTreeMap::new());
    }
    let facts = engine.facts().await?;
    let desired = desired(config, &session.catalogue, &facts).map_err(PrepareError::Desired)?;
    let redactor = Redactor::of_stack(config);
    let answers = open.into_iter().filter_map(|detail| {
        let mut services = desired.services.iter();
        let service = services.find(|s| s.container.name.as_str() == detail.name)?;
        let redactor = &redactor;
        Some(async move {
            let answer = probe_once(engine, &service.gate, redactor).await;
            (detail.id.clone(), matches!(answer, Ok(Answer::Ready)))
        })
    });
    Ok(join_all(answers).await.into_iter().collect())
}

fn rows(
    session: &Session,
    config: &StackConfig,
    own: &[&ObservedContainer],
    details: &BTreeMap<String, ContainerDetail>,
    answers: &BTreeMap<String, bool>,
    images: &BTreeMap<String, ImageFacts>,
) -> Vec<services::Row> {
    let mut rows = Vec::new();
    let mut wanted: Vec<ServiceName> = config.selection.services().to_vec();
    // containers of services that are no longer selected, or that an interrupted run left
    for name in own
        .iter()
        .filter_map(|c| c.label(label::SERVICE)?.parse().ok())
    {
        if !wanted.contains(&name) {
            wanted.push(name);
        }
    }
    for service in wanted {
        let of = |c: &&&ObservedContainer| c.label(label::SERVICE) == Some(service.as_str());
        let mut found = own.iter().filter(of).peekable();
        if found.peek().is_none() {
            rows.push(missing(session, config, &service));
        }
        for container in found {
            rows.push(row(
                session,
                config,
                &service,
                container,
                details.get(&container.id),
                answers.get(&container.id).copied(),
                images,
            ));
        }
    }
    rows
}

fn missing(session: &Session, config: &StackConfig, service: &ServiceName) -> services::Row {
    services::Row {
        service: service.to_string(),
        container: config.container(service).to_string(),
        state: "missing".to_owned(),
        urls: Vec::new(),
        ports: Vec::new(),
        image: session
            .catalogue
            .get(service)
            .map(|s| config.image(s))
            .unwrap_or_default(),
        stand_in: None,
        apparmor: None,
        since: None,
        lasts: None,
    }
}

fn row(
    session: &Session,
    config: &StackConfig,
    service: &ServiceName,
    container: &ObservedContainer,
    detail: Option<&ContainerDetail>,
    answers: Option<bool>,
    images: &BTreeMap<String, ImageFacts>,
) -> services::Row {
    let main = container.name == config.container(service).as_str();
    let stand_in = detail
        .and_then(|d| images.get(&d.image_id))
        .or_else(|| images.get(&container.image))
        .map(|facts| facts.stand_in);
    let ports = container
        .ports
        .iter()
        .filter(|p| p.host > 0)
        .map(|p| format!("{}:{}", p.address, p.host))
        .collect();
    services::Row {
        service: service.to_string(),
        container: container.name.clone(),
        state: if container.name == config.container(service).superseded() {
            REPLACED
        } else {
            state(container.state, detail, answers)
        }
        .to_owned(),
        urls: if main {
            services::urls(config, &session.catalogue, service)
        } else {
            Vec::new()
        },
        ports,
        image: detail.map_or_else(|| container.image.clone(), |d| d.image.clone()),
        stand_in,
        apparmor: detail
            .map(|d| d.apparmor_profile.clone())
            .filter(|p| !p.is_empty()),
        since: detail.and_then(|detail| since(container, detail)),
        lasts: Some(lasts(&container.status).to_owned()),
    }
}

/// One word for state and health; `answers` where the service itself was asked.
fn state(
    state: ContainerState,
    detail: Option<&ContainerDetail>,
    answers: Option<bool>,
) -> &'static str {
    match state {
        ContainerState::Created => "created",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Removing => "going",
        ContainerState::Exited => "stopped",
        ContainerState::Dead => "dead",
        ContainerState::Running => match detail.and_then(|d| d.health.as_ref()).map(|h| h.state) {
            Some(HealthState::Healthy) => "healthy",
            Some(HealthState::Unhealthy) => "unhealthy",
            Some(HealthState::Starting) | None => match answers {
                Some(true) => "healthy",
                Some(false) => "starting",
                None => "running",
            },
        },
    }
}

/// When it came to be as it is: started, ended, or made and never started.
fn since(container: &ObservedContainer, detail: &ContainerDetail) -> Option<String> {
    let at = match container.state {
        ContainerState::Created => {
            let made = Duration::from_secs(u64::try_from(container.created).ok()?);
            humantime::format_rfc3339_seconds(UNIX_EPOCH + made).to_string()
        }
        ContainerState::Exited | ContainerState::Dead => detail.finished_at.clone(),
        _ => detail.started_at.clone(),
    };
    Some(at).filter(|at| !at.is_empty())
}

/// `Up 3 minutes (healthy)` without the state that stands beside it.
fn lasts(status: &str) -> &str {
    let time = status.strip_prefix("Up ").unwrap_or(status);
    time.split(" (")
        .next()
        .filter(|_| status.starts_with("Up "))
        .unwrap_or(time)
}

fn notes(
    config: &StackConfig,
    rows: &[services::Row],
    certificates: &[certificates::Row],
) -> Vec<String> {
    let mut notes: Vec<String> = config
        .selection
        .left_out()
        .iter()
        .map(|l| format!("{} is left out: {}", l.service, l.reason))
        .collect();
    notes.extend(config.secrets.unfinished());
    if rows.iter().all(|row| row.apparmor.is_none()) {
        notes.push("no AppArmor profile is in force".to_owned());
    }
    if rows.iter().any(|row| row.state == "missing") {
        notes.push("services are missing: `aiplat deploy` brings them up".to_owned());
    }
    notes.extend(certificates.iter().filter_map(|row| row.problem.clone()));
    notes
}

fn text(outcome: &Outcome<'_>) -> String {
    let mut text = format!(
        "{} `{}` in {}\n\n",
        style::heading("Stack"),
        outcome.stack,
        outcome.base_dir
    );
    text += &services::table(&outcome.services).to_string();
    if let Some(line) = certificates::summary(&outcome.certificates) {
        text += &format!("\n{line}\n");
    }
    if let Some(line) = outcome.disk.as_ref().and_then(Disk::line) {
        text += &format!("\n{line}\n");
    }
    if !outcome.notes.is_empty() {
        text.push('\n');
    }
    for note in &outcome.notes {
        text += &format!("note: {note}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use aiplat_core::observed::Observed;

    use super::*;

    fn container(name: &str, labels: &[(&str, &str)]) -> ObservedContainer {
        let labels: BTreeMap<_, _> = labels.iter().copied().collect();
        serde_json::from_value(serde_json::json!({
            "id": name, "name": name, "image": "i", "state": "running", "status": "Up", "labels": labels,
            "networks": {}, "ports": [], "created": 0,
        }))
        .unwrap()
    }

    #[test]
    fn a_container_that_checks_a_configuration_is_no_service() {
        let (id, other) = ("0123456789ab", "ba9876543210");
        let all = Observed {
            containers: vec![
                container("ai-caddy", &[(label::STACK_ID, id)]),
                container(
                    "ai-caddy.check",
                    &[(label::STACK_ID, id), (label::PURPOSE, "check")],
                ),
                container("b-caddy", &[(label::STACK_ID, other)]),
            ],
            ..Observed::default()
        };
        let own = services_of(&all.containers, &id.parse().unwrap());
        let names: Vec<_> = own.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names, ["ai-caddy"]);
    }

    #[test]
    fn what_waits_for_its_successor_counts_by_that() {
        let row = |service: &str, state: &str| services::Row {
            service: service.into(),
            container: String::new(),
            state: state.into(),
            urls: Vec::new(),
            ports: Vec::new(),
            image: String::new(),
            stand_in: None,
            apparmor: None,
            since: None,
            lasts: None,
        };
        assert!(well(&[row("a", "replacing"), row("a", "healthy")]));
        assert!(!well(&[row("a", "replacing"), row("a", "starting")]));
        assert!(!well(&[row("a", "replacing"), row("b", "healthy")]));
        assert!(!well(&[row("a", "stopped")]));
    }

    #[test]
    fn the_time_stands_without_the_state() {
        assert_eq!(lasts("Up 3 minutes (healthy)"), "3 minutes");
        assert_eq!(lasts("Up 3 minutes"), "3 minutes");
        assert_eq!(lasts("Exited (1) 2 hours ago"), "Exited (1) 2 hours ago");
    }
}
