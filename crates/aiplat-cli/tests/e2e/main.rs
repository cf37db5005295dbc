//! The command itself, on a real engine: what an operator types, and everything that is there afterwards.
//!
//! `AIPLAT_TEST_ENGINE=unix:///path/of/docker.sock cargo test -p aiplat-cli --test e2e`, as root, on an engine that has
//! the images of `scripts/images`. Without that variable nothing runs, and says so; with `AIPLAT_REQUIRE_ENGINE=1` it
//! fails then.

mod after_a_pause;
mod audit;
mod backup;
mod backup_places;
mod bad_input;
mod day_in_the_life;
mod disk_full;
mod drift;
mod extend;
mod failure_modes;
mod formats;
mod full;
mod in_force;
mod kill_9;
mod limits;
mod manual;
mod one_line;
mod operations;
#[path = "../common/pages.rs"]
mod pages;
mod purge;
mod purge_vectors;
mod reboot;
mod registry;
mod render;
mod rollback;
mod rotate;
mod secrets;
mod support;
mod tailscale;
mod teardown;
mod two_at_once;
mod upgrade;
mod upgrade_databases;
mod volume;
