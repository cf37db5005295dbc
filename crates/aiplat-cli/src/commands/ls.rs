//! `aiplat ls`

use aiplat_core::allocation::Reservation;
use aiplat_docker::stack::{StackSummary, list};
use clap::Args;
use serde::Serialize;

use super::Ended;
use crate::exit::Exit;
use crate::session::Session;
use crate::view::{Table, style};

/// List every stack on this host.
///
/// Stacks are known from the host-wide register and from what their containers wear; one that the register forgot is
/// listed all the same.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  aiplat ls
  aiplat ls --json | jq -r '.[].base_dir' | xargs -n1 -I{} aiplat --base-dir {} status")]
pub(crate) struct Ls;

#[derive(Debug, Serialize)]
struct Row {
    stack: String,
    stack_id: String,
    base_dir: String,
    containers: usize,
    running: usize,
    #[serde(flatten)]
    reserved: Option<Reserved>,
}

#[derive(Debug, Serialize)]
struct Reserved {
    domain: String,
    subnet: String,
    uids: Vec<u32>,
    ports: Vec<u16>,
}

impl Ls {
    pub(super) async fn run(self, session: &Session) -> Ended {
        let engine = session.engine().await?;
        let stacks = list(
            &engine,
            &session.host(),
            &session.catalogue,
            &session.places(),
        )
        .await?;
        let rows: Vec<Row> = stacks.into_iter().map(row).collect();
        session.printer.result(&rows, || text(&rows));
        Ok(Exit::Ok)
    }
}

fn row(stack: StackSummary) -> Row {
    Row {
        stack: stack.stack.to_string(),
        stack_id: stack.stack_id.to_string(),
        base_dir: stack.base_dir.display().to_string(),
        containers: stack.containers,
        running: stack.running,
        reserved: stack.reservation.map(reserved),
    }
}

fn reserved(reservation: Reservation) -> Reserved {
    Reserved {
        domain: reservation.domain,
        subnet: reservation.subnet.to_string(),
        uids: reservation.uids.into_iter().collect(),
        ports: reservation.ports.into_iter().map(|p| p.port).collect(),
    }
}

fn text(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "no stack on this host".to_owned();
    }
    let mut table = Table::new(&[
        "STACK", "BASE_DIR", "DOMAIN", "RUNNING", "SUBNET", "USERS", "PORTS",
    ]);
    for row in rows {
        let running = format!("{} of {}", row.running, row.containers);
        let running = if row.running == row.containers {
            style::good(&running)
        } else {
            style::changed(&running)
        };
        let numbers = |all: &[u32]| all.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        let reserved = row.reserved.as_ref();
        table.row([
            row.stack.clone(),
            row.base_dir.clone(),
            reserved.map(|r| r.domain.clone()).unwrap_or_default(),
            running,
            reserved.map(|r| r.subnet.clone()).unwrap_or_default(),
            reserved.map(|r| numbers(&r.uids)).unwrap_or_default(),
            reserved.map(|r| spans(&r.ports)).unwrap_or_default(),
        ]);
    }
    table.to_string()
}

/// `80 443 5000-5011`
fn spans(ports: &[u16]) -> String {
    let mut ports = ports.to_vec();
    ports.sort_unstable();
    ports.dedup();
    let mut spans: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match spans.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(port) => *last = port,
            _ => spans.push((port, port)),
        }
    }
    let words: Vec<String> = spans
        .into_iter()
        .map(|(first, last)| {
            if first == last {
                first.to_string()
            } else {
                format!("{first}-{last}")
            }
        })
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_ports_are_one_span() {
        assert_eq!(
            spans(&[5001, 80, 5000, 443, 5002, 65535]),
            "80 443 5000-5002 65535"
        );
        assert_eq!(spans(&[]), "");
    }
}
