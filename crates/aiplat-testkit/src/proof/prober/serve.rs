//! The child's side.

use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::Instant;

use serde::Serialize;

use super::protocol::{Attempt, Entry, Got, Ready, Seen};
use super::{dns, enter, files, hog, net};

/// Threads at once: what is dropped on its way only costs time.
const AT_ONCE: usize = 64;

/// Speaks the prober's protocol on the standard streams until the other side ends, or is the hog that its last argument
/// orders. To be called first in `main`: a
/// process that has threads cannot enter a mount namespace.
pub fn serve() -> ExitCode {
    if let Some(ended) = hog::run() {
        return ended;
    }
    match talk() {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn talk() -> std::io::Result<()> {
    let mut lines = std::io::stdin().lock().lines();
    let Some(first) = lines.next() else {
        return Ok(());
    };
    let entry: Entry = serde_json::from_str(&first?)?;
    let mut ready = Ready::default();
    match enter::enter(&entry) {
        Err(words) => ready.failed = words,
        Ok(()) if entry.listen => match net::listen(&entry.token) {
            Ok((tcp, udp)) => (ready.tcp, ready.udp) = (tcp, udp),
            Err(error) => ready.failed = format!("listen: {error}"),
        },
        Ok(()) => {}
    }
    say(&ready)?;
    if !ready.failed.is_empty() {
        return Ok(());
    }
    for line in lines {
        let attempts: Vec<Attempt> = serde_json::from_str(&line?)?;
        say(&all(&attempts))?;
    }
    Ok(())
}

fn say(what: &impl Serialize) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, what)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// All attempts, those on the network at the same time.
fn all(attempts: &[Attempt]) -> Vec<Seen> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let seen = std::sync::Mutex::new(vec![None; attempts.len()]);
    let work = || {
        loop {
            let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(attempt) = attempts.get(index) else {
                return;
            };
            let answer = timed(attempt);
            if let Ok(mut seen) = seen.lock() {
                seen[index] = Some(answer);
            }
        }
    };
    let waits = |a: &&Attempt| !matches!(a, Attempt::Path { .. } | Attempt::Plant { .. });
    let threads = attempts.iter().filter(waits).count().clamp(1, AT_ONCE);
    std::thread::scope(|scope| {
        for _ in 1..threads {
            let small = std::thread::Builder::new().stack_size(128 << 10);
            // with fewer threads it only takes longer
            let _ = small.spawn_scoped(scope, work);
        }
        work();
    });
    let seen = seen.into_inner().unwrap_or_default();
    let lost = || Seen::new(Got::Odd, "the attempt was lost");
    seen.into_iter().map(|s| s.unwrap_or_else(lost)).collect()
}

fn timed(attempt: &Attempt) -> Seen {
    let began = Instant::now();
    let mut seen = match attempt {
        Attempt::Connect { to, within } => net::connect(*to, *within),
        Attempt::Datagram { to, within } => net::datagram(*to, *within),
        Attempt::Exchange { to, send, within } => net::exchange(*to, send, *within),
        Attempt::Resolve { name, within } => dns::resolve(name, *within),
        Attempt::Path { path, how } => files::path(path, *how),
        Attempt::Plant { at, to, hard } => files::plant(at, to, *hard),
    };
    seen.micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    seen
}
