//! Whether a service is ready: asked from the host, at the container's own address.

mod alive;
mod ask;
mod hope;
mod http;
mod outcome;
mod postgres;
mod redis;
mod wait;

pub(crate) use ask::address_of;
pub use ask::{answers, probe_once};
pub(crate) use http::{HttpAnswer, HttpCall, call, call_within, escaped};
pub use outcome::{GateError, Outcome};
pub(crate) use redis::auth;
pub use wait::gate;
pub(crate) use wait::log_of;

/// Longest time of one try over the network.
pub(crate) const TRY: std::time::Duration = std::time::Duration::from_secs(3);
