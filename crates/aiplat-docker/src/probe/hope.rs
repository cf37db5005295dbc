//! Whether waiting for a container is still of use.

use std::time::Duration;

use aiplat_core::observed::ContainerState;
use tokio::time::Instant;

use crate::engine::{ContainerDetail, Engine, EngineError};

/// So many restarts while it is waited are a loop.
const RESTARTS: u64 = 3;

/// Longest wait for the moment between two runs of one that starts over and over, and the pause between two looks.
const BETWEEN: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(50);

/// How a container ended, when waiting longer is of no use.
pub(super) fn beyond_hope(detail: &ContainerDetail, restarts_before: u64) -> Option<String> {
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
        // an engine shows the exit code of the last run only between two runs
        ContainerState::Running if loops(detail, restarts_before) => {
            Some("starts over and over".to_owned())
        }
        _ if loops(detail, restarts_before) => Some(format!(
            "starts over and over, last exit code {code}{memory}{error}"
        )),
        _ => None,
    }
}

fn loops(detail: &ContainerDetail, restarts_before: u64) -> bool {
    detail.restart_count.saturating_sub(restarts_before) >= RESTARTS
}

/// A container that starts over and over, as it is between two runs, when it can be seen there soon.
pub(super) async fn between_runs<E: Engine>(
    engine: &E,
    detail: ContainerDetail,
    restarts_before: u64,
) -> Result<ContainerDetail, EngineError> {
    let patience = Instant::now() + BETWEEN;
    let mut seen = detail;
    while seen.state == ContainerState::Running
        && loops(&seen, restarts_before)
        && Instant::now() < patience
    {
        tokio::time::sleep(LOOK).await;
        seen = engine.container_inspect(&seen.id).await?;
    }
    Ok(seen)
}

/// A state in words.
pub(super) fn state_word(state: ContainerState) -> &'static str {
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
