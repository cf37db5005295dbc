//! Stand-ins for tests of our own code: no engine, no host, and everything about them known.
//!
//! - [`stack`]: a whole [`StackConfig`](aiplat_core::config::StackConfig) from a few settings, the same every time
//! - [`simulate`]: what a plan leaves behind, as a function of what was there

pub mod simulate;
pub mod stack;
