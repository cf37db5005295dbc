//! `aiplat events`

use std::time::{Duration, UNIX_EPOCH};

use aiplat_core::config::StackConfig;
use aiplat_docker::certificate::now;
use aiplat_docker::engine::Engine;
use aiplat_docker::stack::{Happened, events, recorded};
use clap::Args;
use futures_util::StreamExt;
use serde_json::{Value, json};

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::{certificates::moment, style};

/// How often the journal is looked at while it is followed.
const LOOK: Duration = Duration::from_millis(500);

/// Show what happened to the stack: its containers, and the steps of runs.
///
/// Two accounts in the order of time: the engine's events of this stack's containers, of which it remembers only its
/// last few hundred, and the journal of the runs that changed the stack. Commands that were run in containers are left
/// out. With `--json` each event is a document of its own.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat events
      of the last hour
  aiplat events --since 24h --json | jq -r 'select(.what == \"die\") | .service'
  aiplat events --follow
      as they come, until Ctrl-C")]
pub(crate) struct Events {
    /// How far back, such as `10m`, `24h` or `7days`
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = humantime::parse_duration)]
    since: Duration,
    /// Go on showing new ones until interrupted
    #[arg(short, long)]
    follow: bool,
}

impl Events {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let config = &opened.config;
        let engine = session.engine().await?;
        let back = i64::try_from(self.since.as_secs()).unwrap_or(i64::MAX);
        let (until, since) = (now(), now().saturating_sub(back));
        // what happens from this second on is followed, and nothing is told twice
        let mut all = recorded_since(session, config, since)?;
        let mut past = Box::pin(events(&engine, config, Some(since), Some(until)));
        while let Some(event) = past.next().await {
            all.push(event?);
        }
        all.sort_by_key(|h| h.at);
        all.iter().for_each(|happened| show(session, happened));
        if self.follow {
            let told = all.iter().filter(|h| h.by == "run").count();
            follow(session, config, &engine, (since, told), until + 1).await?;
        }
        Ok(Exit::Ok)
    }
}

/// Shows what happens from the second `from` on. Of the journal since a second, so many records have been told.
async fn follow<E: Engine>(
    session: &Session,
    config: &StackConfig,
    engine: &E,
    (since, mut told): (i64, usize),
    from: i64,
) -> Result<(), Failure> {
    let mut coming = Box::pin(events(engine, config, Some(from), None));
    let mut turn = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            event = coming.next() => match event {
                Some(event) => show(session, &event?),
                None => return Ok(()),
            },
            _ = turn.tick() => {
                let all = recorded_since(session, config, since)?;
                all.iter().skip(told).for_each(|happened| show(session, happened));
                told = all.len();
            }
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

fn recorded_since(
    session: &Session,
    config: &StackConfig,
    since: i64,
) -> Result<Vec<Happened>, Failure> {
    recorded(&session.host(), config, since).map_err(|error| Failure::of(Exit::Host, &error))
}

fn show(session: &Session, happened: &Happened) {
    if session.printer.is_json() {
        session.printer.line(&document(happened));
        return;
    }
    let detail: Vec<String> = happened
        .detail
        .iter()
        .filter(|(key, _)| key.as_str() != "plan")
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    let text = format!(
        "{}  {:<6}  {:<22}  {}  {}",
        moment(happened.at / 1000),
        happened.by,
        happened.on,
        happened.what,
        style::faint(&detail.join(", "))
    );
    session.printer.text(text.trim_end());
}

/// The event for programs: its time as all other documents have theirs.
fn document(happened: &Happened) -> Value {
    let mut document = json!(happened);
    let since = Duration::from_millis(happened.at.try_into().unwrap_or_default());
    let at = humantime::format_rfc3339_millis(UNIX_EPOCH + since);
    document["at"] = json!(at.to_string());
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_get_the_time_as_rfc_3339() {
        let happened = Happened {
            at: 1_795_341_120_680,
            by: "engine",
            service: None,
            what: "die".into(),
            on: "a-redis".into(),
            detail: std::collections::BTreeMap::new(),
        };
        assert_eq!(document(&happened)["at"], "2026-11-22T09:52:00.680Z");
    }
}
