//! What holds of any number of stacks, whatever they are made of.

#[path = "../common/mod.rs"]
mod common;

mod generated;
mod isolation;
mod model;
