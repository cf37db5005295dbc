//! What the tests stand on.

pub(crate) mod bed;
pub(crate) mod bucket;
pub(crate) mod curl;
mod earlier;
pub(crate) mod engine;
mod evidence;
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

/// Waits until something holds. The end is for what never will: no machine is so slow.
#[track_caller]
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    until_told(what, holds, String::new);
}

/// The same, and says what it is instead if it never holds.
#[track_caller]
pub(crate) fn until_told(what: &str, holds: impl Fn() -> bool, instead: impl Fn() -> String) {
    let began = Instant::now();
    while !holds() {
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "expected within five minutes: {what}; {}",
            instead()
        );
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
