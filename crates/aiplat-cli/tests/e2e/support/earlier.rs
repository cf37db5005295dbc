//! What a run of the tests left that was killed.

use std::path::Path;
use std::process::Command;

use super::bed::{runs, stacks};
use super::engine::Engine;
use super::{leftovers, run};

/// The exit code of a command that found the stack's lock taken.
const LOCKED: i32 = 7;

/// Removes what runs that are over left on the engine and on the host, by the product where that can, and their
/// directories.
pub(super) fn clear(engine: &Engine) {
    for entry in std::fs::read_dir(runs()).into_iter().flatten().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if Path::new("/proc").join(&pid).exists() {
            continue;
        }
        let home = entry.path();
        for test in std::fs::read_dir(&home).into_iter().flatten().flatten() {
            let tag = test.file_name().to_string_lossy().into_owned();
            // some have a register of their own
            let own = test.path().join("state");
            let state = if own.is_dir() {
                own
            } else {
                home.join("state")
            };
            for (base, name) in stacks(&test.path(), &tag) {
                teardown(engine, &state, &base, &name);
            }
        }
        leftovers::sweep(engine, &format!("e2e{pid}n"));
        unmount(&home);
        let _ = std::fs::remove_dir_all(&home);
    }
}

/// Tears a stack down, as soon as a command of the killed run has ended that still works on it.
fn teardown(engine: &Engine, state: &Path, base: &Path, name: &str) {
    super::until(&format!("`{name}` is nobody's"), || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aiplat"));
        command
            .env("AIPLAT_HOST", engine.address())
            .env("AIPLAT_STATE_DIR", state)
            .arg("--base-dir")
            .arg(base)
            .args(["teardown", "--purge", "--confirm", name]);
        run::start(command).end().code != LOCKED
    });
}

/// Unmounts what a test mounted below a directory, the deepest first.
fn unmount(home: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(4));
    let mut places: Vec<&str> = places
        .filter(|place| Path::new(place).starts_with(home))
        .collect();
    places.sort_unstable();
    for place in places.iter().rev() {
        let _ = Command::new("umount").arg("--lazy").arg(place).status();
    }
}
