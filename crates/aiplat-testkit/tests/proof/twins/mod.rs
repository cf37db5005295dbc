//! Deployments that are broken on purpose, by an attacker or a careless colleague. Each must make the proof fail, and in
//! the right cell.

mod apparmor;
mod containers;
mod engine;
mod extras;
mod hogs;
mod host;
mod manifests;

use aiplat_testkit::proof::{Cell, Layer, Report, Verdict};

use super::lab::Lab;

/// How many were made, and how many were caught.
#[derive(Debug, Default)]
pub(crate) struct Score {
    pub(crate) made: usize,
    pub(crate) caught: usize,
    pub(crate) missed: Vec<String>,
}

/// The cell that a twin must break.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) layer: Layer,
    /// Part of who it is from, or of whom it is towards.
    pub(crate) who: String,
    /// Part of what was tried.
    pub(crate) tried: String,
}

pub(crate) fn wanted(layer: Layer, who: impl Into<String>, tried: impl Into<String>) -> Wanted {
    Wanted {
        layer,
        who: who.into(),
        tried: tried.into(),
    }
}

impl Wanted {
    fn fits(&self, cell: &Cell) -> bool {
        cell.layer == self.layer
            && (cell.from.contains(&self.who) || cell.to.contains(&self.who))
            && cell.tried.contains(&self.tried)
    }
}

impl Score {
    pub(crate) fn judge(&mut self, name: &str, report: &Report, wanted: &Wanted) {
        self.made += 1;
        let cell = report.of(Verdict::Breach).find(|c| wanted.fits(c));
        if let Some(cell) = cell {
            self.caught += 1;
            println!(
                "caught: {name}: {} {} -> {}: {}",
                cell.layer, cell.from, cell.to, cell.seen
            );
            return;
        }
        let near: Vec<String> = report
            .cells
            .iter()
            .filter(|c| wanted.fits(c))
            .map(|c| format!("{:?}: {}", c.verdict, c.seen))
            .collect();
        println!("MISSED: {name}: {wanted:?}; there: {near:?}");
        self.missed
            .push(format!("{name}: {wanted:?}; there: {near:?}"));
    }
}

/// All of them, on stacks `proof-a` and `proof-b` that run.
pub(crate) async fn all(lab: &Lab) -> Score {
    let mut score = Score::default();
    apparmor::run(&mut score);
    extras::run(lab, &mut score).await;
    host::run(lab, &mut score).await;
    engine::run(lab, &mut score).await;
    manifests::run(lab, &mut score).await;
    hogs::run(lab, &mut score).await;
    score
}
