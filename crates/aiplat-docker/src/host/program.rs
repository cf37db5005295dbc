//! Running the few programs of the host that have no other interface: the firewall's, the profile parser, systemd's.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::HostError;

/// Most of a program's output that goes into an error.
const SHOWN: usize = 2000;

/// A program and the arguments that always come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    before: Vec<OsString>,
    name: OsString,
}

/// What a program that was run left behind.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// It exited with 0.
    pub(crate) success: bool,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained about.
    pub(crate) stderr: String,
    /// The command line, for errors.
    pub(crate) command: String,
}

impl Program {
    /// A program on the search path; the system's own directories are searched too when it is not there.
    pub fn named(name: impl Into<OsString>) -> Self {
        Self {
            before: Vec::new(),
            name: name.into(),
        }
    }

    /// A program run by another one, such as `ip netns exec NAME`.
    #[must_use]
    pub fn run_by(mut self, before: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.before = before.into_iter().map(Into::into).collect();
        self
    }

    /// The program whose name has `suffix` after it, run in the same way.
    pub(crate) fn suffixed(&self, suffix: &str) -> Self {
        let mut name = self.name.clone();
        name.push(suffix);
        Self {
            before: self.before.clone(),
            name,
        }
    }

    /// Its name, for errors.
    pub(crate) fn name(&self) -> String {
        self.name.to_string_lossy().into_owned()
    }

    /// Whether it is installed. It is looked for first, since starting a program takes milliseconds on a busy host.
    pub(crate) fn is_installed(&self) -> bool {
        let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin"];
        folders
            .iter()
            .any(|folder| Path::new(folder).join(&self.name).is_file())
            || self
                .run(&["--version".as_ref()], b"")
                .is_ok_and(|o| o.success)
    }

    /// Runs it to its end, whatever that is; an error means that it could not be run.
    pub(crate) fn run(&self, arguments: &[&OsStr], stdin: &[u8]) -> Result<Output, HostError> {
        match self.spawn(&self.name, arguments, stdin) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.before.is_empty() => {
                // root's programs are not on the path of every root
                let elsewhere = Path::new("/usr/sbin").join(&self.name);
                self.spawn(elsewhere.as_os_str(), arguments, stdin)
            }
            other => other,
        }
        .map_err(|e| match e.kind() {
            io::ErrorKind::NotFound => HostError::NoProgram {
                program: self.name(),
            },
            _ => HostError::io("run", self.name.as_ref(), e),
        })
    }

    fn spawn(&self, name: &OsStr, arguments: &[&OsStr], stdin: &[u8]) -> io::Result<Output> {
        let line: Vec<&OsStr> = self
            .before
            .iter()
            .map(OsString::as_os_str)
            .chain([name])
            .chain(arguments.iter().copied())
            .collect();
        let mut child = Command::new(line[0])
            .args(&line[1..])
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = std::thread::scope(|scope| {
            // beside reading its output, so that neither side waits for the other
            scope.spawn(move || {
                if let Some(mut input) = input {
                    // a program that stops listening says why itself
                    let _ = input.write_all(stdin);
                }
            });
            child.wait_with_output()
        })?;
        let command: Vec<_> = line.iter().map(|word| word.to_string_lossy()).collect();
        Ok(Output {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            command: command.join(" "),
        })
    }
}

impl Output {
    /// The output of a program that succeeded.
    pub(crate) fn checked(self) -> Result<Self, HostError> {
        if self.success {
            return Ok(self);
        }
        let output = self.complaint();
        Err(HostError::Program {
            command: self.command,
            output,
        })
    }

    /// What it said went wrong, shortened.
    pub(crate) fn complaint(&self) -> String {
        let all = format!("{}\n{}", self.stderr.trim(), self.stdout.trim());
        match all.trim() {
            "" => "no message".to_owned(),
            words => words.chars().take(SHOWN).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn much_input_and_much_output_do_not_wait_for_each_other() {
        let text = vec![b'x'; 1 << 20];
        let output = Program::named("cat").run(&[], &text).unwrap();
        assert_eq!(output.stdout.len(), text.len());
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let refused = Program::named("no-such-program").run(&[], b"").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "expected the program `no-such-program`"
        );
    }

    #[test]
    fn a_failure_carries_the_command_line_and_its_words() {
        let program = Program::named("sh").run_by(["env", "A=b"]);
        let output = program
            .run(&["-c".as_ref(), "echo $A >&2; exit 3".as_ref()], b"")
            .unwrap();
        let refused = output.checked().unwrap_err().to_string();
        assert_eq!(refused, "`env A=b sh -c echo $A >&2; exit 3` failed: b");
    }
}
