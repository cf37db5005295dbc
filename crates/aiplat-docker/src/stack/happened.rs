//! What happened to a stack: by the engine's account of its containers, and by the journal of the runs that changed it.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use aiplat_core::config::StackConfig;
use aiplat_core::spec::label;
use futures_util::{Stream, StreamExt};
use serde::Serialize;

use crate::apply::{JournalError, JournalFile, JournalRecord, Moment, read_journal};
use crate::engine::{Answer, Engine, EngineEvent, EventQuestion};
use crate::host::Host;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// Milliseconds since 1970.
    pub at: i64,
    /// `engine`, or `run` for a step of a run of ours.
    pub by: &'static str,
    /// The service, where it is about one.
    pub service: Option<String>,
    /// What, such as `start`, `die`, `begin`, `done`.
    pub what: String,
    /// On what: a container, or a step of a run.
    pub on: String,
    /// What else is worth knowing, such as `exitCode`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
}

/// What happened and happens to the stack's containers, oldest first; with `until`, seconds since 1970, it ends there.
/// The engine remembers only its last few hundred events.
pub fn events<E: Engine>(
    engine: &E,
    config: &StackConfig,
    since: Option<i64>,
    until: Option<i64>,
) -> impl Stream<Item = Answer<Happened>> + Send {
    let question = EventQuestion {
        stack: config.id.clone(),
        since,
        until,
    };
    engine.events(question).map(|event| event.map(of_engine))
}

/// What runs did, oldest first, from the second `since` on, since 1970.
///
/// # Errors
/// [`JournalError`].
pub fn recorded<H: Host>(
    host: &H,
    config: &StackConfig,
    since: i64,
) -> Result<Vec<Happened>, JournalError> {
    let since = UNIX_EPOCH + Duration::from_secs(since.try_into().unwrap_or_default());
    let records = read_journal(host, &JournalFile::of(config), since)?;
    Ok(records.into_iter().map(of_run).collect())
}

fn of_engine(event: EngineEvent) -> Happened {
    const TOLD: [&str; 3] = ["exitCode", "signal", "oldName"];
    let mut attributes = event.attributes;
    let service = attributes.remove(label::SERVICE);
    let service = service.filter(|_| !attributes.contains_key(label::PURPOSE));
    let detail = TOLD
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), attributes.remove(*key)?)));
    Happened {
        at: event.at / 1_000_000,
        by: "engine",
        detail: detail.collect(),
        // a check's container is not the service's
        service,
        what: event.action,
        on: attributes.remove("name").unwrap_or(event.id),
    }
}

fn of_run(record: JournalRecord) -> Happened {
    let what = match record.moment {
        Moment::Begin => "begin",
        Moment::Done => "done",
        Moment::Failed => "failed",
    };
    let service = record.step.split_once('/').map(|(_, tail)| tail);
    Happened {
        at: i64::try_from(record.at).unwrap_or(i64::MAX),
        by: "run",
        service: service.and_then(|s| s.split('/').next()).map(str::to_owned),
        what: what.to_owned(),
        on: record.step,
        detail: BTreeMap::from([("plan".to_owned(), record.plan)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_accounts_come_in_one_form() {
        let labels = [
            ("name", "ai-redis"),
            (label::SERVICE, "redis"),
            ("exitCode", "137"),
            ("image", "x"),
        ];
        let event = of_engine(EngineEvent {
            at: 1_795_341_120_680_537_500,
            kind: "container".into(),
            action: "die".into(),
            id: "1".into(),
            attributes: labels.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
        });
        assert_eq!(event.at, 1_795_341_120_680);
        assert_eq!(
            (event.service.as_deref(), event.on.as_str()),
            (Some("redis"), "ai-redis")
        );
        assert_eq!(
            event.detail.get("exitCode").map(String::as_str),
            Some("137")
        );
        let record = of_run(JournalRecord {
            at: 5,
            plan: "0123".into(),
            moment: Moment::Begin,
            step: "provision/n8n/postgres".into(),
        });
        assert_eq!(record.service.as_deref(), Some("n8n"));
        assert_eq!((record.by, record.what.as_str()), ("run", "begin"));
    }
}
