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

/// First and longest pause between two probes.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Pause between two probes that cost the engine something: a command in the container.
const EXEC_PAUSE: Duration = Duration::from_secs(1);

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
    let mut pause = PAUSE.0;
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

/// The last lines of a log without secrets; none when it cannot be read.
pub(crate) async fn log_of<E: Engine>(engine: &E, id: &str, redactor: &Redactor) -> Vec<String> {
    let lines = engine.logs_tail(id, LOG_LINES).await.unwrap_or_default();
    lines
        .iter()
        .map(|line| redactor.clean(&line.text))
        .collect()
}
