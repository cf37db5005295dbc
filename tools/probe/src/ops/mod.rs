//! What can be tried, one function each. Every operation undoes what it did when it got through,
//! so that the next one finds things as they were.

mod capabilities;
mod exec;
mod files;
mod mounts;
mod network;
mod policy;
mod processes;

use std::thread;

use crate::answer::{Failure, Outcome, Word};

pub(crate) use policy::change_profile;

/// An operation: its arguments are words.
type Op = fn(&[&str]) -> Outcome;

/// Every operation by name, and how many arguments it takes.
const TABLES: &[&[(&str, usize, Op)]] = &[
    files::OPS,
    exec::OPS,
    network::OPS,
    mounts::OPS,
    processes::OPS,
    capabilities::OPS,
    policy::OPS,
];

/// Tries `name`. An operation that changes the process itself is tried in a child.
pub(crate) fn run(name: &str, arguments: &[&str]) -> Word {
    let mut all = TABLES.iter().flat_map(|table| table.iter());
    let Some((_, count, op)) = all.find(|(known, ..)| *known == name) else {
        return Word(Err(Failure::odd("unknown-operation")));
    };
    if *count != arguments.len() {
        return Word(Err(Failure::odd(format!("takes-{count}-arguments"))));
    }
    Word(op(arguments))
}

/// Does what changes the one who does it, in a thread that ends with it: credentials, labels and
/// namespaces belong to the thread. (The calls have to be the bare ones: libc's would change all.)
pub(crate) fn in_thread(then: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    thread::spawn(then)
        .join()
        .unwrap_or_else(|_| Err(Failure::odd("panic")))
}

/// As [`in_thread`], for what also changes root and working directory, which threads share.
fn in_thread_of_its_own(then: impl FnOnce() -> Outcome + Send + 'static) -> Outcome {
    in_thread(|| {
        nix::sched::unshare(nix::sched::CloneFlags::CLONE_FS)?;
        then()
    })
}
