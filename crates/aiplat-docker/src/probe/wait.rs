//! Asking again until the answer is right, the time is over, or the container is beyond hope.

use std::time::Duration;

use aiplat_core::observed::ContainerState;
use aiplat_core::spec::{Gate, Probe};
use tokio::time::Instant;

use super::ask::{ask, asked_at, has_address};
use super::hope::{between_runs, beyond_hope, state_word};
use super::{GateError, Outcome};
use crate::engine::{ContainerDetail, Engine};
use crate::redact::Redactor;

/// First and longest pause between two probes over the network. They cost next to nothing.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// The same for what costs the engine some milliseconds, or tens of them for a command in the container.
const ENGINE_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A pause is this part of the wait so far: readiness is noticed late by at most that share, and a slow service is not
/// asked more often than it deserves.
const SHARE: u32 = 8;

/// How often the engine is asked whether the container still runs: each inspection costs it some milliseconds.
const LOOK: Duration = Duration::from_millis(800);

const NOT_ASKED: &str = "it was not asked yet";

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
    let mut watched = Watched::of(&detail);
    loop {
        detail = between_runs(engine, detail, restarts_before).await?;
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
                Ok(Ok(Outcome::NotYet(words))) => {
                    last = redactor.clean(&words);
                    if watched.settled(&gate.probe) {
                        detail = engine.container_inspect(&detail.id).await?;
                        if watched.still(&detail) {
                            return Ok(detail);
                        }
                        watched = Watched::of(&detail);
                    }
                }
                Ok(Err(error)) => return Err(error),
                // the deadline cut it short: what an earlier one found says more
                Err(_) if last == NOT_ASKED => "the probe had no answer yet".clone_into(&mut last),
                Err(_) => {}
            }
        } else {
            last = format!("the container is {}", state_word(detail.state));
        }
        tell(&last, began.elapsed());
        let nowhere = address.is_none() && has_address(&gate.probe);
        let look = nowhere || detail.state != ContainerState::Running;
        let pause = pause(look || !has_address(&gate.probe), began.elapsed());
        tokio::time::sleep_until(deadline.min(Instant::now() + pause)).await;
        let late = Instant::now() >= deadline;
        if late || look || looked.elapsed() >= LOOK {
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

/// A run of a container, watched for some time. That counts too for one that has only to run for a while: how long it
/// runs by its engine's account and this machine's clock is less than that when the clock goes back.
struct Watched {
    started_at: String,
    since: Instant,
}

impl Watched {
    fn of(detail: &ContainerDetail) -> Self {
        Self {
            started_at: detail.started_at.clone(),
            since: Instant::now(),
        }
    }

    fn settled(&self, probe: &Probe) -> bool {
        matches!(probe, Probe::Alive { settle_seconds }
            if self.since.elapsed() >= Duration::from_secs(u64::from(*settle_seconds)))
    }

    /// Whether it still is the same run.
    fn still(&self, detail: &ContainerDetail) -> bool {
        detail.state == ContainerState::Running && detail.started_at == self.started_at
    }
}

/// How long to wait before a service that has been waited for is asked again, `by_engine` where that asks the engine.
fn pause(by_engine: bool, waited: Duration) -> Duration {
    let (first, longest) = if by_engine { ENGINE_PAUSE } else { PAUSE };
    (waited / SHARE).clamp(first, longest)
}

/// The last lines of a log without secrets; none when it cannot be read.
pub(crate) async fn log_of<E: Engine>(engine: &E, id: &str, redactor: &Redactor) -> Vec<String> {
    let lines = engine.logs_tail(id, LOG_LINES).await.unwrap_or_default();
    lines
        .iter()
        .map(|line| redactor.clean(&line.text))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_service_is_asked_less_and_less_often() {
        let cases = [
            (false, 0, 10),
            (false, 400, 50),
            (false, 60_000, 500),
            (true, 0, 50),
            (true, 4_000, 500),
            (true, 60_000, 1_000),
        ];
        for (by_engine, waited, paused) in cases {
            let found = pause(by_engine, Duration::from_millis(waited));
            assert_eq!(found, Duration::from_millis(paused), "{by_engine} {waited}");
        }
    }
}
