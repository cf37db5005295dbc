//! The report for people and for machines.

mod html;
mod junit;
mod text;

use super::Report;

pub use html::html;
pub use junit::junit;
pub use text::text;

/// The report as JSON, whole: its verdict and what it comes to first.
pub fn json(report: &Report) -> String {
    serde_json::to_string_pretty(&report.document()).unwrap_or_default()
}

/// What XML and HTML would take for markup, and what neither may hold.
fn escaped(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            '"' => "&quot;".to_owned(),
            c => c.to_string(),
        })
        .collect()
}
