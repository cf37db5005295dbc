//! Whole plans: what they are, that they lead where they should, and what must never be in one.

#[path = "../common/mod.rs"]
mod common;

mod broken;
mod changed;
mod copy;
mod gpus;
mod held;
mod limits;
mod quota;
mod result;
mod silence;
mod snapshot;
mod withdraw;
