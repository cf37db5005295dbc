//! What came of a plan.

use std::time::Duration;

use aiplat_core::plan::Change;

/// A plan that was carried out wholly.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Each step, in the order in which they ended.
    pub steps: Vec<StepReport>,
    /// How long all of it took.
    pub took: Duration,
}

/// One step that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepReport {
    /// The step's id.
    pub id: String,
    /// What it meant.
    pub change: Change,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// How many steps changed something.
    pub fn changes(&self) -> usize {
        self.steps
            .iter()
            .filter(|step| step.change != Change::Verify)
            .count()
    }
}
