//! What a probe came to.

use aiplat_core::names::ServiceName;

use crate::engine::EngineError;

/// One probe's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Ready.
    Ready,
    /// Not ready, and why.
    NotYet(String),
}

/// A service that did not become ready.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// It ran all the time and never answered as it should.
    #[error("`{service}` was not ready within {seconds} s: {last}{}", crate::apply::log_lines(.log))]
    Deadline {
        /// The service.
        service: ServiceName,
        /// How long it was waited for.
        seconds: u32,
        /// What the last probe found.
        last: String,
        /// Last lines of its log, without secrets.
        log: Vec<String>,
    },
    /// It ended, or starts over and over.
    #[error("`{service}` {how}; last probe: {last}{}", crate::apply::log_lines(.log))]
    Ended {
        /// The service.
        service: ServiceName,
        /// Such as "ended with exit code 1".
        how: String,
        /// What the last probe found.
        last: String,
        /// Last lines of its log, without secrets.
        log: Vec<String>,
    },
    /// The engine has no health check of it to ask.
    #[error("`{service}` has no health check that the engine runs, and the host cannot reach it")]
    NoHealthCheck {
        /// The service.
        service: ServiceName,
    },
    /// The engine failed while it was waited.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
