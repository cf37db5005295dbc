//! Part of aiplat.


pub mod allocation;
pub mod names;
pub mod observed;
pub mod plan;

pub mod spec;
pub mod text;
