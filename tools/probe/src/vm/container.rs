//! The runtime of one container: process 1 of its namespaces, without a profile.

use std::fs;
use std::io::{self, BufReader, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::program::Program;
use super::subject::UNCONFINED;
use super::{ENGINE_SOCKET, HOST_ABSTRACT, PROGRAM, rootfs};
use crate::answer::{Failure, Word};
use crate::lines;
use crate::ops::{change_profile, in_thread};

/// The longest a table of rows may take; a row that hangs must not hang the machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Stage one: new namespaces, then itself again as their process 1.
pub(crate) fn enter_namespaces(image: Option<&str>) -> ExitCode {
    let run = || -> io::Result<ExitCode> {
        rootfs::namespaces()?;
        let status = Command::new("/init")
            .arg("container")
            .args(image)
            .status()?;
        Ok(if status.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    };
    run().unwrap_or_else(|error| {
        lines::say(&format!("broken\tnamespaces: {error}"));
        ExitCode::FAILURE
    })
}

/// Stage two: builds the container and does what it is told until the input ends.
pub(crate) fn serve(image: Option<&str>) -> ExitCode {
    match Runtime::start(image) {
        Ok(mut runtime) => {
            lines::say("ready");
            let mut input = io::stdin().lock();
            while let Some(line) = lines::next(&mut input) {
                let words: Vec<&str> = line.split('\t').collect();
                let answer = match words[..] {
                    ["row", ref row @ ..] => runtime.one_row(row),
                    ["begin"] => {
                        runtime.table.clear();
                        "ok".to_owned()
                    }
                    ["add", ref row @ ..] => {
                        runtime.table.push(row.join("\t"));
                        continue;
                    }
                    ["subject", profile, other] => runtime.subject(profile, other),
                    ["run"] => runtime.run(),
                    ["label"] => runtime.label(),
                    ["start", profile, user, ref command @ ..] => {
                        runtime.program = None;
                        Program::start(profile, user, command).map_or_else(
                            |error| format!("broken\t{error}"),
                            |program| {
                                runtime.program = Some(program);
                                "ok".to_owned()
                            },
                        )
                    }
                    ["program", ref words @ ..] => runtime
                        .program
                        .as_mut()
                        .map_or("none".to_owned(), |program| program.asked(words)),
                    _ => "broken\tunknown".to_owned(),
                };
                lines::say(&answer);
            }
            // the namespaces' process 1 ends: the kernel takes every other along
            ExitCode::SUCCESS
        }
        Err(error) => {
            lines::say(&format!("broken\tcontainer: {error}"));
            ExitCode::FAILURE
        }
    }
}

struct Runtime {
    table: Vec<String>,
    /// The host's process, without a profile.
    host: Child,
    /// A process of the other stack, and its profile.
    other: Option<(String, Child)>,
    subject: Option<Subject>,
    /// A real program.
    program: Option<Program>,
}

struct Subject {
    child: Child,
    confined: bool,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Runtime {
    fn start(image: Option<&str>) -> io::Result<Self> {
        rootfs::build(image)?;
        engine_socket()?;
        listen(UnixListener::bind_addr(&SocketAddr::from_abstract_name(
            HOST_ABSTRACT,
        )?)?);
        let host = start(UNCONFINED, &[PROGRAM, "wait"], Stdio::null(), Stdio::null())?;
        Ok(Self {
            table: Vec::new(),
            host,
            other: None,
            subject: None,
            program: None,
        })
    }

    fn subject(&mut self, profile: &str, other: &str) -> String {
        self.end_subject();
        let mut begin = || -> io::Result<Result<Subject, String>> {
            engine_socket()?;
            if self.other.as_ref().is_none_or(|(name, _)| name != other) {
                if let Some((_, mut child)) = self.other.take() {
                    child.kill()?;
                    child.wait()?;
                }
                let child = start(other, &[PROGRAM, "wait"], Stdio::null(), Stdio::null())?;
                self.other = Some((other.to_owned(), child));
            }
            let mut child = start(
                profile,
                &[PROGRAM, "subject"],
                Stdio::piped(),
                Stdio::piped(),
            )?;
            let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
                return Ok(Err("broken\tno pipe".to_owned()));
            };
            let mut output = BufReader::new(output);
            Ok(match lines::next(&mut output).as_deref() {
                Some("ready") => Ok(Subject {
                    child,
                    confined: profile != UNCONFINED,
                    input,
                    output,
                }),
                line => {
                    child.wait()?;
                    Err(line.unwrap_or("failed\tsilent").to_owned())
                }
            })
        };
        match begin() {
            Ok(Ok(subject)) => {
                self.subject = Some(subject);
                "ok".to_owned()
            }
            Ok(Err(answer)) => answer,
            Err(error) => format!("broken\t{error}"),
        }
    }

    fn end_subject(&mut self) {
        if let Some(mut subject) = self.subject.take() {
            drop(subject.input);
            let _ = subject.child.kill();
            let _ = subject.child.wait();
        }
    }

    fn one_row(&mut self, row: &[&str]) -> String {
        let row = self.fill(&row.join("\t"));
        self.rows(&[row])
    }

    fn run(&mut self) -> String {
        let rows: Vec<String> = self.table.iter().map(|row| self.fill(row)).collect();
        self.rows(&rows)
    }

    fn fill(&self, row: &str) -> String {
        let other = self.other.as_ref().map_or(0, |(_, child)| child.id());
        row.replace("{host}", &self.host.id().to_string())
            .replace("{other}", &other.to_string())
    }

    /// One word per row; `none` from the row on that ended or stopped the subject.
    fn rows(&mut self, rows: &[String]) -> String {
        let Some(subject) = &mut self.subject else {
            return vec!["none"; rows.len()].join(" ");
        };
        let (done, timer) = mpsc::channel::<()>();
        let id = subject.child.id();
        let watch = thread::spawn(move || {
            if timer.recv_timeout(LIMIT) == Err(mpsc::RecvTimeoutError::Timeout)
                && let Ok(id) = i32::try_from(id)
            {
                let _ = kill(Pid::from_raw(id), Signal::SIGKILL);
            }
        });
        let mut words = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(profile) = row.strip_prefix("signalled-by\t") {
                let profile = if subject.confined {
                    profile
                } else {
                    UNCONFINED
                };
                words.push(signal_under(profile, id).to_string());
                continue;
            }
            let told = writeln!(subject.input, "{row}").and_then(|()| subject.input.flush());
            let word = told.ok().and_then(|()| lines::next(&mut subject.output));
            words.push(word.unwrap_or_else(|| "none".to_owned()));
        }
        drop(done);
        let _ = watch.join();
        words.join(" ")
    }

    fn label(&self) -> String {
        self.subject.as_ref().map_or("none".to_owned(), |subject| {
            let path = format!("/proc/{}/attr/apparmor/current", subject.child.id());
            fs::read_to_string(path).map_or_else(
                |error| format!("broken\t{error}"),
                |text| text.trim().to_owned(),
            )
        })
    }
}

/// Starts `command` in the container under `profile`.
fn start(profile: &str, command: &[&str], input: Stdio, output: Stdio) -> io::Result<Child> {
    Command::new(PROGRAM)
        .args(["as", profile, "0"])
        .args(command)
        .stdin(input)
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()
}

/// Signals the subject as a process under `profile` would, such as the runtime that stops it:
/// a thread takes the profile on and ends with it.
fn signal_under(profile: &str, subject: u32) -> Word {
    let profile = profile.to_owned();
    Word(in_thread(move || {
        if profile != UNCONFINED {
            change_profile(&profile)?;
        }
        let subject = i32::try_from(subject).map_err(|_| Failure::odd("pid"))?;
        Ok(kill(Pid::from_raw(subject), Signal::SIGCONT)?)
    }))
}

/// Listens where an engine would, again where a subject managed to remove it.
fn engine_socket() -> io::Result<()> {
    if UnixStream::connect(ENGINE_SOCKET).is_err() {
        let _ = fs::remove_file(ENGINE_SOCKET);
        listen(UnixListener::bind(ENGINE_SOCKET)?);
    }
    Ok(())
}

/// Accepts and forgets, for as long as the container lives.
fn listen(listener: UnixListener) {
    thread::spawn(move || listener.incoming().for_each(drop));
}
