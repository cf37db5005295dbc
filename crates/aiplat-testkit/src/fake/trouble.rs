//! What goes wrong, and at which call.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// What happens at the n-th call of engine and host together, counted from 0. Questions to the host are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    #[default]
    Never,
    /// It is refused and has no effect.
    Refuse(usize),
    /// Whoever calls dies before it has any effect.
    DieBefore(usize),
    /// It has its effect, and whoever called dies before the answer.
    DieAfter(usize),
}

/// What is to be done with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Go,
    Refuse,
    /// No effect and no answer.
    Dead,
    /// The effect and no answer.
    GoAndDie,
}

/// Counts calls, and brings the trouble.
#[derive(Debug, Default)]
pub(super) struct Calls {
    trouble: Mutex<Trouble>,
    made: Mutex<Vec<String>>,
    dead: AtomicBool,
    died: Notify,
}

impl Calls {
    pub(super) fn judge(&self, what: String) -> Verdict {
        if self.is_dead() {
            return Verdict::Dead;
        }
        let mut made = self.made.lock().expect("no test panics in here");
        let number = made.len();
        made.push(what);
        drop(made);
        match *self.trouble.lock().expect("no test panics in here") {
            Trouble::Refuse(n) if n == number => Verdict::Refuse,
            Trouble::DieBefore(n) if n == number => {
                self.die();
                Verdict::Dead
            }
            Trouble::DieAfter(n) if n == number => Verdict::GoAndDie,
            _ => Verdict::Go,
        }
    }

    pub(super) fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    /// Ends when the caller has died.
    pub(super) async fn death(&self) {
        while !self.is_dead() {
            self.died.notified().await;
        }
    }

    /// A new caller, with new trouble, and counted from 0 again.
    pub(super) fn restart(&self, trouble: Trouble) {
        *self.trouble.lock().expect("no test panics in here") = trouble;
        self.made.lock().expect("no test panics in here").clear();
        self.dead.store(false, Ordering::SeqCst);
    }

    pub(super) fn made(&self) -> Vec<String> {
        self.made.lock().expect("no test panics in here").clone()
    }
}
