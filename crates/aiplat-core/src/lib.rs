//! Part of aiplat.

pub mod names;
