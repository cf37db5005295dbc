//! Stand-ins for tests of our own code: no engine, no host, and everything about them known.
//!
//! - [`stack`]: a whole [`StackConfig`](aiplat_core::config::StackConfig) from a few settings, the same every time
//! - [`simulate`]: what a plan leaves behind, as a function of what was there
//! - [`Machine`]: an engine and a host in memory, that can refuse or let the caller die at any call
//! - [`Run`]: observe, plan and apply on a machine

mod answers;
pub mod contract;
mod disk;
mod doors;
mod engine;
mod host;
mod machine;
mod run;
pub mod simulate;
pub mod stack;
mod state;
mod trouble;

pub use disk::DiskHost;
pub use engine::FakeEngine;
pub use host::FakeHost;
pub use machine::{Machine, Picture, PicturedContainer};
pub use run::{Died, Run, RunError};
pub use state::{Node, TailnetNode};
pub use trouble::Trouble;
