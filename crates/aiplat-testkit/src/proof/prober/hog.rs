//! A hog: the same program in a canary container, where it takes as much of one thing as it is told, at most, and ends by
//! itself. What stops it earlier has to be the kernel.
//!
//! It is told by its last argument, because nobody is attached to a canary's standard input.

use std::fs;
use std::io;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The beginning of the argument that makes a hog of the program.
const WORD: &str = "hog=";
/// Real processes, before threads are used: the kernel counts both alike, and threads cost nothing else.
const FORKS: u64 = 12;
/// Between two tries after a refusal.
const AGAIN: Duration = Duration::from_micros(500);
/// Taken at once, bytes.
const BITE: u64 = 4 << 20;
/// Threads that only wait.
const STACK: usize = 16 << 10;

/// What a hog is after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hog {
    /// Processes and threads, this many at most.
    Tasks(u64),
    /// Memory, this many bytes at most.
    Memory(u64),
    /// The child that takes the memory, so that somebody is left when the kernel kills it.
    Eat(u64),
    /// The child that is only there.
    Idle,
}

impl Hog {
    /// The argument that orders this, to end by itself after so many seconds.
    pub fn order(self, seconds: u64) -> String {
        match self {
            Self::Tasks(most) => format!("{WORD}tasks:{most}:{seconds}"),
            Self::Memory(most) => format!("{WORD}memory:{most}:{seconds}"),
            Self::Eat(most) => format!("{WORD}eat:{most}:{seconds}"),
            Self::Idle => format!("{WORD}idle:0:{seconds}"),
        }
    }

    fn read(argument: &str) -> Option<(Self, u64)> {
        let mut words = argument.strip_prefix(WORD)?.splitn(3, ':');
        let (what, most, seconds) = (words.next()?, words.next()?, words.next()?);
        let most = most.parse().ok()?;
        let hog = match what {
            "tasks" => Self::Tasks(most),
            "memory" => Self::Memory(most),
            "eat" => Self::Eat(most),
            "idle" => Self::Idle,
            _ => return None,
        };
        Some((hog, seconds.parse().ok()?))
    }
}

/// Runs as the hog that the last argument orders; nothing where it orders none.
pub(super) fn run() -> Option<ExitCode> {
    let (hog, seconds) = Hog::read(&std::env::args().next_back()?)?;
    let end = Instant::now() + Duration::from_secs(seconds);
    match hog {
        Hog::Tasks(most) => tasks(most, end),
        Hog::Memory(most) => memory(most, end),
        Hog::Eat(most) => eat(most, end),
        Hog::Idle => {}
    }
    until(end);
    // the first process of a canary: every other one goes with it
    Some(ExitCode::SUCCESS)
}

fn tasks(most: u64, end: Instant) {
    let mut made = 0;
    let mut forked = Vec::new();
    while Instant::now() < end {
        if made >= most {
            return until(end);
        }
        let one = if (forked.len() as u64) < FORKS {
            another(Hog::Idle, end).map(|child| forked.push(child))
        } else {
            let park = move || until(end);
            thread::Builder::new()
                .stack_size(STACK)
                .spawn(park)
                .map(drop)
        };
        match one {
            Ok(()) => made += 1,
            // it goes on asking: that is what a hog does
            Err(_) => thread::park_timeout(AGAIN),
        }
    }
}

/// As often as the kernel kills the child there is another, a few times.
fn memory(most: u64, end: Instant) {
    for _ in 0..4 {
        let Ok(mut child) = another(Hog::Eat(most), end) else {
            return;
        };
        while Instant::now() < end && child.try_wait().is_ok_and(|ended| ended.is_none()) {
            thread::park_timeout(Duration::from_millis(5));
        }
    }
}

fn eat(most: u64, end: Instant) {
    let mut all: Vec<Vec<u8>> = Vec::new();
    while all.len() as u64 * BITE < most && Instant::now() < end {
        // written to, or the kernel would only have promised it
        all.push(vec![0x5a; usize::try_from(BITE).unwrap_or(0)]);
    }
    std::hint::black_box(&all);
    until(end);
}

fn until(end: Instant) {
    while let Some(left) = end.checked_duration_since(Instant::now()) {
        thread::park_timeout(left);
    }
}

/// This program once more, with another order: its command line is the kernel's word for how it was started.
fn another(hog: Hog, end: Instant) -> io::Result<Child> {
    let line = fs::read("/proc/self/cmdline")?;
    let mut words: Vec<String> = line
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect();
    words.pop();
    let left = end.saturating_duration_since(Instant::now()).as_secs() + 1;
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::NotFound)?;
    Command::new(program)
        .args(arguments)
        .arg(hog.order(left))
        .stdin(Stdio::null())
        .spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_as_it_was_written() {
        for hog in [Hog::Tasks(7), Hog::Memory(1 << 30), Hog::Eat(5), Hog::Idle] {
            assert_eq!(Hog::read(&hog.order(9)), Some((hog, 9)));
        }
        assert_eq!(Hog::read("tasks:7:9"), None);
        assert_eq!(Hog::read("hog=tasks:7"), None);
        assert_eq!(Hog::read("hog=more:7:9"), None);
    }
}
