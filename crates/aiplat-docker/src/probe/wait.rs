//! Asking again until the answer is right, the time is over, or the container is beyond hope.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use aiplat_core::observed::ContainerState;
use aiplat_core::spec::{Gate, Probe};
use tokio::time::Instant;

use super::{GateError, Outcome, TRY, alive, http, postgres, redis};
use crate::engine::{ContainerDetail, Engine, EngineError, HealthState, UserOf};
use crate::redact::Redactor;

/// First and longest pause between two probes.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Pause between two probes that cost the engine something: a command in the container.
const EXEC_PAUSE: Duration = Duration::from_secs(1);

/// Longest time of one command in the container.
const EXEC_TRY: Duration = Duration::from_secs(15);

/// How often the engine is asked whether the container still runs: each inspection costs it some milliseconds.
const LOOK: Duration = Duration::from_millis(800);

const NOT_ASKED: &str = "it was not asked yet";

/// So many restarts while it is waited are a loop.
const RESTARTS: u64 = 3;

/// Last lines of the log that an error carries.
pub(crate) const LOG_LINES: u32 = 20;

/// Waits until a service is ready, and answers its container as it was seen last. `tell` hears what each probe that
/// was not answered as it should found, and the time since the first.
///
/// # Errors
/// [`GateError`]; at once when the container ended for good or starts over and over.
pub async fn gate<E: Engine>(
    engine: &E,
    gate: &Gate,
    redactor: &Redactor,
    tell: impl Fn(&str, Duration) + Send + Sync,
) -> Result<ContainerDetail, GateError> {
    let began = Instant::now();
    let deadline = began + Duration::from_secs(u64::from(gate.deadline_seconds));
    let mut detail = engine.container_inspect(gate.container.as_str()).await?;
    let restarts_before = detail.restart_count;
    let mut looked = Instant::now();
    let mut address = asked_at(engine, gate, &detail).await?;
    let mut last = NOT_ASKED.to_owned();
    let mut pause = PAUSE.0;
    loop {
        if let Some(how) = beyond_hope(&detail, restarts_before) {
            let log = log_of(engine, &detail.id, redactor).await;
            return Err(GateError::Ended {
                service: gate.service.clone(),
                how,
                last,
                log,
            });
        }
        if detail.state == ContainerState::Running {
            let probe = ask(engine, gate, &detail, address);
            match tokio::time::timeout_at(deadline, probe).await {
                Ok(Ok(Outcome::Ready)) => return Ok(detail),
                Ok(Ok(Outcome::NotYet(words))) => last = redactor.clean(&words),
                Ok(Err(error)) => return Err(error),
                // the deadline cut it short: what an earlier one found says more
                Err(_) if last == NOT_ASKED => "the probe had no answer yet".clone_into(&mut last),
                Err(_) => {}
            }
        } else {
            last = format!("the container is {}", state_word(detail.state));
        }
        tell(&last, began.elapsed());
        let longest = if matches!(gate.probe, Probe::Exec { .. }) {
            EXEC_PAUSE
        } else {
            PAUSE.1
        };
        tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
        pause = (pause * 3 / 2).min(longest);
        let late = Instant::now() >= deadline;
        let nowhere = address.is_none() && has_address(&gate.probe);
        if late || looked.elapsed() >= LOOK || nowhere || detail.state != ContainerState::Running {
            detail = engine.container_inspect(&detail.id).await?;
            looked = Instant::now();
            address = asked_at(engine, gate, &detail).await?;
        }
        if late && beyond_hope(&detail, restarts_before).is_none() {
            let log = log_of(engine, &detail.id, redactor).await;
            let (service, seconds) = (gate.service.clone(), gate.deadline_seconds);
            return Err(GateError::Deadline {
                service,
                seconds,
                last,
                log,
            });
        }
    }
}

/// Asks a service once whether it is ready.
///
/// # Errors
/// [`GateError`] when there is nothing to ask: no container, no address, no health check.
pub async fn probe_once<E: Engine>(
    engine: &E,
    gate: &Gate,
    redactor: &Redactor,
) -> Result<Outcome, GateError> {
    let detail = engine.container_inspect(gate.container.as_str()).await?;
    if detail.state != ContainerState::Running {
        return Ok(Outcome::NotYet(format!(
            "the container is {}",
            state_word(detail.state)
        )));
    }
    let address = asked_at(engine, gate, &detail).await?;
    Ok(match ask(engine, gate, &detail, address).await? {
        Outcome::Ready => Outcome::Ready,
        Outcome::NotYet(words) => Outcome::NotYet(redactor.clean(&words)),
    })
}

/// The address at which a gate's service answers, when it has one at this moment.
pub(crate) async fn address_of<E: Engine>(
    engine: &E,
    gate: &Gate,
    detail: &ContainerDetail,
) -> Result<Option<Ipv4Addr>, EngineError> {
    if gate.address_of == gate.container {
        return Ok(detail.addresses.get(&gate.network).copied());
    }
    let owner = engine.container_inspect(gate.address_of.as_str()).await?;
    Ok(owner.addresses.get(&gate.network).copied())
}

/// The same, where the probe needs one.
async fn asked_at<E: Engine>(
    engine: &E,
    gate: &Gate,
    detail: &ContainerDetail,
) -> Result<Option<Ipv4Addr>, EngineError> {
    if has_address(&gate.probe) {
        address_of(engine, gate, detail).await
    } else {
        Ok(None)
    }
}

/// Whether a probe is asked at the container's address.
fn has_address(probe: &Probe) -> bool {
    match probe {
        Probe::Http { .. } | Probe::Postgres { .. } | Probe::Redis { .. } | Probe::Tcp { .. } => {
            true
        }
        Probe::Exec { .. } | Probe::Alive { .. } | Probe::Engine => false,
    }
}

/// Asks a service once at the address that the plan saw. `false` where it has none, where the probe needs the engine,
/// and where the answer is not the right one.
pub async fn answers(gate: &Gate) -> bool {
    gate.at.is_some()
        && has_address(&gate.probe)
        && matches!(ask_at(gate, gate.at).await, Some(Outcome::Ready))
}

async fn ask<E: Engine>(
    engine: &E,
    gate: &Gate,
    detail: &ContainerDetail,
    address: Option<Ipv4Addr>,
) -> Result<Outcome, GateError> {
    if let Some(outcome) = ask_at(gate, address).await {
        return Ok(outcome);
    }
    Ok(match &gate.probe {
        Probe::Exec { argv } => {
            match tokio::time::timeout(EXEC_TRY, exec(engine, detail, argv)).await {
                Ok(outcome) => outcome?,
                Err(_) => Outcome::NotYet(format!(
                    "the command took longer than {} s",
                    EXEC_TRY.as_secs()
                )),
            }
        }
        Probe::Alive { settle_seconds } => alive::ready(
            &engine.container_inspect(&detail.id).await?,
            *settle_seconds,
        ),
        _ => engine_view(gate, &engine.container_inspect(&detail.id).await?)?,
    })
}

/// Asks over the network; `None` for a probe that is asked otherwise.
async fn ask_at(gate: &Gate, address: Option<Ipv4Addr>) -> Option<Outcome> {
    let port = match &gate.probe {
        Probe::Http { port, .. }
        | Probe::Postgres { port, .. }
        | Probe::Redis { port, .. }
        | Probe::Tcp { port } => *port,
        Probe::Exec { .. } | Probe::Alive { .. } | Probe::Engine => return None,
    };
    let Some(ip) = address else {
        let words = format!("it has no address in network `{}` yet", gate.network);
        return Some(Outcome::NotYet(words));
    };
    let to = SocketAddr::from((ip, port));
    let answer = async {
        match &gate.probe {
            Probe::Http {
                path, status, body, ..
            } => http::ready(to, path, *status, body.as_deref()).await,
            Probe::Postgres { user, database, .. } => postgres::ready(to, user, database).await,
            Probe::Redis { password, .. } => redis::ready(to, password.expose()).await,
            _ => accepts(to).await,
        }
    };
    let slow = || format!("no answer from port {port} within {} s", TRY.as_secs());
    let answer = tokio::time::timeout(TRY, answer).await;
    Some(answer.unwrap_or_else(|_| Outcome::NotYet(slow())))
}

async fn accepts(to: SocketAddr) -> Outcome {
    match tokio::net::TcpStream::connect(to).await {
        Ok(_) => Outcome::Ready,
        Err(error) => Outcome::NotYet(format!("connecting to port {}: {error}", to.port())),
    }
}

async fn exec<E: Engine>(
    engine: &E,
    detail: &ContainerDetail,
    argv: &[String],
) -> Result<Outcome, EngineError> {
    match engine.exec(&detail.id, UserOf::Container, argv).await {
        Ok(ended) if ended.exit_code == 0 => Ok(Outcome::Ready),
        Ok(ended) => {
            let said = ended
                .output
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ");
            let said: String = said.chars().take(300).collect();
            Ok(Outcome::NotYet(format!(
                "the command ended with exit code {}: {said}",
                ended.exit_code
            )))
        }
        // between the look and the command the container may have ended; the next look tells
        Err(
            error @ (EngineError::Refused { .. }
            | EngineError::NotFound { .. }
            | EngineError::Garbled { .. }),
        ) => Ok(Outcome::NotYet(error.to_string())),
        Err(error) => Err(error),
    }
}

fn engine_view(gate: &Gate, detail: &ContainerDetail) -> Result<Outcome, GateError> {
    match &detail.health {
        None => Err(GateError::NoHealthCheck {
            service: gate.service.clone(),
        }),
        Some(health) => Ok(match health.state {
            HealthState::Healthy => Outcome::Ready,
            HealthState::Starting => {
                Outcome::NotYet("the engine's check has not passed yet".to_owned())
            }
            HealthState::Unhealthy => {
                Outcome::NotYet(format!("the engine's check fails: {}", health.last_output))
            }
        }),
    }
}

/// How a container ended, when waiting longer is of no use.
fn beyond_hope(detail: &ContainerDetail, restarts_before: u64) -> Option<String> {
    let memory = if detail.out_of_memory {
        ", killed for want of memory"
    } else {
        ""
    };
    let error = if detail.error.is_empty() {
        String::new()
    } else {
        format!(" ({})", detail.error)
    };
    let code = detail.exit_code;
    match detail.state {
        ContainerState::Exited | ContainerState::Dead | ContainerState::Removing => {
            Some(format!("ended with exit code {code}{memory}{error}"))
        }
        _ if detail.restart_count.saturating_sub(restarts_before) >= RESTARTS => Some(format!(
            "starts over and over, last exit code {code}{memory}{error}"
        )),
        _ => None,
    }
}

fn state_word(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "made and not started",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Restarting => "restarting",
        ContainerState::Removing => "being removed",
        ContainerState::Exited => "ended",
        ContainerState::Dead => "dead",
    }
}

/// The last lines of a log without secrets; none when it cannot be read.
pub(crate) async fn log_of<E: Engine>(engine: &E, id: &str, redactor: &Redactor) -> Vec<String> {
    let lines = engine.logs_tail(id, LOG_LINES).await.unwrap_or_default();
    lines
        .iter()
        .map(|line| redactor.clean(&line.text))
        .collect()
}
