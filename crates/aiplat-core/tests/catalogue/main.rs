//! The built-in catalogue: complete, whole, and wired to every store or not with a reason.

#[path = "../common/mod.rs"]
mod common;

mod complete;
mod matrix;
mod own;
mod rendering;
