//! `aiplat exit-codes`

use clap::Args;
use serde_json::json;

use super::Ended;
use crate::exit::Exit;
use crate::session::Session;

/// Show what each exit code means.
#[derive(Debug, Args)]
#[command(long_about = long(), after_long_help = "\
Examples:
  aiplat plan >/dev/null; case $? in 0) echo as wanted;; 2) echo changes;; *) echo failed;; esac
  aiplat exit-codes --json | jq -r '.[] | select(.code == 7).about'")]
pub(crate) struct ExitCodes;

fn long() -> String {
    format!(
        "Show what each exit code means. The codes are part of the interface: none changes its meaning.\n\n{}",
        Exit::table()
    )
}

impl ExitCodes {
    #[allow(clippy::unnecessary_wraps, clippy::unused_self)] // one shape for all commands
    pub(super) fn run(self, session: &Session) -> Ended {
        let codes: Vec<_> = Exit::ALL
            .iter()
            .map(|e| json!({"code": e.code(), "kind": e.word(), "about": e.about()}))
            .collect();
        session.printer.result(&codes, Exit::table);
        Ok(Exit::Ok)
    }
}
