//! The plan: a graph of complete steps, made purely from what is wanted and what is there.
//!
//! [`plan`] is a function of its arguments alone: the same target state and the same observation give the same plan,
//! byte for byte. A plan of a stack that is as wanted has no changes, only proofs of health.

mod build;
mod check;
mod forget;
mod problem;
mod reload;
mod renew;
mod restart;
mod sign_in;
mod step;
mod teardown;
mod withdraw;

#[cfg(test)]
mod tests;

pub use build::plan;
pub use check::{Violation, check};
pub use forget::Kept;
pub use problem::PlanProblem;
pub use reload::reload;
pub use renew::{Renewal, RenewedCertificate, renew};
pub use restart::{Reach, restart};
pub use sign_in::sign_in;
pub use step::{
    Change, Configure, ContainerStep, Plan, PlannedStep, RemoveContainer, Step, StopContainer,
};
pub use teardown::{Purge, teardown};
