//! One page with everything in it: the sum, the matrix as a picture, every cell.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::escaped;
use crate::proof::{Cell, Layer, Report, Verdict};

/// Width of one square, and of the space for names.
const SQUARE: usize = 14;
const NAMES: usize = 220;

const STYLE: &str = "body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem;color:#1b1f24}\
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
td,th{border-bottom:1px solid #d8dee4;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
td.n{text-align:right}.held{color:#1a7f37}.breach{color:#cf222e;font-weight:700}.not-tried{color:#9a6700;font-weight:700}\
.not-in-force{color:#57606a}svg text{font:10px ui-monospace,monospace;fill:#1b1f24}\
summary{cursor:pointer;margin:.4rem 0}.sum{font-size:1.15rem}";

/// The page; it loads nothing.
pub fn html(report: &Report) -> String {
    let mut out = String::new();
    let title = escaped(&format!("Isolation of {}", report.stacks.join(" and ")));
    let _ = write!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body><h1>{title}</h1>"
    );
    let (class, words) = if report.proven() {
        ("held", "proven")
    } else if report.count(Verdict::Breach) > 0 {
        ("breach", "BROKEN")
    } else {
        ("not-tried", "not proven: some cells could not be tried")
    };
    let _ = write!(
        out,
        "<p class=\"sum\"><span class=\"{class}\">{words}</span>: {}, {:.1} s</p>",
        report.totals(),
        report.seconds
    );
    for left in &report.removed {
        let _ = write!(
            out,
            "<p>Removed, left by a run that did not end: {}</p>",
            escaped(left)
        );
    }
    layers(report, &mut out);
    matrix(report, &mut out);
    cells(report, &mut out);
    out.push_str("</body></html>\n");
    out
}

fn class(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Held => ("held", "held"),
        Verdict::Breach => ("breach", "BREACH"),
        Verdict::NotTried => ("not-tried", "NOT TRIED"),
        Verdict::NotInForce => ("not-in-force", "not in force"),
    }
}

fn layers(report: &Report, out: &mut String) {
    out.push_str("<h2>Layers</h2><table><tr><th>layer</th><th>held</th><th>breaches</th><th>not tried</th><th>not in force</th></tr>");
    for layer in Layer::ALL {
        let count = |v| report.of(v).filter(|c| c.layer == layer).count();
        let counts = [
            Verdict::Held,
            Verdict::Breach,
            Verdict::NotTried,
            Verdict::NotInForce,
        ]
        .map(count);
        if counts.iter().sum::<usize>() == 0 {
            continue;
        }
        let _ = write!(out, "<tr><td>{layer}</td>");
        for number in counts {
            let _ = write!(out, "<td class=\"n\">{number}</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</table>");
}

/// Who towards whom: the worst of all cells, as a square.
fn matrix(report: &Report, out: &mut String) {
    let mut squares: BTreeMap<(&str, &str), Vec<&Cell>> = BTreeMap::new();
    for cell in &report.cells {
        squares
            .entry((&cell.from, &cell.to))
            .or_default()
            .push(cell);
    }
    let mut rows: Vec<&str> = squares.keys().map(|(from, _)| *from).collect();
    rows.dedup();
    let mut columns: Vec<&str> = squares.keys().map(|(_, to)| *to).collect();
    columns.sort_unstable();
    columns.dedup();
    let (width, height) = (
        NAMES + columns.len() * SQUARE + 10,
        NAMES + rows.len() * SQUARE + 10,
    );
    let _ = write!(
        out,
        "<h2>Who was tried towards whom</h2><p>A row is where it was tried from, a column what it was tried towards; a square is the \
         worst of its cells: <span class=\"held\">green held</span>, <span class=\"breach\">red breach</span>, \
         <span class=\"not-tried\">amber not tried</span>, <span class=\"not-in-force\">grey not in force</span>, white nothing to try.</p>\
         <div style=\"overflow:auto\"><svg role=\"img\" aria-label=\"matrix\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">"
    );
    for (number, name) in columns.iter().enumerate() {
        let x = NAMES + number * SQUARE + 10;
        let _ = write!(
            out,
            "<text transform=\"translate({x},{}) rotate(-60)\">{}</text>",
            NAMES - 6,
            escaped(name)
        );
    }
    for (line, from) in rows.iter().enumerate() {
        let y = NAMES + line * SQUARE;
        let _ = write!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            NAMES - 6,
            y + 10,
            escaped(from)
        );
        for (number, to) in columns.iter().enumerate() {
            let Some(cells) = squares.get(&(*from, *to)) else {
                continue;
            };
            let worst = cells
                .iter()
                .map(|c| c.verdict)
                .max()
                .unwrap_or(Verdict::Held);
            let colour = match worst {
                Verdict::Held => "#2da44e",
                Verdict::NotInForce => "#afb8c1",
                Verdict::NotTried => "#d4a72c",
                Verdict::Breach => "#cf222e",
            };
            let words: Vec<String> = cells
                .iter()
                .map(|c| format!("{}: {}: {}", c.layer, c.tried, class(c.verdict).1))
                .collect();
            let _ = write!(
                out,
                "<rect x=\"{}\" y=\"{y}\" width=\"{}\" height=\"{}\" fill=\"{colour}\"><title>{}</title></rect>",
                NAMES + number * SQUARE,
                SQUARE - 1,
                SQUARE - 1,
                escaped(&format!("{from} -> {to}\n{}", words.join("\n")))
            );
        }
    }
    out.push_str("</svg></div>");
}

fn cells(report: &Report, out: &mut String) {
    out.push_str("<h2>Every cell</h2>");
    for layer in Layer::ALL {
        let mut all: Vec<&Cell> = report.cells.iter().filter(|c| c.layer == layer).collect();
        if all.is_empty() {
            continue;
        }
        all.sort_by_key(|c| std::cmp::Reverse(c.verdict));
        let bad = all
            .iter()
            .any(|c| matches!(c.verdict, Verdict::Breach | Verdict::NotTried));
        let _ = write!(
            out,
            "<details{}><summary>{layer}: {} cells</summary><table><tr><th></th><th>from</th><th>towards</th><th>tried</th><th>expected</th><th>seen</th><th>evidence</th><th>ms</th></tr>",
            if bad { " open" } else { "" },
            all.len()
        );
        for cell in all {
            let (class, words) = class(cell.verdict);
            let _ = write!(out, "<tr><td class=\"{class}\">{words}</td>");
            for text in [
                &cell.from,
                &cell.to,
                &cell.tried,
                &cell.expected,
                &cell.seen,
                &cell.evidence,
            ] {
                let _ = write!(out, "<td>{}</td>", escaped(text));
            }
            let _ = write!(out, "<td class=\"n\">{}</td></tr>", cell.micros / 1000);
        }
        out.push_str("</table></details>");
    }
}
