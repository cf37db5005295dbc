//! Cells that one prober decides: what has to be tried for each, and how the answers are judged.

use super::Standing;
use crate::proof::prober::{Attempt, Seen};
use crate::proof::{Cell, Member};

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

    /// Decides every cell.
    fn decide(self, seen: &Result<Vec<Seen>, String>) -> Vec<Cell> {
        let mut at = 0;
        let mut cells = Vec::new();
        for (cell, attempts, judge) in self.all {
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
