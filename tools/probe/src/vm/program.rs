//! A real program of an image, run as a service would be: under its profile, as its user.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::PROGRAM;

/// The last lines of output that are kept.
const KEPT: usize = 40;

pub(super) struct Program {
    child: Child,
    output: Arc<Mutex<VecDeque<String>>>,
}

impl Program {
    pub(super) fn start(profile: &str, user: &str, command: &[&str]) -> io::Result<Self> {
        let mut child = Command::new(PROGRAM)
            .args(["as", profile, user])
            .args(command)
            .env_clear()
            .envs([
                ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"),
                ("HOME", "/data"),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let output = Arc::new(Mutex::new(VecDeque::new()));
        if let Some(out) = child.stdout.take() {
            keep(out, Arc::clone(&output));
        }
        if let Some(err) = child.stderr.take() {
            keep(err, Arc::clone(&output));
        }
        Ok(Self { child, output })
    }

    /// `label`, `output`, `answers PORT SAY EXPECT SECONDS`, `stop SECONDS`.
    pub(super) fn asked(&mut self, words: &[&str]) -> String {
        match *words {
            ["label"] => {
                fs::read_to_string(format!("/proc/{}/attr/apparmor/current", self.child.id()))
                    .map_or_else(
                        |error| format!("broken\t{error}"),
                        |text| text.trim().to_owned(),
                    )
            }
            ["output"] => self.output.lock().map_or_else(
                |_| "none".to_owned(),
                |lines| {
                    lines
                        .iter()
                        .map(|line| line.replace('\t', " "))
                        .collect::<Vec<_>>()
                        .join("\t")
                },
            ),
            ["answers", port, say, expect, seconds] => {
                let (say, expect) = (unescape(say), unescape(expect));
                let deadline = Instant::now() + seconds_of(seconds);
                loop {
                    let seen = talk(port, &say, &expect);
                    match seen {
                        Ok(()) => return "ok".to_owned(),
                        Err(seen) if Instant::now() > deadline => return seen,
                        Err(_) => {}
                    }
                    if let Ok(Some(status)) = self.child.try_wait() {
                        return format!("ended: {status}");
                    }
                    pause();
                }
            }
            ["stop", seconds] => self.stop(seconds_of(seconds)),
            _ => "broken\tunknown".to_owned(),
        }
    }

    /// The polite signal, as an engine sends it, and what became of it.
    fn stop(&mut self, patience: Duration) -> String {
        if let Ok(id) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    return match (status.code(), status.signal()) {
                        (Some(code), _) => format!("exit {code}"),
                        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
                    };
                }
                Ok(None) => pause(),
                Err(error) => return format!("broken\t{error}"),
            }
        }
        "still there".to_owned()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The thing waited for says nothing when it is ready: it has to be asked again and again.
fn pause() {
    let deadline = rustix::time::Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    let _ = rustix::thread::nanosleep(&deadline);
}

fn seconds_of(word: &str) -> Duration {
    Duration::from_secs(word.parse().unwrap_or(1))
}

/// Connects, says, and reads until what is expected has come.
fn talk(port: &str, say: &[u8], expect: &[u8]) -> Result<(), String> {
    let mut seen = Vec::new();
    let mut attempt = || -> io::Result<bool> {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.write_all(say)?;
        let mut bytes = [0; 1024];
        loop {
            let length = stream.read(&mut bytes)?;
            seen.extend_from_slice(&bytes[..length]);
            let found = seen
                .windows(expect.len().max(1))
                .any(|window| window == expect);
            if found || length == 0 || seen.len() > 1 << 16 {
                return Ok(found);
            }
        }
    };
    match attempt() {
        Ok(true) => Ok(()),
        Ok(false) => Err(format!("answered {:?}", String::from_utf8_lossy(&seen))),
        Err(error) => Err(format!(
            "{error}, after {:?}",
            String::from_utf8_lossy(&seen)
        )),
    }
}

/// `\r`, `\n`, `\\` and `\xNN`.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            bytes.extend(c.to_string().bytes());
            continue;
        }
        match rest.next() {
            Some('r') => bytes.push(b'\r'),
            Some('n') => bytes.push(b'\n'),
            Some('x') => {
                let digits: String = rest.by_ref().take(2).collect();
                bytes.push(u8::from_str_radix(&digits, 16).unwrap_or(b'?'));
            }
            Some(other) => bytes.extend(other.to_string().bytes()),
            None => bytes.push(b'\\'),
        }
    }
    bytes
}

fn keep(from: impl Read + Send + 'static, output: Arc<Mutex<VecDeque<String>>>) {
    thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if let Ok(mut lines) = output.lock() {
                if lines.len() == KEPT {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
        }
    });
}
