//! The order of steps: which may begin, and which of those should begin first.

use std::collections::HashMap;

use aiplat_core::plan::{Plan, Step};

use super::ApplyError;

/// What is left to do of a plan.
pub(super) struct Graph {
    /// For each step, how many steps it still waits for.
    waits: Vec<usize>,
    /// For each step, the steps that wait for it.
    followers: Vec<Vec<usize>>,
    /// For each step, how long the longest chain that hangs on it is.
    weight: Vec<u64>,
}

impl Graph {
    /// The graph of a plan.
    ///
    /// # Errors
    /// [`ApplyError::Graph`] when two steps have one id, a step waits for none of the plan, or there is a circle.
    pub(super) fn of(plan: &Plan) -> Result<Self, ApplyError> {
        let broken = |words: String| ApplyError::Graph { words };
        let mut by_id = HashMap::new();
        for (index, step) in plan.steps.iter().enumerate() {
            if by_id.insert(step.id.as_str(), index).is_some() {
                return Err(broken(format!("`{}` is there twice", step.id)));
            }
        }
        let mut waits = vec![0; plan.steps.len()];
        let mut followers = vec![Vec::new(); plan.steps.len()];
        for (index, step) in plan.steps.iter().enumerate() {
            for before in &step.after {
                let Some(&first) = by_id.get(before.as_str()) else {
                    return Err(broken(format!(
                        "`{}` waits for `{before}`, which is not there",
                        step.id
                    )));
                };
                waits[index] += 1;
                followers[first].push(index);
            }
        }
        let order = sorted(&waits, &followers);
        if order.len() < plan.steps.len() {
            let stuck = (0..plan.steps.len())
                .find(|index| !order.contains(index))
                .unwrap_or_default();
            return Err(broken(format!(
                "`{}` waits for itself",
                plan.steps[stuck].id
            )));
        }
        let mut weight: Vec<u64> = plan
            .steps
            .iter()
            .map(|planned| cost(&planned.step))
            .collect();
        for &index in order.iter().rev() {
            weight[index] += followers[index]
                .iter()
                .map(|&next| weight[next])
                .max()
                .unwrap_or_default();
        }
        Ok(Self {
            waits,
            followers,
            weight,
        })
    }

    /// The steps that wait for nothing, heaviest first.
    pub(super) fn first(&self) -> Vec<usize> {
        let free = (0..self.waits.len())
            .filter(|&index| self.waits[index] == 0)
            .collect();
        self.heaviest_first(free)
    }

    /// Notes that a step is done, and answers the steps that may begin by that, heaviest first.
    pub(super) fn done(&mut self, index: usize) -> Vec<usize> {
        let mut free = Vec::new();
        for &next in &self.followers[index] {
            self.waits[next] -= 1;
            if self.waits[next] == 0 {
                free.push(next);
            }
        }
        self.heaviest_first(free)
    }

    fn heaviest_first(&self, mut free: Vec<usize>) -> Vec<usize> {
        free.sort_by_key(|&index| (std::cmp::Reverse(self.weight[index]), index));
        free
    }
}

/// An order of all steps that are in no circle.
fn sorted(waits: &[usize], followers: &[Vec<usize>]) -> Vec<usize> {
    let mut waits = waits.to_vec();
    let mut order: Vec<usize> = (0..waits.len())
        .filter(|&index| waits[index] == 0)
        .collect();
    let mut at = 0;
    while let Some(&index) = order.get(at) {
        at += 1;
        for &next in &followers[index] {
            waits[next] -= 1;
            if waits[next] == 0 {
                order.push(next);
            }
        }
    }
    order
}

/// What a step costs, roughly: only the order of those that may begin at one moment hangs on it.
fn cost(step: &Step) -> u64 {
    match step {
        Step::Image { .. } => 100,
        Step::Container(_) | Step::Start { .. } | Step::Check(_) => 20,
        Step::Gate(_)
        | Step::Provision(_)
        | Step::Secret(_)
        | Step::Reload(_)
        | Step::Configure(_)
        | Step::Renew(_)
        | Step::SignIn(_)
        | Step::Stop(_)
        | Step::RemoveContainer(_) => 10,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use aiplat_core::plan::{Change, PlannedStep};

    use super::*;

    fn plan(steps: &[(&str, &[&str])]) -> Plan {
        let planned = |(id, after): &(&str, &[&str])| PlannedStep {
            id: (*id).to_owned(),
            after: after.iter().map(|&a| a.to_owned()).collect(),
            change: Change::Create,
            why: String::new(),
            risk: None,
            step: Step::Release,
        };
        Plan {
            stack: "s".parse().unwrap(),
            stack_id: "0123456789ab".parse().unwrap(),
            base_dir: PathBuf::from("/x"),
            services: Vec::new(),
            steps: steps.iter().map(planned).collect(),
            notes: Vec::new(),
        }
    }

    #[test]
    fn the_longest_chain_begins_first() {
        let mut graph = Graph::of(&plan(&[
            ("lone", &[]),
            ("a", &[]),
            ("b", &["a"]),
            ("c", &["a", "b"]),
        ]))
        .unwrap();
        assert_eq!(graph.first(), [1, 0]);
        assert_eq!(graph.done(1), [2]);
        assert_eq!(graph.done(0), [0; 0]);
        assert_eq!(graph.done(2), [3]);
    }

    #[test]
    fn a_broken_graph_is_refused_before_anything_is_done() {
        let cases: [&[(&str, &[&str])]; 3] = [
            &[("a", &["b"]), ("b", &["a"])],
            &[("a", &["nowhere"])],
            &[("a", &[]), ("a", &[])],
        ];
        for steps in cases {
            assert!(
                matches!(Graph::of(&plan(steps)), Err(ApplyError::Graph { .. })),
                "{steps:?}"
            );
        }
    }
}
