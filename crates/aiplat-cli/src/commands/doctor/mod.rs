//! `aiplat doctor`

mod certificates;
mod drift;
mod engine;
mod finding;
mod host;
mod manifest;
mod stack;
mod volumes;

use aiplat_docker::host::{Host, HostQuestion};
use aiplat_docker::observe::{ObserveQuestion, observe};
use aiplat_docker::stack::{Opened, open};
use clap::Args;
use serde_json::json;

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::words::count;
use finding::{Finding, Severity};

/// Look for what is wrong with engine, host and stack, and say how to mend it.
///
/// Looks at the engine and its version, cgroups, AppArmor, the firewall rules of running stacks, ports, subnets, users,
/// free space, the clock, the volume, the manifest and its modes, the licences of what runs, and whatever was changed by
/// hand: every setting of every container. Changes nothing. Works
/// without a stack and without an engine too, as far as it gets.
///
/// Ends with 11 where something must be mended (`error`); a `warning` may be meant so.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat doctor
  aiplat --base-dir /mnt/data2 doctor
  aiplat doctor --json | jq '.findings[] | select(.severity == \"error\")'")]
pub(crate) struct Doctor {
    /// Show what was found to be well, too
    #[arg(short, long)]
    all: bool,
}

impl Doctor {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let mut findings = Vec::new();
        if let Err(failure) = session.expect_own_services() {
            findings.push(finding::failed("services", &failure));
        }
        let opened = opened(session, &mut findings);
        volumes::look(session, &mut findings)?;
        match session.engine().await {
            Ok(connected) => {
                let question = ObserveQuestion {
                    base_dir: opened
                        .as_ref()
                        .map_or_else(|| "/".into(), |o| o.volume.path.clone()),
                    cgroup_parent: None,
                    paths: opened.as_ref().map(manifest::paths).unwrap_or_default(),
                };
                let observed = observe(&connected, &session.host(), &question).await?;
                engine::look(&observed.engine, &mut findings);
                host::look(session, &observed, &mut findings);
                if let Some(opened) = &opened {
                    stack::look(session, opened, &observed, &mut findings);
                    manifest::look(opened, &observed, &mut findings);
                    stack::containers(opened, &observed.containers, &mut findings);
                    if stack::has_front_door(opened, &observed) {
                        certificates::look(session, opened, &mut findings).await;
                    }
                    drift::look(session, &connected, &mut findings).await?;
                }
            }
            Err(failure) => {
                findings.push(finding::failed("engine", &failure));
                // what can be said without an engine
                let facts = session.host().facts(&HostQuestion {
                    base_dir: "/".into(),
                    ..HostQuestion::default()
                })?;
                host::without_engine(&facts, &mut findings);
            }
        }
        findings.sort_by_key(|f| f.severity);
        let worst = findings
            .iter()
            .filter(|f| f.severity == Severity::Error)
            .count();
        let document = json!({"ok": worst == 0, "findings": findings});
        session.printer.result(&document, || self.text(&findings));
        Ok(if worst == 0 { Exit::Ok } else { Exit::Findings })
    }

    fn text(&self, findings: &[Finding]) -> String {
        let shown = findings
            .iter()
            .filter(|f| self.all || f.severity != Severity::Ok);
        let mut text: String = shown.map(Finding::text).collect();
        let number = |severity| findings.iter().filter(|f| f.severity == severity).count();
        text += &format!(
            "{}, {}, {} well\n",
            count(number(Severity::Error), "error", "errors"),
            count(number(Severity::Warning), "warning", "warnings"),
            number(Severity::Ok),
        );
        text
    }
}

/// The stack, when there is one; that there is none is no finding unless one was named.
fn opened(session: &Session, findings: &mut Vec<Finding>) -> Option<Opened> {
    let base_dir = session.base_dir().ok()?;
    match open(&session.host(), &session.catalogue, &base_dir) {
        Ok(opened) => {
            for warning in &opened.warnings {
                findings.push(Finding::warning(
                    "manifest",
                    warning.to_string(),
                    "look at `config/.env`",
                ));
            }
            Some(opened)
        }
        Err(error) => {
            findings.push(finding::failed("stack", &Failure::from(error)));
            None
        }
    }
}
