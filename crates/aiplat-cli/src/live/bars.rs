//! Moving bars: one for the whole plan, one for each service at work. A service that is healthy leaves a line.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aiplat_docker::events::{Event, Phase};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::ground;
use crate::words::{bytes, seconds};

/// The bars, drawn on standard error.
pub(crate) struct Bars {
    all: MultiProgress,
    whole: ProgressBar,
    rows: Mutex<BTreeMap<String, Row>>,
}

struct Row {
    bar: ProgressBar,
    since: Instant,
    layers: BTreeMap<String, (u64, u64)>,
}

impl Bars {
    pub(crate) fn new() -> Self {
        let all = MultiProgress::new();
        let whole = all.add(ProgressBar::new(0));
        whole.set_style(style("{bar:24} {pos}/{len} steps  {elapsed}  {msg}"));
        Self {
            all,
            whole,
            rows: Mutex::default(),
        }
    }

    pub(crate) fn end(&self) {
        if let Ok(rows) = self.rows.lock() {
            rows.values().for_each(|row| row.bar.finish_and_clear());
        }
        self.whole.finish_and_clear();
    }

    pub(crate) fn on(&self, event: &Event<'_>) {
        match event {
            Event::StepStarted { id, total, .. } => {
                self.whole.set_length(*total as u64);
                self.whole.enable_steady_tick(Duration::from_millis(120));
                if ground(id).is_some() {
                    self.whole.set_message((*id).to_owned());
                }
            }
            Event::StepDone { id, .. } => {
                self.whole.inc(1);
                if let Some(reference) = id.strip_prefix("image/") {
                    self.leave(reference, "pulled");
                }
            }
            Event::StepFailed { id, words, .. } => {
                self.say(&format!("failed  {id}: {words}"));
            }
            Event::NotInForce { service, missing } => {
                let words = missing.join("; ");
                self.say(&format!("warning: not in force for {service}: {words}"));
            }
            Event::Phase { service, phase } => self.phase(service.as_str(), *phase),
            Event::Waiting { service, last, .. } => {
                self.message(service.as_str(), &format!("waiting: {last}"))
            }
            Event::Pull {
                reference,
                progress,
            } => {
                if let (Some(current), Some(total)) = (progress.current, progress.total) {
                    let layer = progress.layer.clone();
                    let sum = self.row(reference, |row| {
                        row.layers.insert(layer, (current, total));
                        row.layers
                            .values()
                            .fold((0, 0), |sum, layer| (sum.0 + layer.0, sum.1 + layer.1))
                    });
                    if let Some((done, all)) = sum {
                        self.message(
                            reference,
                            &format!("pulling {} of {}", bytes(done), bytes(all)),
                        );
                    }
                }
            }
        }
    }

    fn phase(&self, service: &str, phase: Phase) {
        match phase {
            Phase::Healthy | Phase::Removed => self.leave(service, phase.word()),
            other => self.message(service, other.word()),
        }
    }

    /// The row of a subject, made when it is first spoken of.
    fn row<T>(&self, subject: &str, act: impl FnOnce(&mut Row) -> T) -> Option<T> {
        let mut rows = self.rows.lock().ok()?;
        let row = rows.entry(subject.to_owned()).or_insert_with(|| {
            let bar = self.all.add(ProgressBar::new_spinner());
            bar.set_style(style("  {spinner} {prefix:22} {elapsed:>4}  {wide_msg}"));
            bar.set_prefix(subject.to_owned());
            bar.enable_steady_tick(Duration::from_millis(120));
            Row {
                bar,
                since: Instant::now(),
                layers: BTreeMap::new(),
            }
        });
        Some(act(row))
    }

    fn message(&self, subject: &str, words: &str) {
        self.row(subject, |row| row.bar.set_message(words.to_owned()));
    }

    /// Ends a subject's row and leaves a line in its place.
    fn leave(&self, subject: &str, word: &str) {
        let took = self.row(subject, |row| {
            row.bar.finish_and_clear();
            row.since.elapsed()
        });
        if let Ok(mut rows) = self.rows.lock() {
            rows.remove(subject);
        }
        let took = took.map(seconds).unwrap_or_default();
        self.say(&format!("{word:<8} {subject:<22} {took}"));
    }

    fn say(&self, line: &str) {
        // a view that cannot be drawn must not end a deploy
        let _ = self.all.println(line);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a literal of ours")
}
