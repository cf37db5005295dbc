//! `aiplat top`

use std::time::Duration;

use aiplat_docker::stack::{Usage, usage};
use clap::Args;
use serde_json::{Value, json};

use super::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;
use crate::view::{Table, style};
use crate::words::bytes;

/// Between the two looks that a share of a processor is told from.
const PAUSE: Duration = Duration::from_millis(500);

/// Between two pictures.
const TURN: Duration = Duration::from_millis(1500);

/// Show what each service uses: processors, memory against its limit, processes, network, disk.
///
/// Processors are those that were kept busy for half a second; memory is without file pages that the kernel takes back
/// when it needs them. The last line is the whole stack.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat top
  aiplat top --watch
      until Ctrl-C
  aiplat top --json | jq '.total.memory_bytes'")]
pub(crate) struct Top {
    /// Show it again and again; only on a terminal
    #[arg(short, long)]
    watch: bool,
}

impl Top {
    pub(super) async fn run(self, session: &Session) -> Ended {
        if self.watch && (!session.environment.terminal_out || session.printer.is_json()) {
            let words = "`--watch` draws on a terminal, and there is none";
            return Err(Failure::new(Exit::Usage, words).hint("`aiplat top` shows it once"));
        }
        let opened = session.opened()?;
        let config = &opened.config;
        let engine = session.engine().await?;
        loop {
            let all = usage(&engine, &config.id, PAUSE).await?;
            let total = total(&all);
            let document = json!({
                "stack": config.name(),
                "stack_id": config.id,
                "services": all,
                "total": of(&total),
            });
            if self.watch {
                // home, and everything below away
                session
                    .printer
                    .text(&format!("\x1b[H\x1b[J{}", table(&all, &total)));
            } else {
                session
                    .printer
                    .result(&document, || table(&all, &total).to_string());
                return Ok(Exit::Ok);
            }
            tokio::select! {
                () = tokio::time::sleep(TURN) => {}
                _ = tokio::signal::ctrl_c() => return Ok(Exit::Ok),
            }
        }
    }
}

/// The whole stack.
fn total(all: &[Usage]) -> Usage {
    let sum = |value: fn(&Usage) -> u64| all.iter().map(value).sum();
    Usage {
        service: "all".to_owned(),
        container: String::new(),
        cpus: all.iter().map(|u| u.cpus).sum(),
        memory_bytes: sum(|u| u.memory_bytes),
        memory_limit_bytes: sum(|u| u.memory_limit_bytes),
        processes: sum(|u| u.processes),
        received_bytes: Some(sum(|u| u.received_bytes.unwrap_or(0))),
        sent_bytes: Some(sum(|u| u.sent_bytes.unwrap_or(0))),
        read_bytes: sum(|u| u.read_bytes),
        written_bytes: sum(|u| u.written_bytes),
    }
}

fn of(total: &Usage) -> Value {
    json!({
        "cpus": total.cpus,
        "memory_bytes": total.memory_bytes,
        "processes": total.processes,
        "received_bytes": total.received_bytes,
        "sent_bytes": total.sent_bytes,
        "read_bytes": total.read_bytes,
        "written_bytes": total.written_bytes,
    })
}

fn table(all: &[Usage], total: &Usage) -> Table {
    let mut table = Table::new(&[
        "SERVICE",
        "PROCESSORS",
        "MEMORY",
        "OF",
        "PROCESSES",
        "RECEIVED",
        "SENT",
        "READ",
        "WRITTEN",
    ]);
    for (one, whole) in all.iter().map(|u| (u, false)).chain([(total, true)]) {
        let share = (one.memory_bytes * 100)
            .checked_div(one.memory_limit_bytes)
            .unwrap_or(0);
        let memory = bytes(one.memory_bytes);
        // nearly all of it: the next thing is that the kernel ends it
        let memory = if share >= 90 && !whole {
            style::bad(&memory)
        } else {
            memory
        };
        let limit = if whole {
            String::new()
        } else {
            format!("{} ({share} %)", bytes(one.memory_limit_bytes))
        };
        let known = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), bytes);
        table.row([
            one.service.clone(),
            format!("{:.2}", one.cpus),
            memory,
            limit,
            one.processes.to_string(),
            known(one.received_bytes),
            known(one.sent_bytes),
            bytes(one.read_bytes),
            bytes(one.written_bytes),
        ]);
    }
    table
}
