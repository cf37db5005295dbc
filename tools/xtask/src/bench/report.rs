//! The table.

use std::fmt::Write as _;

use super::numbers::Spread;
use super::samples::Samples;
use super::subject::{ALL, Action, Subject};

/// A goal: whose time of what, divided by whose, is at most how much.
struct Goal {
    what: &'static str,
    action: Action,
    below: Subject,
    most: f64,
}

const GOALS: [Goal; 3] = [
    Goal {
        what: "deploy / compose up",
        action: Action::Up,
        below: Subject::Compose,
        most: 0.4,
    },
    Goal {
        what: "deploy / bare floor",
        action: Action::Up,
        below: Subject::Floor,
        most: 1.15,
    },
    Goal {
        what: "no-op deploy / compose no-op up",
        action: Action::Noop,
        below: Subject::Compose,
        most: 0.05,
    },
];

const ROWS: [(Action, &str); 5] = [
    (Action::Up, "deploy to all healthy"),
    (Action::Noop, "no-op deploy"),
    (Action::Plan, "plan of a running stack"),
    (Action::Version, "command start (version)"),
    (Action::Down, "teardown"),
];

/// The whole result as Markdown.
pub(crate) fn text(samples: &Samples, rounds: usize) -> String {
    let mut text = format!(
        "Ratios of whole processes' wall clock, median (least to most) of {rounds} interleaved rounds:\n\n\
         | ratio | measured | goal | |\n|---|---|---|---|\n"
    );
    for goal in &GOALS {
        let above = samples.seconds((Subject::Aiplat, goal.action));
        let below = samples.seconds((goal.below, goal.action));
        let ratio = Spread::ratio(above, below);
        let verdict = if ratio.median <= goal.most {
            "met"
        } else {
            "NOT met"
        };
        let (what, most) = (goal.what, goal.most);
        let _ = writeln!(
            text,
            "| {what} | {} | at most {most} | {verdict} |",
            ratio.text(3, "")
        );
    }
    text += "\nWhole process, wall clock in milliseconds, median (least to most); processor time of the process and its \
             children, not of the engine; largest peak of memory; calls of the engine in one run:\n\n\
             | what | by | wall ms | cpu ms | peak MiB | engine calls |\n|---|---|---|---|---|---|\n";
    for (action, words) in ROWS {
        for subject in ALL {
            let key = (subject, action);
            let Some(peak) = samples.peak(key) else {
                continue;
            };
            let wall = milliseconds(samples.seconds(key));
            let processor = milliseconds(samples.processor(key));
            let calls = samples
                .calls(key)
                .map_or_else(String::new, |c| c.values().sum::<usize>().to_string());
            let _ = writeln!(
                text,
                "| {words} | {} | {} | {:.0} | {peak:.1} | {calls} |",
                subject.word(),
                wall.text(usize::from(wall.median < 100.0), ""),
                processor.median,
            );
        }
    }
    text
}

/// What the engine was asked, call by call.
pub(crate) fn calls(samples: &Samples) -> String {
    let mut text = String::new();
    for (action, words) in ROWS {
        for subject in ALL {
            let Some(calls) = samples.calls((subject, action)).filter(|c| !c.is_empty()) else {
                continue;
            };
            let _ = writeln!(text, "{words}, {}:", subject.word());
            for (call, count) in calls {
                let _ = writeln!(text, "  {count:4} {call}");
            }
        }
    }
    text
}

fn milliseconds(seconds: &[f64]) -> Spread {
    let all: Vec<f64> = seconds.iter().map(|s| s * 1e3).collect();
    Spread::of(&all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::measure::Measured;

    #[test]
    fn a_goal_is_held_to_the_median_of_the_ratios() {
        let mut samples = Samples::default();
        let run = |seconds| Measured {
            seconds,
            peak_kib: 2048,
            cpu_seconds: 0.1,
        };
        for (own, compose, floor) in [(1.0, 4.0, 0.9), (2.0, 4.0, 1.0), (1.2, 4.0, 1.0)] {
            samples.put((Subject::Aiplat, Action::Up), &[run(own)]);
            samples.put((Subject::Compose, Action::Up), &[run(compose)]);
            samples.put((Subject::Floor, Action::Up), &[run(floor)]);
        }
        let text = text(&samples, 3);
        assert!(
            text.contains("| deploy / compose up | 0.300 (0.250 to 0.500) | at most 0.4 | met |"),
            "{text}"
        );
        assert!(text.contains("| at most 1.15 | NOT met |"), "{text}");
        assert!(
            text.contains("| 1200 (1000 to 2000) | 100 | 2.0 |"),
            "{text}"
        );
    }
}
