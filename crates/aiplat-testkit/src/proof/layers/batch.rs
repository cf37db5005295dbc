//! Cells that one prober decides: what has to be tried for each, and how the answers are judged.

use super::Standing;
use crate::proof::prober::{Attempt, Seen};
use crate::proof::{Cell, Member, Verdict};

/// How long after the first try a way that was open is tried again: longer than an engine takes over its rules.
const AGAIN: std::time::Duration = std::time::Duration::from_millis(500);
/// How often at most: engines make one network after the other now and then.
const TIMES: usize = 3;

/// How the answers of one cell are judged.
pub(super) type Judge = Box<dyn Fn(Cell, &[Seen]) -> Cell + Send>;

/// Cells with their attempts, in order.
#[derive(Default)]
pub(super) struct Batch {
    all: Vec<(Cell, Vec<Attempt>, Judge)>,
}

impl Batch {
    /// Adds a cell.
    pub(super) fn push(&mut self, cell: Cell, attempts: Vec<Attempt>, judge: Judge) {
        self.all.push((cell, attempts, judge));
    }

    /// Adds a cell that is decided already.
    pub(super) fn settled(&mut self, cell: Cell) {
        self.all.push((cell, Vec::new(), Box::new(|cell, _| cell)));
    }

    /// Tries everything at once from a container's place.
    pub(super) async fn run(self, standing: &Standing, member: &Member) -> Vec<Cell> {
        let attempts: Vec<Attempt> = self.all.iter().flat_map(|(_, a, _)| a.clone()).collect();
        let seen = standing.attempt(member, &attempts).await;
        self.decide(&seen)
    }

    /// The same for packets, of which a way that is open is tried again: whenever any network is made, some engines take
    /// away the rule that keeps bridges apart and put it back (moby's `EnsureJumpRule`), and what comes just then gets
    /// through. What is open each time is a breach; what was open once is said.
    pub(super) async fn run_lasting(self, standing: &Standing, member: &Member) -> Vec<Cell> {
        let attempts: Vec<Attempt> = self.all.iter().flat_map(|(_, a, _)| a.clone()).collect();
        let mut seen = standing.attempt(member, &attempts).await;
        let mut cells = self.decide(&seen);
        let mut passing = vec![false; cells.len()];
        for _ in 0..TIMES {
            let open = cells.iter().zip(&self.all);
            let open: Vec<bool> = open
                .map(|(cell, (_, a, _))| cell.verdict == Verdict::Breach && !a.is_empty())
                .collect();
            if !open.contains(&true) {
                break;
            }
            tokio::time::sleep(AGAIN).await;
            let again = |at: usize| open[at].then(|| self.all[at].1.clone());
            let attempts: Vec<Attempt> = (0..open.len()).filter_map(again).flatten().collect();
            let Ok(answers) = standing.attempt(member, &attempts).await else {
                break;
            };
            if let Ok(seen) = &mut seen {
                self.replace(seen, &open, answers);
            }
            cells = self.decide(&seen);
            for (at, passed) in passing.iter_mut().enumerate() {
                *passed |= open[at] && cells[at].verdict != Verdict::Breach;
            }
        }
        for (cell, _) in cells.iter_mut().zip(passing).filter(|(_, passed)| *passed) {
            cell.seen += "; open for a moment, as while an engine writes its rules anew";
        }
        cells
    }

    /// Puts answers that came later in the place of those before.
    fn replace(&self, seen: &mut [Seen], again: &[bool], answers: Vec<Seen>) {
        let mut answers = answers.into_iter();
        let mut at = 0;
        for ((_, attempts, _), again) in self.all.iter().zip(again) {
            let end = at + attempts.len();
            if *again {
                for (place, answer) in seen[at..end].iter_mut().zip(&mut answers) {
                    *place = answer;
                }
            }
            at = end;
        }
    }

    /// Decides every cell.
    fn decide(&self, seen: &Result<Vec<Seen>, String>) -> Vec<Cell> {
        let mut at = 0;
        let mut cells = Vec::new();
        for (cell, attempts, judge) in &self.all {
            let cell = cell.clone();
            let count = attempts.len();
            cells.push(match seen {
                Err(words) if count > 0 => cell.not_tried(words.clone()),
                Err(_) => judge(cell, &[]),
                Ok(seen) => {
                    let mine = &seen[at..at + count];
                    let micros = mine.iter().map(|s| s.micros).max().unwrap_or(0);
                    judge(cell, mine).took(micros)
                }
            });
            at += count;
        }
        cells
    }
}
