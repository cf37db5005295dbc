//! The wiring of all services as a table for the documentation.

use std::fmt::Write as _;

use crate::stores::StoreKind;
use crate::wiring::{Entry, Wiring, WiringTable};

/// A markdown table: a row per service, a column per store.
pub fn render_matrix<'t, S: AsRef<str>>(
    rows: impl IntoIterator<Item = (S, &'t WiringTable)>,
) -> String {
    let mut out = String::from("| service |");
    let mut rule = String::from("|---|");
    for kind in StoreKind::ALL {
        // writing to a String cannot fail
        let _ = write!(out, " {kind} |");
        rule.push_str("---|");
    }
    let _ = write!(out, "\n{rule}\n");
    for (service, table) in rows {
        let _ = write!(out, "| {} |", escaped(service.as_ref()));
        for (_, entry) in table.entries() {
            let _ = write!(out, " {} |", escaped(&cell(entry)));
        }
        out.push('\n');
    }
    out
}

fn cell(entry: &Entry) -> String {
    let mut words = match &entry.wiring {
        Wiring::Env { env, files } if env.is_empty() && files.is_empty() => "configured".to_owned(),
        Wiring::Env { env, .. } if env.is_empty() => "by file".to_owned(),
        Wiring::Env { .. } => "by environment".to_owned(),
        Wiring::InApp { words } => format!("in the app: {words}"),
        Wiring::None { reason } => return format!("no: {reason}"),
    };
    if let Some(config) = &entry.config {
        let _ = write!(words, " ({config})");
    }
    if entry.provision {
        words.push_str(", provisioned");
    }
    words
}

/// A cell ends at a bar or a line break.
fn escaped(text: &str) -> String {
    text.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
