//! `aiplat logs`

use aiplat_core::names::ServiceName;
use aiplat_core::observed::ObservedContainer;
use aiplat_core::spec::label;
use aiplat_docker::engine::{Engine, EngineError, LogLine};
use aiplat_docker::redact::Redactor;
use clap::Args;
use futures_util::StreamExt;
use futures_util::future::join_all;
use futures_util::stream::select_all;
use serde::Serialize;

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::{Session, redactor};
use crate::view::style;

/// Show what services wrote.
///
/// Each line stands behind the name of its service. The stack's own secrets are taken out of what is shown. With
/// `--json` each line is a document of its own.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat logs
      the last lines of every service
  aiplat logs litellm -f
      as they come
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
        self.expect_all(&own)?;
        let shown = Shown {
            session,
            redactor: redactor(config),
            width: own
                .iter()
                .map(|(service, _)| service.len())
                .max()
                .unwrap_or(0),
        };
        if self.follow {
            let streams = own.iter().enumerate().map(|(index, (service, container))| {
                let named = move |line| (index, *service, line);
                Box::pin(engine.logs_follow(&container.id, self.lines).map(named))
            });
            let mut all = select_all(streams);
            while let Some((index, service, line)) = all.next().await {
                shown.line(index, service, &line?);
            }
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

    fn expect_all(&self, own: &[(&str, &ObservedContainer)]) -> Result<(), Failure> {
        let absent: Vec<String> = self
            .services
            .iter()
            .filter(|name| !own.iter().any(|(service, _)| *service == name.as_str()))
            .map(|name| format!("`{name}` has no container in this stack"))
            .collect();
        if absent.is_empty() {
            return Ok(());
        }
        Err(
            Failure::new(Exit::Invalid, "expected services of this stack")
                .all(absent)
                .hint("`aiplat status` shows them"),
        )
    }
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
