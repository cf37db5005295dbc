//! Holding on to memory and processes, to see limits being held.

use std::process::{Child, Command, Stdio};

/// Fills `mebibytes` of memory, page by page, so that the kernel has to give them.
pub fn memory(mebibytes: usize) -> Vec<Vec<u8>> {
    (0..mebibytes)
        .map(|round| vec![u8::try_from(round % 255).unwrap_or(0) + 1; 1 << 20])
        .collect()
}

/// Starts up to `wanted` sleeping copies of this program; fewer where the limit stops it. Whoever
/// asked for them ends them.
pub fn processes(wanted: usize) -> Vec<Child> {
    let mut children = Vec::new();
    for _ in 0..wanted {
        let child = Command::new("/proc/self/exe")
            .arg("--sleep")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        match child {
            Ok(child) => children.push(child),
            Err(_) => break,
        }
    }
    children
}
