//! `aiplat logs`

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use aiplat_core::config::StackConfig;
use aiplat_core::names::ServiceName;
use aiplat_core::observed::ObservedContainer;
use aiplat_core::spec::label;
use aiplat_docker::certificate::now;
use aiplat_docker::engine::{Engine, EngineError, EventQuestion, LogLine, LogsFrom};
use aiplat_docker::redact::Redactor;
use clap::Args;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::SelectAll;
use serde::Serialize;

use super::Ended;
use crate::exit::Exit;
use crate::failure::{Failure, no_container};
use crate::session::Session;
use crate::view::style;

/// Show what services wrote.
///
/// Each line stands behind the name of its service. The stack's own secrets are taken out of what is shown. With
/// `--json` each line is a document of its own.
///
/// `--follow` goes on with containers that are started again or replaced meanwhile, and ends with Ctrl-C.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat logs
      the last lines of every service
  aiplat logs litellm redis -f
      as they come, of both
  aiplat logs -n 1000 postgres | grep ERROR")]
pub(crate) struct Logs {
    /// These only
    #[arg(value_name = "SERVICE")]
    services: Vec<ServiceName>,
    /// Go on showing new lines until interrupted
    #[arg(short, long)]
    follow: bool,
    /// How many lines of each service to begin with
    #[arg(short = 'n', long, value_name = "NUMBER", default_value_t = 50)]
    lines: u32,
}

/// One line of one service.
#[derive(Debug, Serialize)]
struct Line<'a> {
    service: &'a str,
    stream: &'static str,
    text: String,
}

impl Logs {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let opened = session.opened()?;
        let config = &opened.config;
        let engine = session.engine().await?;
        let containers = engine.containers().await?;
        let mut own: Vec<(&str, &ObservedContainer)> = containers
            .iter()
            .filter(|c| c.belongs_to(&config.id))
            .filter_map(|c| Some((c.label(label::SERVICE)?, c)))
            .filter(|(service, _)| {
                self.services.is_empty() || self.services.iter().any(|s| s.as_str() == *service)
            })
            .collect();
        own.sort_by_key(|(service, container)| (*service, container.created));
        self.expect_all(config, &own)?;
        let shown = Shown {
            session,
            redactor: Redactor::of_stack(config),
            width: own
                .iter()
                .map(|(service, _)| service.len())
                .max()
                .unwrap_or(0),
        };
        if self.follow {
            follow(&engine, config, &shown, &own, &self.services, self.lines).await?;
        } else {
            let tails =
                join_all(own.iter().map(|(_, c)| engine.logs_tail(&c.id, self.lines))).await;
            let tails: Result<Vec<Vec<LogLine>>, EngineError> = tails.into_iter().collect();
            for (index, ((service, _), lines)) in own.iter().zip(tails?).enumerate() {
                lines
                    .iter()
                    .for_each(|line| shown.line(index, service, line));
            }
        }
        Ok(Exit::Ok)
    }

    fn expect_all(
        &self,
        config: &StackConfig,
        own: &[(&str, &ObservedContainer)],
    ) -> Result<(), Failure> {
        let absent: Vec<ServiceName> = self
            .services
            .iter()
            .filter(|name| !own.iter().any(|(service, _)| *service == name.as_str()))
            .cloned()
            .collect();
        if absent.is_empty() {
            return Ok(());
        }
        Err(no_container(config, &absent))
    }
}

/// Shows lines as they are written, also of containers that are started, started again or replaced meanwhile, until it
/// is interrupted.
async fn follow<E: Engine>(
    engine: &E,
    config: &StackConfig,
    shown: &Shown<'_>,
    own: &[(&str, &ObservedContainer)],
    wanted: &[ServiceName],
    lines: u32,
) -> Result<(), EngineError> {
    // asked for first: what starts from now on is told of, and what was started in this very second already is not
    let began = SystemTime::now().duration_since(UNIX_EPOCH);
    let began = began.map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(0));
    let question = EventQuestion {
        stack: config.id.clone(),
        since: Some(now()),
        until: None,
    };
    let mut events = Box::pin(engine.events(question));
    let mut places: Vec<String> = Vec::new();
    let mut followed: BTreeMap<String, Followed> = BTreeMap::new();
    let mut all = SelectAll::new();
    let lines_of = |id: &str, service: &str, from: LogsFrom| {
        let (id, service) = (id.to_owned(), service.to_owned());
        let end = (id.clone(), service.clone(), None);
        let lines = engine.logs_follow(id.clone(), from);
        let named = lines.map(move |line| (id.clone(), service.clone(), Some(line)));
        // the end is told too: whoever starts again is followed again
        Box::pin(named.chain(futures_util::stream::iter([end])))
    };
    for (service, container) in own {
        all.push(lines_of(&container.id, service, LogsFrom::Last(lines)));
        followed.insert(container.id.clone(), Followed::default());
    }
    loop {
        tokio::select! {
            Some((id, service, line)) = all.next() => match line {
                Some(Ok(line)) => shown.line(place(&mut places, &service), &service, &line),
                // it was removed
                Some(Err(error)) if error.is_absent() => {}
                Some(Err(error)) => return Err(error),
                None => if let Some(second) = followed.remove(&id).and_then(|f| f.again) {
                    all.push(lines_of(&id, &service, LogsFrom::Second(second)));
                    followed.insert(id, Followed::default());
                },
            },
            event = events.next() => {
                let Some(event) = event else { return Ok(()) };
                let event = event?;
                let service = event.attributes.get(label::SERVICE).cloned().unwrap_or_default();
                let meant = wanted.is_empty() || wanted.iter().any(|w| w.as_str() == service);
                // short-lived ones, such as checks, are no service's
                let purpose = event.attributes.contains_key(label::PURPOSE);
                if event.action != "start" || !meant || purpose || event.at < began {
                    continue;
                }
                let second = event.at / 1_000_000_000;
                if let Some(followed) = followed.get_mut(&event.id) {
                    // its old stream has not ended yet
                    followed.again = Some(second);
                } else {
                    all.push(lines_of(&event.id, &service, LogsFrom::Second(second)));
                    followed.insert(event.id, Followed::default());
                }
            }
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

/// A container whose lines are shown.
#[derive(Debug, Default)]
struct Followed {
    /// It was started again in this second, before the end of its lines was seen.
    again: Option<i64>,
}

/// A service's place, which its colour comes from.
fn place(places: &mut Vec<String>, service: &str) -> usize {
    let known = places.iter().position(|name| name == service);
    known.unwrap_or_else(|| {
        places.push(service.to_owned());
        places.len() - 1
    })
}

struct Shown<'a> {
    session: &'a Session,
    redactor: Redactor,
    width: usize,
}

impl Shown<'_> {
    fn line(&self, index: usize, service: &str, line: &LogLine) {
        let text = self.redactor.clean(&line.text);
        let printer = &self.session.printer;
        if printer.is_json() {
            let stream = if line.stderr { "stderr" } else { "stdout" };
            printer.line(&Line {
                service,
                stream,
                text,
            });
        } else {
            let name = style::nth(index, &format!("{service:0$} |", self.width));
            printer.text(&format!("{name} {text}"));
        }
    }
}
