//! Booting.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::{Answers, Initramfs, Kernel, Policies, Script};

/// How to boot: the emulator, the kernel, and how long at most.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The emulator.
    pub qemu: PathBuf,
    /// The kernel.
    pub kernel: Kernel,
    /// The static probe, which becomes `/init`.
    pub probe: Vec<u8>,
    /// Wall-clock limit of one boot.
    pub limit: Duration,
}

/// What a boot said.
#[derive(Debug, Clone)]
pub struct Transcript {
    /// The kernel's release.
    pub kernel: String,
    /// The answers.
    pub answers: Answers,
    /// From start to the last line.
    pub took: Duration,
    /// Whether a kernel panic made a second boot necessary.
    pub retried: bool,
}

/// Why a boot gave no transcript.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BootError {
    /// The emulator or its files.
    #[error("could not {what}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The limit passed.
    #[error("expected the machine to end within {limit:?}; its last line was `{last}`")]
    TimedOut {
        /// The limit.
        limit: Duration,
        /// The last line on its console.
        last: String,
    },
    /// The kernel panicked, twice.
    #[error("the machine's kernel panicked twice: `{last}`")]
    Panic {
        /// The line that says so.
        last: String,
    },
    /// The machine ended before its script did.
    #[error(
        "expected the machine to finish its script, it ended with {how}; its last line was `{last}`"
    )]
    EndedEarly {
        /// How the emulator ended, and the last thing it complained of.
        how: String,
        /// The last line on its console.
        last: String,
    },
    /// The probe could not do what it was told.
    #[error("the probe in the machine said: {0}")]
    Broken(String),
}

impl Machine {
    /// Boots with `script` and `policies`. Tried once more after a kernel panic, which software
    /// emulation has now and then.
    pub fn run(&self, script: &Script, policies: &Policies) -> Result<Transcript, BootError> {
        self.run_with(Initramfs::new(), script, policies)
    }

    /// As [`Machine::run`], on top of what `archive` already holds.
    pub fn run_with(
        &self,
        mut archive: Initramfs,
        script: &Script,
        policies: &Policies,
    ) -> Result<Transcript, BootError> {
        archive.file("init", 0o755, &self.probe);
        archive.file("script", 0o644, script.text().as_bytes());
        for (name, bytes) in policies.files() {
            archive.file(&format!("policies/{name}"), 0o644, bytes);
        }
        let archive = archive.finish();
        match self.boot(&archive) {
            Err(BootError::Panic { .. }) => self.boot(&archive).map(|transcript| Transcript {
                retried: true,
                ..transcript
            }),
            other => other,
        }
    }

    /// Boots as a host that somebody uses, and works through the script as [`super::Native`] does there: in namespaces of
    /// its own, below a first process that is `busybox` (a static one).
    ///
    /// # Errors
    /// [`BootError`].
    pub fn run_as_host(
        &self,
        busybox: &[u8],
        script: &Script,
        policies: &Policies,
    ) -> Result<Transcript, BootError> {
        let mut archive = Initramfs::new();
        archive.file("init", 0o755, HOST.as_bytes());
        archive.file("bin/busybox", 0o755, busybox);
        archive.file("native/init", 0o755, &self.probe);
        archive.file("native/script", 0o644, script.text().as_bytes());
        for (name, bytes) in policies.files() {
            archive.file(&format!("native/policies/{name}"), 0o644, bytes);
        }
        self.boot(&archive.finish())
    }

    fn boot(&self, archive: &[u8]) -> Result<Transcript, BootError> {
        let begin = Instant::now();
        let mut heard = Heard::default();
        let memory = memory_mib(archive.len()).to_string();
        let arguments = ["-smp", "1", "-m", &memory];
        let path = self.kernel.path();
        boot(&self.qemu, path, archive, &arguments, self.limit, |line| {
            heard.line(line)
        })?;
        Ok(heard.transcript(begin.elapsed()))
    }
}

/// The first process of a machine that stands for a host.
const HOST: &str = "#!/bin/busybox sh
B=/bin/busybox
$B mkdir -p /proc /sys
$B mount -t proc p /proc
$B mount -t sysfs s /sys
$B mount -t securityfs s /sys/kernel/security
$B unshare -f -p -m -n -i -u $B sh -c 'B=/bin/busybox; $B mount -o bind /native /native && cd /native && $B mount -o move . / && exec $B chroot . /init native'
$B poweroff -f
";

/// What the probe has said so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    kernel: String,
    answers: Answers,
}

impl Heard {
    /// Takes a line, and says when it was the last.
    pub(super) fn line(&mut self, line: &str) -> Option<Result<(), BootError>> {
        let mut words = line.splitn(3, '\t');
        match (words.next(), words.next(), words.next()) {
            (Some("@"), Some("end"), _) => return Some(Ok(())),
            (Some("@"), Some("kernel"), Some(release)) => release.clone_into(&mut self.kernel),
            (Some("@"), Some("broken"), Some(why)) => {
                return Some(Err(BootError::Broken(why.to_owned())));
            }
            (Some("@"), Some(step), Some(answer)) => {
                if let Ok(step) = step.parse() {
                    self.answers.insert(step, answer.to_owned());
                }
            }
            _ => {}
        }
        None
    }

    /// All of it.
    pub(super) fn transcript(self, took: Duration) -> Transcript {
        Transcript {
            kernel: self.kernel,
            answers: self.answers,
            took,
            retried: false,
        }
    }
}

/// Boots `archive` as the first root, and hands every line of the console to `each` until that has an end.
pub(super) fn boot<T>(
    qemu: &Path,
    kernel: &Path,
    archive: &[u8],
    arguments: &[&str],
    limit: Duration,
    each: impl FnMut(&str) -> Option<Result<T, BootError>>,
) -> Result<T, BootError> {
    let io = |what| move |source| BootError::Io { what, source };
    let mut file = tempfile::NamedTempFile::new().map_err(io("make the initramfs"))?;
    io::Write::write_all(&mut file, archive).map_err(io("write the initramfs"))?;
    let complaints = tempfile::NamedTempFile::new().map_err(io("make a file"))?;
    let child = Command::new(qemu)
        .args(["-accel", "tcg", "-cpu", "qemu64", "-nodefaults"])
        .args(["-display", "none", "-serial", "stdio"])
        .args(["-monitor", "none", "-no-reboot"])
        .args(arguments)
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(file.path())
        .args(["-append", COMMAND_LINE])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(complaints.reopen().map_err(io("make a file"))?)
        .spawn()
        .map_err(io("start the emulator"))?;
    listen(child, limit, each).map_err(|error| match error {
        BootError::EndedEarly { how, last } => {
            let text = std::fs::read_to_string(complaints.path()).unwrap_or_default();
            let how = format!("{how} {}", text.lines().last().unwrap_or_default());
            BootError::EndedEarly { how, last }
        }
        other => other,
    })
}

/// Hands every line of a child's output to `each` until that has an end; the child is gone then.
pub(super) fn listen<T>(
    mut child: Child,
    limit: Duration,
    mut each: impl FnMut(&str) -> Option<Result<T, BootError>>,
) -> Result<T, BootError> {
    let begin = Instant::now();
    let console = child.stdout.take().expect("standard output was asked for");
    let (sender, lines) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut console = BufReader::new(console);
        let mut line = Vec::new();
        while console
            .read_until(b'\n', &mut line)
            .is_ok_and(|length| length > 0)
        {
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_end_matches(['\r', '\n']).to_owned();
            line.clear();
            if sender.send(text).is_err() {
                break;
            }
        }
    });
    let mut last = String::new();
    let outcome = loop {
        let left = limit.saturating_sub(begin.elapsed());
        let line = match lines.recv_timeout(left) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Timeout) => break Err(BootError::TimedOut { limit, last }),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                // it has closed its output, so it is about to end
                let how = child
                    .wait()
                    .map_or_else(|e| e.to_string(), |s| s.to_string());
                break Err(BootError::EndedEarly { how, last });
            }
        };
        if line.contains("Kernel panic") {
            break Err(BootError::Panic { last: line });
        }
        if let Some(ended) = each(&line) {
            break ended;
        }
        last = line;
    };
    // ours, by its handle; it is gone already where it ended by itself
    let _ = child.kill();
    child.wait().map_err(|source| BootError::Io {
        what: "wait for the emulator",
        source,
    })?;
    drop(lines);
    let _ = reader.join();
    outcome
}

/// Room for the archive packed and unpacked, for policies (some 140 KiB each) and programs.
fn memory_mib(archive: usize) -> usize {
    512 + 3 * (archive >> 20)
}

/// `no_timer_check`: a busy host makes the emulated timer look broken. `audit_backlog_limit` and
/// `log_buf_len`: no denial is to be missing from the log.
const COMMAND_LINE: &str = "console=ttyS0 quiet panic=-1 no_timer_check mitigations=off \
                            lsm=apparmor audit_backlog_limit=16384 log_buf_len=8M";
