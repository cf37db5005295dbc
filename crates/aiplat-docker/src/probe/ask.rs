//! Asking once.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use aiplat_core::observed::ContainerState;
use aiplat_core::spec::{Gate, Probe};

use super::hope::state_word;
use super::{GateError, Outcome, TRY, alive, http, postgres, redis};
use crate::engine::{ContainerDetail, Engine, EngineError, HealthState, UserOf};
use crate::redact::Redactor;

/// Longest time of one command in the container.
const EXEC_TRY: Duration = Duration::from_secs(15);

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
pub(super) async fn asked_at<E: Engine>(
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
pub(super) fn has_address(probe: &Probe) -> bool {
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

/// Asks at the address that was seen, or through the engine.
pub(super) async fn ask<E: Engine>(
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
