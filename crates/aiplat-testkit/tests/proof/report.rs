//! The report in all its forms.

use aiplat_testkit::proof::{Cell, Layer, Report, Verdict, render};

fn report() -> Report {
    let cell = |layer, to: &str| {
        Cell::new(layer, "a/redis", to, "something <odd> & \"quoted\"").expect("nothing")
    };
    Report {
        stacks: vec!["a".into(), "b".into()],
        services: vec![1, 1],
        cells: vec![
            cell(Layer::Network, "b/redis")
                .breach("tcp 10.0.0.2:6379 answers")
                .evidence("10.0.0.2"),
            cell(Layer::Files, "b").held("3 tried"),
            cell(Layer::Apparmor, "host").not_in_force("this kernel has none"),
            cell(Layer::Vectors, "b/qdrant"),
        ],
        removed: vec!["/x/.aiplat-proof-soft0".into()],
        phases: Vec::new(),
        seconds: 1.25,
    }
}

#[test]
fn a_cell_that_was_never_decided_is_not_proven() {
    let mut report = report();
    assert!(!report.proven());
    report.cells.retain(|c| c.verdict != Verdict::Breach);
    assert!(!report.proven());
    report.cells.retain(|c| c.verdict != Verdict::NotTried);
    assert!(report.proven());
}

#[test]
fn each_form_names_the_breach_and_none_breaks_on_odd_text() {
    let report = report();
    let text = render::text(&report, true);
    assert!(
        text.contains("BREACH: network | a/redis -> b/redis"),
        "{text}"
    );
    assert!(
        text.contains("2 cells tried, 1 breach, 1 not tried, 1 not in force"),
        "{text}"
    );
    let again: Report = serde_json::from_str(&render::json(&report)).unwrap();
    assert_eq!(again, report);
    let junit = render::junit(&report);
    assert!(junit.contains("failures=\"1\" errors=\"1\""), "{junit}");
    assert!(
        junit.contains("&lt;odd&gt; &amp; &quot;quoted&quot;"),
        "{junit}"
    );
    let html = render::html(&report);
    assert!(html.contains("<svg") && html.contains("#cf222e") && html.contains("BROKEN"));
    assert!(
        !html.contains("<odd>") && !html.contains("http"),
        "nothing is loaded from elsewhere"
    );
}

#[test]
fn what_is_not_in_force_for_many_is_one_line() {
    let cell = |from: &str, seen: &str| {
        Cell::new(Layer::Apparmor, from, "host", "the labels of its processes").not_in_force(seen)
    };
    let mut report = report();
    report.cells = vec![
        cell("a/redis", "this kernel has none"),
        cell("a/caddy", "this kernel has none"),
        cell("b/redis", "the plan turns it off"),
        cell("a/qdrant", "this kernel has none"),
    ];
    let text = render::text(&report, false);
    let lines: Vec<&str> = text.lines().filter(|l| l.starts_with("not in")).collect();
    assert_eq!(
        lines,
        [
            "not in force: apparmor | a/redis, a/caddy, a/qdrant -> host | the labels of its processes: this kernel has none",
            "not in force: apparmor | b/redis -> host | the labels of its processes: the plan turns it off",
        ]
    );
    let each = render::text(&report, true);
    assert_eq!(each.matches("\nnot in force: ").count(), 4, "{each}");
}

#[test]
fn json_says_its_verdict_and_what_it_comes_to() {
    let mut report = report();
    let document = |report: &Report| -> serde_json::Value {
        serde_json::from_str(&render::json(report)).unwrap()
    };
    let broken = document(&report);
    assert_eq!(broken["ok"], false);
    let totals = serde_json::json!({
        "tried": 2, "held": 1, "breaches": 1, "not_tried": 1, "not_in_force": 1
    });
    assert_eq!(broken["totals"], totals);
    report
        .cells
        .retain(|c| matches!(c.verdict, Verdict::Held | Verdict::NotInForce));
    assert_eq!(document(&report)["ok"], true);
}
