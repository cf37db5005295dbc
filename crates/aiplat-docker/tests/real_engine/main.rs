//! `apply` on a real engine. Runs only where `AIPLAT_TEST_ENGINE` names one, such as
//! `unix:///run/aiplat-engine/docker.sock`; with `AIPLAT_REQUIRE_ENGINE=1` its absence is a failure.
//!
//! Everything that is made wears labels of a stack identity drawn for the test, and is removed at its end.

mod container;
mod guard;
#[path = "../common/host.rs"]
mod host;
mod kill;
mod objects;
mod postgres;
mod specs;
mod support;
