//! The plan: a graph of complete steps, made purely from what is wanted and what is there.

mod step;

pub use step::{Change, ContainerStep, Plan, PlannedStep, RemoveContainer, Step};
