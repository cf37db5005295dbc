//! `JUnit`'s XML: a suite for each layer, a case for each cell.

use std::fmt::Write as _;

use super::escaped;
use crate::proof::{Layer, Report, Verdict};

/// A breach is a failure, a cell that could not be tried an error, one that is not in force skipped.
pub fn junit(report: &Report) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"isolation\" tests=\"{}\" failures=\"{}\" errors=\"{}\" time=\"{:.3}\">",
        report.cells.len(),
        report.count(Verdict::Breach),
        report.count(Verdict::NotTried),
        report.seconds
    );
    for layer in Layer::ALL {
        let cells: Vec<_> = report.cells.iter().filter(|c| c.layer == layer).collect();
        if cells.is_empty() {
            continue;
        }
        let count = |verdict| cells.iter().filter(|c| c.verdict == verdict).count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{layer}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">",
            cells.len(),
            count(Verdict::Breach),
            count(Verdict::NotTried),
            count(Verdict::NotInForce)
        );
        for cell in cells {
            let name = escaped(&format!("{} -> {}: {}", cell.from, cell.to, cell.tried));
            let seconds = std::time::Duration::from_micros(cell.micros).as_secs_f64();
            let _ = write!(
                out,
                "    <testcase classname=\"isolation.{layer}\" name=\"{name}\" time=\"{seconds:.6}\""
            );
            let element = match cell.verdict {
                Verdict::Held => {
                    let _ = writeln!(out, "/>");
                    continue;
                }
                Verdict::Breach => "failure",
                Verdict::NotTried => "error",
                Verdict::NotInForce => "skipped",
            };
            let words = escaped(&format!(
                "expected: {}; seen: {}; evidence: {}",
                cell.expected, cell.seen, cell.evidence
            ));
            let _ = writeln!(out, "><{element} message=\"{words}\"/></testcase>");
        }
        let _ = writeln!(out, "  </testsuite>");
    }
    out.push_str("</testsuites>\n");
    out
}
