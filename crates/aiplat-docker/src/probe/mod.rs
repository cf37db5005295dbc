//! Whether a service is ready: asked from the host, at the container's own address.

mod alive;
mod http;
mod outcome;
mod postgres;
mod redis;
mod wait;

pub(crate) use http::{HttpCall, call};
pub use outcome::{GateError, Outcome};
pub(crate) use wait::{address_of, log_of};
pub use wait::{answers, gate, probe_once};

/// Longest time of one try over the network.
pub(crate) const TRY: std::time::Duration = std::time::Duration::from_secs(3);
