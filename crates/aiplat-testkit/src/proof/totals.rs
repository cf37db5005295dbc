//! What all cells come to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Report, Verdict};

/// How many cells ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Tried: those that held and the breaches.
    pub tried: usize,
    /// As expected.
    pub held: usize,
    /// Not as expected.
    pub breaches: usize,
    /// Could not be tried.
    pub not_tried: usize,
    /// Of layers that the plan says are not there.
    pub not_in_force: usize,
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = if self.tried == 1 { "cell" } else { "cells" };
        let breaches = if self.breaches == 1 {
            "breach"
        } else {
            "breaches"
        };
        write!(
            f,
            "{} {cells} tried, {} {breaches}, {} not tried, {} not in force",
            self.tried, self.breaches, self.not_tried, self.not_in_force
        )
    }
}

/// A report as it is written for machines: its verdict first, then what it comes to, then everything in it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Document<'a> {
    /// Whether isolation is proven, as [`Report::proven`] has it.
    pub ok: bool,
    /// How many cells ended how.
    pub totals: Totals,
    /// The report.
    #[serde(flatten)]
    pub report: &'a Report,
}

impl Report {
    /// How many cells ended how.
    pub fn totals(&self) -> Totals {
        Totals {
            tried: self.tried(),
            held: self.count(Verdict::Held),
            breaches: self.count(Verdict::Breach),
            not_tried: self.count(Verdict::NotTried),
            not_in_force: self.count(Verdict::NotInForce),
        }
    }

    /// The report with its verdict, for machines.
    pub fn document(&self) -> Document<'_> {
        Document {
            ok: self.proven(),
            totals: self.totals(),
            report: self,
        }
    }
}
