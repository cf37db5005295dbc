//! The isolation proof and what it is tested with.

pub mod fake;
pub mod proof;
pub mod vm;
