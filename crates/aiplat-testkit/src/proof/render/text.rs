//! A table for a terminal.

use std::fmt::Write as _;

use crate::proof::{Cell, Layer, Report, Verdict};

/// One line a layer, then every cell that did not hold, then the sum. `all` lists the cells that held as well, and each
/// that is not in force by itself; else those that say the same of several services are one line.
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
        match verdict {
            Verdict::Held if !all => continue,
            Verdict::NotInForce if !all => {
                folded(report, &mut out);
                continue;
            }
            _ => {}
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
    let _ = writeln!(out, "\n{}, {:.1} s", report.totals(), report.seconds);
    out
}

/// What is not in force, once for all who would be told the same.
fn folded(report: &Report, out: &mut String) {
    let mut groups: Vec<(&Cell, Vec<&str>)> = Vec::new();
    for cell in report.of(Verdict::NotInForce) {
        let same = |c: &Cell| {
            (c.layer, &c.to, &c.tried, &c.seen) == (cell.layer, &cell.to, &cell.tried, &cell.seen)
        };
        match groups.iter_mut().find(|(first, _)| same(first)) {
            Some((_, names)) => names.push(&cell.from),
            None => groups.push((cell, vec![&cell.from])),
        }
    }
    for (cell, names) in groups {
        let _ = writeln!(
            out,
            "\nnot in force: {} | {} -> {} | {}: {}",
            cell.layer,
            names.join(", "),
            cell.to,
            cell.tried,
            cell.seen
        );
    }
}
