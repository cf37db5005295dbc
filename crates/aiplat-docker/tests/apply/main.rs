//! `apply` on an engine that exists only in memory: order, concurrency, refusals and interruptions at every call.

mod engine;
mod host;
mod interrupted;
mod order;
mod specs;
