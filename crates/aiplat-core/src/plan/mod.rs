//! The plan: a graph of complete steps, made purely from what is wanted and what is there.
//!
//! [`plan`] is a function of its arguments alone: the same target state and the same observation give the same plan,
//! byte for byte. A plan of a stack that is as wanted has no changes, only proofs of health.

mod build;
mod check;
mod problem;
mod step;
mod teardown;

#[cfg(test)]
mod tests;

pub use build::plan;
pub use check::{Violation, check};
pub use problem::PlanProblem;
pub use step::{Change, ContainerStep, Plan, PlannedStep, RemoveContainer, Step};
pub use teardown::{Purge, teardown};
