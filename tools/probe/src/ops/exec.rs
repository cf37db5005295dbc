//! Running things.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use rustix::fs::{MemfdFlags, memfd_create};

use super::Op;
use crate::answer::{Failure, Outcome};
use crate::{mapping, tiny, vm};

pub(super) const OPS: &[(&str, usize, Op)] = &[
    ("exec", 1, |a| exec(a[0])),
    ("exec-dropped", 1, exec_dropped),
    ("exec-dropped-script", 1, exec_dropped_script),
    ("exec-memory", 0, |_| exec_memory()),
    ("map-code", 1, |a| mapping::file_as_code(a[0])),
    ("map-code-dropped", 1, map_code_dropped),
    ("map-anonymous-code", 0, |_| mapping::anonymous_code()),
    ("huge-pages", 0, |_| mapping::huge_pages()),
];

fn exec(path: &str) -> Outcome {
    let mut command = Command::new(path);
    command
        .arg("noop")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = command.status()?;
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (code, signal) => Err(Failure::odd(format!("exit-{code:?}-signal-{signal:?}"))),
    }
}

/// Writes a program to `path`, does something with it and takes it away again.
fn dropped(path: &str, content: &[u8], then: impl FnOnce(&str) -> Outcome) -> Outcome {
    fs::write(path, content)?;
    let outcome = fs::set_permissions(path, Permissions::from_mode(0o755))
        .map_err(Into::into)
        .and_then(|()| then(path));
    fs::remove_file(path)?;
    outcome
}

fn exec_dropped(arguments: &[&str]) -> Outcome {
    dropped(arguments[0], &tiny::PROGRAM, exec)
}

fn exec_dropped_script(arguments: &[&str]) -> Outcome {
    dropped(
        arguments[0],
        format!("#!{}\n", vm::INTERPRETER).as_bytes(),
        exec,
    )
}

fn map_code_dropped(arguments: &[&str]) -> Outcome {
    dropped(arguments[0], &[0x90; 4096], mapping::file_as_code)
}

/// A program that never was a file.
fn exec_memory() -> Outcome {
    let mut memory = File::from(memfd_create("probe", MemfdFlags::empty())?);
    memory.write_all(&tiny::PROGRAM)?;
    // the file descriptor stays open for writing, which alone would be `ETXTBSY`
    let readable = File::open(format!("/proc/self/fd/{}", memory.as_raw_fd()))?;
    drop(memory);
    rustix::io::fcntl_setfd(&readable, rustix::io::FdFlags::empty())?;
    exec(&format!("/proc/self/fd/{}", readable.as_raw_fd()))
}
