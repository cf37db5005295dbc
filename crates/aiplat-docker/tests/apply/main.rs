//! `apply` on an engine that exists only in memory: order, concurrency, refusals and interruptions at every call.

mod engine;
#[path = "../common/host.rs"]
mod host;
mod interrupted;
mod order;
mod specs;
mod start;
