//! Taking out of stores that stay what services had in them that go.

use super::step::{Change, Plan, PlannedStep, Step};
use crate::spec::Withdrawal;

impl Plan {
    /// Takes these out when everything else is done, one after the other: what may be refused comes before what cannot be
    /// brought back otherwise, so that a service whose database somebody still uses has all its files as well.
    ///
    /// With `risky`, whoever carries it out has to agree to each loss.
    pub fn withdraw(&mut self, withdrawals: Vec<Withdrawal>, why: &str, risky: bool) {
        for withdrawal in withdrawals {
            let store = &withdrawal.gate().service;
            let lost = withdrawal.what();
            let risk = risky.then(|| format!("`{store}` loses {} and all in it", lost.join(", ")));
            self.steps.push(PlannedStep {
                id: format!("withdraw/{store}"),
                after: self.steps.iter().map(|s| s.id.clone()).collect(),
                change: Change::Remove,
                why: why.to_owned(),
                risk,
                step: Step::Withdraw(Box::new(withdrawal)),
            });
        }
    }
}
