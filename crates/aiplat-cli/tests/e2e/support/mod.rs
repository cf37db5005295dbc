//! What the tests stand on.

pub(crate) mod bed;
pub(crate) mod bucket;
pub(crate) mod curl;
pub(crate) mod engine;
pub(crate) mod images;
pub(crate) mod inventory;
pub(crate) mod leftovers;
pub(crate) mod own_engine;
pub(crate) mod proxy;
pub(crate) mod run;
pub(crate) mod stack;
pub(crate) mod stores;
pub(crate) mod volume;

use std::time::{Duration, Instant};

/// Waits until something holds, a minute at most.
#[track_caller]
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "expected within a minute: {what}"
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
