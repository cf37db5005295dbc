//! The steps of an operation that is no plan of its own: told as they happen, and where tests may kill it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::events::{Event, Events};

/// Tells steps, and kills this process where a test wants it.
pub(super) struct Steps<'a, V> {
    pub(super) events: &'a V,
    total: usize,
    begun: AtomicUsize,
    kill_after: Option<usize>,
    written: AtomicUsize,
}

impl<'a, V: Events> Steps<'a, V> {
    pub(super) fn new(events: &'a V, total: usize, kill_after: Option<usize>) -> Self {
        Self {
            events,
            total,
            begun: AtomicUsize::new(0),
            kill_after,
            written: AtomicUsize::new(0),
        }
    }

    /// Carries one step out.
    pub(super) async fn step<T, F: std::fmt::Display>(
        &self,
        id: &str,
        why: &str,
        act: impl Future<Output = Result<T, F>>,
    ) -> Result<T, F> {
        let (total, began) = (self.total, Instant::now());
        let index = self.begun.fetch_add(1, Ordering::Relaxed);
        self.events.on(Event::StepStarted {
            id,
            index,
            total,
            why,
        });
        self.may_die();
        let done = act.await;
        let took = began.elapsed();
        match &done {
            Ok(_) => self.events.on(Event::StepDone {
                id,
                index,
                total,
                took,
            }),
            Err(error) => self.events.on(Event::StepFailed {
                id,
                index,
                total,
                took,
                words: &error.to_string(),
            }),
        }
        self.may_die();
        done
    }

    /// A place where a test may kill the process.
    pub(super) fn may_die(&self) {
        let written = self.written.fetch_add(1, Ordering::Relaxed) + 1;
        if self.kill_after == Some(written) {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
        }
    }
}
