//! The order of steps: which may begin, and which of those should begin first.

use std::collections::HashMap;

use aiplat_core::plan::{Plan, Step};

use super::ApplyError;

/// A piece of work: a step by its place in the plan, or a part of it that may be done before its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// The step, to its end.
    Step(usize),
    /// The making of its container, which is started in its turn.
    Ahead(usize),
}

/// What is left to do of a plan.
///
/// Its nodes are the plan's steps, and after them those containers that may be made ahead.
pub(super) struct Graph {
    /// For each node, how many nodes it still waits for.
    waits: Vec<usize>,
    /// For each node, the nodes that wait for it.
    followers: Vec<Vec<usize>>,
    /// For each node, how long the longest chain that hangs on it is.
    weight: Vec<u64>,
    /// The steps of the nodes that come after the plan's steps.
    ahead: Vec<usize>,
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
        let steps = plan.steps.len();
        let made_after = |index: usize| made_after(&plan.steps[index].step);
        let ahead: Vec<usize> = (0..steps).filter(|&i| made_after(i).is_some()).collect();
        let mut waits = vec![0; steps + ahead.len()];
        let mut followers = vec![Vec::new(); steps + ahead.len()];
        let mut wait = |node: usize, step: usize, before: &str| {
            let Some(&first) = by_id.get(before) else {
                return Err(broken(format!(
                    "`{}` waits for `{before}`, which is not there",
                    plan.steps[step].id
                )));
            };
            waits[node] += 1;
            followers[first].push(node);
            Ok(())
        };
        for (index, step) in plan.steps.iter().enumerate() {
            for before in &step.after {
                wait(index, index, before)?;
            }
        }
        for (number, &index) in ahead.iter().enumerate() {
            for before in made_after(index).into_iter().flatten() {
                wait(steps + number, index, before)?;
            }
        }
        for (number, &index) in ahead.iter().enumerate() {
            waits[index] += 1;
            followers[steps + number].push(index);
        }
        let order = sorted(&waits, &followers);
        if let Some(stuck) = (0..steps).find(|index| !order.contains(index)) {
            return Err(broken(format!(
                "`{}` waits for itself",
                plan.steps[stuck].id
            )));
        }
        let costs = plan.steps.iter().map(|planned| cost(&planned.step));
        let mut weight: Vec<u64> = costs.chain(ahead.iter().map(|_| AHEAD)).collect();
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
            ahead,
        })
    }

    /// What waits for nothing, heaviest first.
    pub(super) fn first(&self) -> Vec<Task> {
        let free = (0..self.waits.len())
            .filter(|&index| self.waits[index] == 0)
            .collect();
        self.heaviest_first(free)
    }

    /// Notes that something is done, and answers what may begin by that, heaviest first.
    pub(super) fn done(&mut self, task: Task) -> Vec<Task> {
        let mut free = Vec::new();
        for &next in &self.followers[self.node(task)] {
            self.waits[next] -= 1;
            if self.waits[next] == 0 {
                free.push(next);
            }
        }
        self.heaviest_first(free)
    }

    fn heaviest_first(&self, mut free: Vec<usize>) -> Vec<Task> {
        free.sort_by_key(|&node| (std::cmp::Reverse(self.weight[node]), node));
        free.into_iter().map(|node| self.task(node)).collect()
    }

    fn steps(&self) -> usize {
        self.waits.len() - self.ahead.len()
    }

    fn task(&self, node: usize) -> Task {
        match node.checked_sub(self.steps()) {
            Some(number) => Task::Ahead(self.ahead[number]),
            None => Task::Step(node),
        }
    }

    fn node(&self, task: Task) -> usize {
        let number = |step| self.ahead.iter().position(|ahead| *ahead == step);
        match task {
            Task::Step(step) => step,
            Task::Ahead(step) => self.steps() + number(step).expect("it was given out"),
        }
    }
}

/// The steps after which a step's container may be made already, where it is made ahead.
pub(super) fn made_after(step: &Step) -> Option<&Vec<String>> {
    match step {
        Step::Container(made) => made.made_after.as_ref(),
        _ => None,
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

/// What making a container costs, as [`cost`].
const AHEAD: u64 = 8;

/// What a step costs, roughly: only the order of those that may begin at one moment hangs on it.
fn cost(step: &Step) -> u64 {
    match step {
        Step::Image { .. } => 100,
        Step::Container(_) | Step::Start { .. } | Step::Check(_) => 20,
        Step::Gate(_)
        | Step::Provision(_)
        | Step::Withdraw(_)
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
        assert_eq!(graph.first(), [Task::Step(1), Task::Step(0)]);
        assert_eq!(graph.done(Task::Step(1)), [Task::Step(2)]);
        assert_eq!(graph.done(Task::Step(0)), []);
        assert_eq!(graph.done(Task::Step(2)), [Task::Step(3)]);
    }

    #[test]
    fn what_is_made_ahead_waits_for_less_than_its_start() {
        let waits = [vec![], vec![0], vec![0, 1], vec![0]];
        let mut followers = vec![vec![]; 4];
        for (node, all) in waits.iter().enumerate() {
            all.iter()
                .for_each(|first: &usize| followers[*first].push(node));
        }
        followers[3].push(2);
        // the ground, one that takes time, one that needs it, and the making of that
        let mut graph = Graph {
            waits: vec![0, 1, 3, 1],
            followers,
            weight: vec![60, 40, 20, 28],
            ahead: vec![2],
        };
        assert_eq!(graph.first(), [Task::Step(0)]);
        assert_eq!(graph.done(Task::Step(0)), [Task::Step(1), Task::Ahead(2)]);
        assert_eq!(graph.done(Task::Ahead(2)), []);
        assert_eq!(graph.done(Task::Step(1)), [Task::Step(2)]);
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
