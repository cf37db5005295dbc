//! The isolation proof on a real engine: two stacks with each of the four stores, every layer broken on purpose, and a
//! proof that is killed half-way. Runs where `AIPLAT_TEST_ENGINE` names an engine's socket.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test's only way to show its count"
)]

mod crash;
mod lab;
mod report;
mod twins;
mod whole;
