//! What an interrupted run asked of the engine and the engine may still be doing.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aiplat_core::config::StackConfig;
use aiplat_core::desired::{Desired, DesiredService};
use aiplat_core::observed::{ContainerState, Observed, ObservedContainer};

use super::PrepareError;
use crate::apply::{JournalFile, JournalRecord, Moment, read_journal};
use crate::blocking::blocking;
use crate::engine::{Engine, EngineError};
use crate::host::Host;

/// How much longer than a service's own time to stop the engine may need for it.
const LATE: Duration = Duration::from_secs(120);

/// Adds the containers that run, and that an interrupted run had begun to stop: an engine carries a stop to its end
/// whether or not its caller still lives. Costs a call of the engine for each, and none where nothing was interrupted.
pub(super) async fn look<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    config: &StackConfig,
    desired: &Desired,
    observed: &mut Observed,
) -> Result<(), PrepareError> {
    if !observed.containers.iter().any(|c| runs(c, config)) {
        return Ok(());
    }
    let grace = |s: &DesiredService| Duration::from_secs(s.container.stop_seconds.into()) + LATE;
    let now = SystemTime::now();
    let longest = desired.services.iter().map(grace).max().unwrap_or(LATE);
    let file = JournalFile::of(config);
    let journal = blocking(|| read_journal(host, &file, now - longest))?;
    let last: BTreeMap<&str, &JournalRecord> =
        journal.iter().map(|r| (r.step.as_str(), r)).collect();
    for service in &desired.services {
        let asked = stop_asked(&last, service).filter(|asked| now <= *asked + grace(service));
        let Some(asked) = asked else {
            continue;
        };
        let name = service.container.name.as_str();
        let mut all = observed.containers.iter();
        let Some(container) = all.find(|c| c.name == name && runs(c, config)) else {
            continue;
        };
        let detail = match engine.container_inspect(&container.id).await {
            Ok(detail) => detail,
            // it went away since it was listed
            Err(EngineError::NotFound { .. }) => continue,
            Err(error) => return Err(error.into()),
        };
        // one that was started since is meant to run
        let started = humantime::parse_rfc3339(&detail.started_at).unwrap_or(UNIX_EPOCH);
        if started <= asked {
            observed.stopping.insert(container.id.clone());
        }
    }
    Ok(())
}

fn runs(container: &ObservedContainer, config: &StackConfig) -> bool {
    container.state == ContainerState::Running && container.belongs_to(&config.id)
}

/// When a run last began to stop a service's container, unless it saw the end of it.
fn stop_asked(
    last: &BTreeMap<&str, &JournalRecord>,
    service: &DesiredService,
) -> Option<SystemTime> {
    let stop = format!("stop/{}", service.name);
    let remove = format!("remove/{}", service.container.name);
    [stop, remove]
        .iter()
        .filter_map(|step| last.get(step.as_str()))
        .filter(|record| record.moment == Moment::Begin)
        .map(|record| record.time())
        .max()
}
