//! `aiplat audit`

use std::time::SystemTime;

use aiplat_core::audit::{Ending, Entry, Outcome, Verdict, entries};
use aiplat_core::names::{StackId, StackName};
use aiplat_docker::audit::Trail;
use aiplat_docker::stack::{open, register, trail, trail_of};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::{Table, style};
use crate::words::count;

/// Show who changed what on this stack, and prove that nobody changed that record.
///
/// Every command that changes a stack writes a line to `BASE_DIR/config/audit.jsonl` before it begins and one when it
/// has ended: who, by user and `sudo` origin, with which arguments, which plan, and what came of it. Each line holds the
/// hash of the one before it, and how many there must be is kept in the state directory, so that a line that was
/// changed, taken out, put in or moved is found, and a log that was cut off at its end too. Commands that find nothing
/// to change write nothing.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat audit show --since 7d
  aiplat audit verify --json | jq .ok
  aiplat audit show --stack-id 0123456789ab
      of a stack that was purged")]
pub(crate) struct Audit {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the commands that changed the stack, oldest first
    ///
    /// One that has no end still runs, or its process died.
    #[command(
        after_long_help = "Examples:\n  aiplat audit show\n  aiplat audit show --since 2026-11-22\n  aiplat audit show --json | jq -r '.entries[] | select(.ended == null).command'"
    )]
    Show {
        /// Not what is older: a day, a time in UTC, or how long ago, such as 2026-11-22, 2026-11-22T09:30:00Z, 36h
        #[arg(long, value_name = "WHEN", value_parser = moment)]
        since: Option<SystemTime>,
        #[command(flatten)]
        whose: Whose,
    },
    /// Look whether every line is what was written, and none is missing; names the record where not
    ///
    /// Ends with code 11 on any finding. A run that died in the middle of its line is no finding: the line is kept in the
    /// state directory, and the next run completes it. Whoever is root can write both places: keep `last_hash` of
    /// `--json` elsewhere to be sure of what came before.
    #[command(after_long_help = "Examples:\n  aiplat audit verify\n  aiplat audit verify --json")]
    Verify {
        #[command(flatten)]
        whose: Whose,
    },
}

#[derive(Debug, Args)]
struct Whose {
    /// A stack by its identity, even one that was purged
    #[arg(long, value_name = "ID")]
    stack_id: Option<StackId>,
}

impl Audit {
    pub(super) fn run(self, session: &Session) -> Ended {
        match self.what {
            What::Show { since, whose } => Ok(show(session, &whose.trail(session)?, since)),
            What::Verify { whose } => Ok(verify(session, &whose.trail(session)?)),
        }
    }
}

impl Whose {
    fn trail(&self, session: &Session) -> Result<Trail, Failure> {
        let places = session.places();
        let Some(id) = &self.stack_id else {
            return Ok(trail(&places, &session.base_dir()?)?);
        };
        trail_of(&places, id)?.ok_or_else(|| {
            Failure::new(
                Exit::NoStack,
                format!("no audit trail of `{id}` on this host"),
            )
            .hint(format!(
                "`ls {}/audit` shows whose there are",
                places.state_dir.display()
            ))
        })
    }
}

fn show(session: &Session, trail: &Trail, since: Option<SystemTime>) -> Exit {
    let verdict = trail.verdict();
    let mut all = entries(&verdict.records);
    if let Some(since) = since {
        // one whose time cannot be read is shown rather than hidden
        all.retain(|entry| humantime::parse_rfc3339(&entry.at).map_or(true, |at| at >= since));
    }
    if !verdict.findings.is_empty() {
        session
            .printer
            .warning("the trail is not as it was written: `aiplat audit verify` says where");
    }
    let document = json!({
        "stack": name(session, trail),
        "stack_id": trail.stack_id(),
        "log": trail.path,
        "intact": verdict.findings.is_empty(),
        "entries": all,
    });
    session.printer.result(&document, || {
        if all.is_empty() {
            return "Nothing was changed.".to_owned();
        }
        let mut table = Table::new(&["RECORD", "WHEN", "WHO", "COMMAND", "PLAN", "RESULT"]);
        for entry in &all {
            table.row(row(entry));
        }
        all.iter().fold(table.to_string(), |text, entry| {
            text + &agreed(entry.seq, &entry.begin.risks)
        })
    });
    Exit::Ok
}

/// The stack's name, which no record has; nothing for one that is gone.
fn name(session: &Session, trail: &Trail) -> Option<StackName> {
    let id = trail.stack_id();
    // the log lies in the `config` of its stack
    let base_dir = trail.path.ancestors().nth(2)?;
    let opened = open(&session.host(), &session.catalogue, base_dir).ok();
    let opened = opened.filter(|opened| opened.config.id == *id);
    // one whose manifest cannot be read is reserved all the same
    let reserved = || Some(register(&session.places()).ok()?.get(id)?.stack.clone());
    opened
        .map(|opened| opened.config.name().clone())
        .or_else(reserved)
}

fn row(entry: &Entry) -> [String; 6] {
    let begin = &entry.begin;
    let command = if begin.arguments.is_empty() {
        begin.command.clone()
    } else {
        begin.arguments.join(" ")
    };
    let who = match &entry.who.sudo {
        Some(origin) => format!("{} (sudo by {})", entry.who.user, origin.user),
        None => entry.who.user.clone(),
    };
    let at = entry.at.get(..19).unwrap_or(&entry.at).replace('T', " ");
    let plan = begin.plan.clone().unwrap_or_default();
    [
        entry.seq.to_string(),
        at,
        who,
        command,
        plan,
        came_to(entry.ended.as_ref()),
    ]
}

/// What could be lost by a command, below the table: it is longer than a line.
fn agreed(seq: u64, risks: &[String]) -> String {
    let lines: String = risks.iter().map(|risk| format!("  {risk}\n")).collect();
    if risks.is_empty() {
        lines
    } else {
        format!("\nWhat was agreed to with record {seq}:\n{lines}")
    }
}

fn came_to(ended: Option<&Ending>) -> String {
    match ended.map(|ending| &ending.outcome) {
        Some(Outcome::Ok) => style::good("ok"),
        Some(Outcome::Failed { error }) => {
            let first = error.lines().next().unwrap_or_default();
            format!("{} {first}", style::bad("failed:"))
        }
        None => style::bad("no end: it runs, or it died"),
    }
}

fn verify(session: &Session, trail: &Trail) -> Exit {
    let verdict = trail.verdict();
    session
        .printer
        .result(&document(session, trail, &verdict), || {
            text(trail, &verdict)
        });
    if verdict.findings.is_empty() {
        Exit::Ok
    } else {
        Exit::Findings
    }
}

fn document(session: &Session, trail: &Trail, verdict: &Verdict) -> Value {
    let told = |what: Value, words: String| {
        let mut what = what;
        what["message"] = json!(words);
        what
    };
    let findings = verdict
        .findings
        .iter()
        .map(|f| told(json!(f), f.to_string()));
    let notes = verdict.notes.iter().map(|n| told(json!(n), n.to_string()));
    json!({
        "stack": name(session, trail),
        "stack_id": trail.stack_id(),
        "ok": verdict.findings.is_empty(),
        "log": trail.path,
        "records": verdict.records.len(),
        "last_hash": trail.head.as_ref().map(|head| &head.hash),
        "findings": findings.collect::<Vec<_>>(),
        "notes": notes.collect::<Vec<_>>(),
    })
}

fn text(trail: &Trail, verdict: &Verdict) -> String {
    let mut text = String::new();
    for finding in &verdict.findings {
        text += &format!("{} {finding}\n", style::bad("finding:"));
    }
    for note in &verdict.notes {
        text += &format!("note: {note}\n");
    }
    let records = count(verdict.records.len(), "record", "records");
    let log = trail.path.display();
    text + &match verdict.findings.len() {
        0 => format!("{records} in {log}, each as it was written.\n"),
        n => format!("{} in {log}.\n", count(n, "finding", "findings")),
    }
}

/// A day, a time, or how long ago.
fn moment(text: &str) -> Result<SystemTime, String> {
    let day = || humantime::parse_rfc3339_weak(&format!("{text} 00:00:00")).ok();
    let time = || humantime::parse_rfc3339_weak(text).ok();
    let ago = || before(text, SystemTime::now());
    ago().or_else(time).or_else(day).ok_or_else(|| {
        "expected a day, a time in UTC or how long ago, such as 2026-11-22, 2026-11-22T09:30:00Z or 36h"
            .to_owned()
    })
}

/// A while before a moment.
fn before(text: &str, moment: SystemTime) -> Option<SystemTime> {
    moment.checked_sub(humantime::parse_duration(text).ok()?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn since_is_a_day_a_time_or_a_while() {
        let at = |text| moment(text).unwrap();
        let day = at("2026-11-22");
        assert_eq!(
            at("2026-11-22T09:30:00Z"),
            day + Duration::from_secs(34_200)
        );
        assert_eq!(at("2026-11-22 09:30:00"), day + Duration::from_secs(34_200));
        // counted back from one moment: the machine's clock may be set between two
        assert_eq!(before("2h", day), Some(day - Duration::from_secs(7200)));
        assert_eq!(before("yesterday", day), None);
        for wrong in ["", "yesterday", "2026-13-01", "10"] {
            assert!(moment(wrong).is_err(), "{wrong}");
        }
    }
}
