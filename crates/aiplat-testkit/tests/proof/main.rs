//! The isolation proof on a real engine: two stacks with each of the four stores, every layer broken on purpose, and a
//! proof that is killed half-way. Runs where `AIPLAT_TEST_ENGINE` names an engine's socket.

mod crash;
mod lab;
mod report;
mod twins;
mod whole;
