//! The probe: one static program that tries one thing after another and says what the kernel
//! answered. It judges nothing; what should have happened is somebody else's table.
//!
//! Booted as `/init` of a virtual machine it loads `AppArmor` policies, builds a container's view
//! of the system and starts itself in it under each profile, exactly as a container runtime does
//! (see `vm`). Called as `probe op NAME ARGUMENTS…` it tries one operation where it stands.

mod answer;
mod lines;
mod mapping;
mod ops;
mod tiny;
mod vm;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let first = words.next();
    let rest: Vec<String> = words.collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match first.as_deref() {
        // what a dropped program does when somebody manages to run it
        Some("noop") => ExitCode::SUCCESS,
        // one that others try to signal, trace and read
        Some("wait") => loop {
            std::thread::park();
        },
        Some("op") if !rest.is_empty() => {
            lines::say(&ops::run(rest[0], &rest[1..]).to_string());
            ExitCode::SUCCESS
        }
        Some("subject") => vm::subject::serve(),
        Some("container") => vm::container::serve(rest.first().copied()),
        Some("namespaces") => vm::container::enter_namespaces(rest.first().copied()),
        Some("as") if rest.len() > 2 => vm::subject::run_as(rest[0], rest[1], &rest[2..]),
        Some("native") if std::process::id() == 1 => vm::init::boot(true),
        _ if std::process::id() == 1 => vm::init::boot(false),
        _ => {
            lines::say("usage: probe op NAME [ARGUMENT]...");
            ExitCode::from(64)
        }
    }
}
