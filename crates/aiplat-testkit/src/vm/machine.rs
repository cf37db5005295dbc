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
    /// Why earlier boots came to nothing.
    pub earlier: Vec<String>,
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
    /// Nothing runs in the machine any more: its kernel may go on complaining.
    #[error("expected the machine to say something within {silence:?}; its last line was `{last}`")]
    Stuck {
        /// How long nothing was said by any program.
        silence: Duration,
        /// The last line on its console.
        last: String,
    },
    /// The kernel panicked.
    #[error("the machine's kernel panicked: `{last}`")]
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

impl BootError {
    /// Whether it was the machine that failed, not what ran in it: kernels panic, stop or end without a word under
    /// software emulation now and then.
    fn of_the_machine(&self) -> bool {
        matches!(
            self,
            Self::Panic { .. } | Self::Stuck { .. } | Self::EndedEarly { .. }
        )
    }
}

/// How often a machine is booted at most until it holds.
const BOOTS: usize = 3;

/// What `boot` gives, tried again where the machine itself failed; and why it did.
pub(super) fn until_it_holds<T>(
    mut boot: impl FnMut() -> Result<T, BootError>,
) -> Result<(T, Vec<String>), BootError> {
    let mut earlier = Vec::new();
    loop {
        match boot() {
            Ok(done) => return Ok((done, earlier)),
            Err(error) if error.of_the_machine() && earlier.len() + 1 < BOOTS => {
                earlier.push(error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
}

impl Machine {
    /// Boots with `script` and `policies`; again where the machine itself fails, [`Transcript::earlier`] tells.
    ///
    /// # Errors
    /// [`BootError`].
    pub fn run(&self, script: &Script, policies: &Policies) -> Result<Transcript, BootError> {
        self.run_with(Initramfs::new(), script, policies)
    }

    /// As [`Machine::run`], on top of what `archive` already holds.
    ///
    /// # Errors
    /// [`BootError`].
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
        self.boots(&archive.finish())
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
        self.boots(&archive.finish())
    }

    fn boots(&self, archive: &[u8]) -> Result<Transcript, BootError> {
        let (transcript, earlier) = until_it_holds(|| self.boot(archive))?;
        Ok(Transcript {
            earlier,
            ..transcript
        })
    }

    fn boot(&self, archive: &[u8]) -> Result<Transcript, BootError> {
        let begin = Instant::now();
        let mut heard = Heard::default();
        let memory = memory_mib(archive.len()).to_string();
        let arguments = ["-smp", "1", "-m", &memory];
        let path = self.kernel.path();
        let patience = Patience::whole(self.limit);
        boot(&self.qemu, path, archive, &arguments, patience, |line| {
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

/// How long a machine may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// From its start to its end.
    pub(super) whole: Duration,
    /// Without a line from any program in it. What its kernel complains of is no sign of life: one whose processors
    /// wait for each other does so for ever.
    pub(super) silence: Duration,
}

impl Patience {
    /// One limit for all of it.
    pub(super) fn whole(limit: Duration) -> Self {
        Self {
            whole: limit,
            silence: limit,
        }
    }
}

/// Whether a line is the kernel's own: those begin with its clock, as `[    3.141592] `.
pub(super) fn of_the_kernel(line: &str) -> bool {
    line.strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
        .is_some_and(|(clock, _)| clock.trim_start().parse::<f64>().is_ok())
}

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
            earlier: Vec::new(),
        }
    }
}

/// Boots `archive` as the first root, and hands every line of the console to `each` until that has an end.
pub(super) fn boot<T>(
    qemu: &Path,
    kernel: &Path,
    archive: &[u8],
    arguments: &[&str],
    patience: Patience,
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
    listen(child, patience, each).map_err(|error| match error {
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
    patience: Patience,
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
    let Patience { whole, silence } = patience;
    let mut last = String::new();
    let mut alive = begin;
    let outcome = loop {
        let left = whole
            .saturating_sub(begin.elapsed())
            .min(silence.saturating_sub(alive.elapsed()));
        let line = match lines.recv_timeout(left) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Timeout) if alive.elapsed() >= silence => {
                break Err(BootError::Stuck { silence, last });
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {
                break Err(BootError::TimedOut { limit: whole, last });
            }
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
        if !of_the_kernel(&line) {
            alive = Instant::now();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of a program that stands for a machine.
    fn heard(script: &str, patience: Patience) -> Result<(), BootError> {
        let child = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        listen(child, patience, |line| (line == "@\tend").then_some(Ok(())))
    }

    #[test]
    fn a_kernel_that_only_complains_is_stuck() {
        let patience = Patience {
            whole: Duration::from_secs(600),
            silence: Duration::from_secs(2),
        };
        let complains =
            "echo up; while echo '[  106.72] watchdog: BUG: soft lockup'; do sleep 0.1; done";
        let ended = heard(complains, patience).unwrap_err();
        let BootError::Stuck { last, .. } = &ended else {
            panic!("{ended:?}");
        };
        assert!(last.contains("soft lockup"), "{last}");
        assert!(ended.of_the_machine());
    }

    #[test]
    fn a_machine_that_goes_on_talking_has_all_of_its_time() {
        let patience = Patience {
            whole: Duration::from_secs(3),
            silence: Duration::from_secs(600),
        };
        let talks = "while echo '    [not the kernel]'; do sleep 0.1; done";
        let ended = heard(talks, patience).unwrap_err();
        assert!(matches!(ended, BootError::TimedOut { .. }), "{ended:?}");
        assert!(!ended.of_the_machine(), "what ran in it took too long");
        let minute = Patience::whole(Duration::from_secs(600));
        heard("echo; printf '@\tend\n'; exec sleep 600", minute).unwrap();
    }

    #[test]
    fn a_machine_that_fails_is_booted_again_and_a_script_that_does_is_not() {
        let panic = || BootError::Panic {
            last: "a".to_owned(),
        };
        let mut ends = vec![Ok(7), Err(panic()), Err(panic())];
        let (value, earlier) = until_it_holds(|| ends.pop().unwrap()).unwrap();
        assert_eq!((value, earlier.len()), (7, 2));
        let mut boots = 0;
        let always = || -> Result<(), _> {
            boots += 1;
            Err(panic())
        };
        assert!(until_it_holds(always).is_err());
        assert_eq!(boots, BOOTS);
        let mut ends = vec![Ok(7), Err(BootError::Broken("a step".to_owned()))];
        assert!(until_it_holds(|| ends.pop().unwrap()).is_err());
    }
}
