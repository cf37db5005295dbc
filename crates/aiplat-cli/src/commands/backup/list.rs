//! `aiplat backup list`

use aiplat_archive::{Sealed, Stamp, Stored};
use aiplat_docker::stack::open;
use clap::Args;
use serde::Serialize;

use super::sealed;
use crate::commands::Ended;
use crate::exit::Exit;
use crate::kept::KeptArgs;
use crate::session::Session;
use crate::view::Table;
use crate::words::bytes;

/// List the archives in a place, the oldest of each stack first
///
/// Needs no key: what is shown lies beside each archive. Of a stack's directory, its own archives are listed; of a place
/// given with `--to`, those of every stack.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  aiplat backup list\n  aiplat backup list --to /mnt/backup\n  aiplat backup list --to s3://bucket/folder --s3-endpoint https://s3.example.org --json | jq -r '.[].name'"
)]
pub(crate) struct List {
    #[command(flatten)]
    kept: KeptArgs,
    /// Those of the stack that `--base-dir` tells only
    #[arg(long)]
    own: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    name: String,
    stack: String,
    created: String,
    size: u64,
    /// What lies beside it; none for an archive that was copied here alone.
    #[serde(flatten)]
    known: Option<Known>,
}

#[derive(Debug, Serialize)]
struct Known {
    stack_id: String,
    content: u64,
    entries: u64,
    sha256: String,
    sealed: Sealed,
    verified: Option<Stamp>,
}

impl List {
    pub(super) fn run(self, session: &Session) -> Ended {
        let target = self.kept.target(session, || session.base_dir())?;
        let mut there = target.list()?;
        if self.own || !self.kept.is_given() {
            let opened = open(&session.host(), &session.catalogue, &session.base_dir()?)?;
            there.retain(|a| a.name.stack() == opened.config.name().as_str());
        }
        let rows: Vec<Row> = there.into_iter().map(row).collect();
        session.printer.result(&rows, || {
            if rows.is_empty() {
                return format!("no archive in {}", target.place());
            }
            text(&rows)
        });
        Ok(Exit::Ok)
    }
}

fn row(stored: Stored) -> Row {
    Row {
        name: stored.name.to_string(),
        stack: stored.name.stack().to_owned(),
        created: stored.name.at().iso(),
        size: stored.size,
        known: stored.sidecar.map(|s| Known {
            stack_id: s.stack_id,
            content: s.content,
            entries: s.entries,
            sha256: s.sha256,
            sealed: s.sealed,
            verified: s.verified,
        }),
    }
}

fn text(rows: &[Row]) -> String {
    let mut table = Table::new(&[
        "ARCHIVE",
        "CREATED",
        "SIZE",
        "CONTENT",
        "SEALED FOR",
        "VERIFIED",
    ]);
    for row in rows {
        let known = row.known.as_ref();
        table.row([
            row.name.clone(),
            row.created.clone(),
            bytes(row.size),
            known.map(|k| bytes(k.content)).unwrap_or_default(),
            known.map(|k| sealed(&k.sealed)).unwrap_or_default(),
            known
                .map(|k| k.verified.map_or_else(|| "no".to_owned(), Stamp::iso))
                .unwrap_or_default(),
        ]);
    }
    table.to_string()
}
