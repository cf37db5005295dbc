//! A table for a terminal.

use std::fmt::Write as _;

use crate::proof::{Layer, Report, Verdict};

/// One line a layer, then every cell that did not hold, then the sum. `all` lists the cells that held as well.
pub fn text(report: &Report, all: bool) -> String {
    let mut out = String::new();
    let stacks: Vec<String> = report
        .stacks
        .iter()
        .zip(&report.services)
        .map(|(name, count)| format!("{name} ({count} containers)"))
        .collect();
    let _ = writeln!(out, "isolation of {}", stacks.join(" and "));
    for left in &report.removed {
        let _ = writeln!(out, "removed, left by a run that did not end: {left}");
    }
    let _ = writeln!(
        out,
        "\n{:<11} {:>6} {:>9} {:>10} {:>12}",
        "layer", "held", "breaches", "not tried", "not in force"
    );
    for layer in Layer::ALL {
        let count = |verdict| report.of(verdict).filter(|c| c.layer == layer).count();
        let counts = [
            Verdict::Held,
            Verdict::Breach,
            Verdict::NotTried,
            Verdict::NotInForce,
        ]
        .map(count);
        if counts.iter().sum::<usize>() > 0 {
            let [held, breach, not_tried, not_in_force] = counts;
            let _ = writeln!(
                out,
                "{layer:<11} {held:>6} {breach:>9} {not_tried:>10} {not_in_force:>12}"
            );
        }
    }
    for (verdict, title) in [
        (Verdict::Breach, "BREACH"),
        (Verdict::NotTried, "NOT TRIED"),
        (Verdict::NotInForce, "not in force"),
        (Verdict::Held, "held"),
    ] {
        if verdict == Verdict::Held && !all {
            continue;
        }
        for cell in report.of(verdict) {
            let _ = writeln!(
                out,
                "\n{title}: {} | {} -> {} | {}",
                cell.layer, cell.from, cell.to, cell.tried
            );
            if !cell.expected.is_empty() {
                let _ = writeln!(out, "  expected: {}", cell.expected);
            }
            let _ = writeln!(out, "  seen:     {}", cell.seen);
            if !cell.evidence.is_empty() {
                let _ = writeln!(out, "  evidence: {}", cell.evidence);
            }
        }
    }
    let _ = writeln!(
        out,
        "\n{} cells tried, {} breaches, {} not tried, {} not in force, {:.1} s",
        report.tried(),
        report.count(Verdict::Breach),
        report.count(Verdict::NotTried),
        report.count(Verdict::NotInForce),
        report.seconds
    );
    out
}
