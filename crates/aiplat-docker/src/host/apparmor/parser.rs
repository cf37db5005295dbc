//! The parser: the kernel's compiler of profiles.

use std::ffi::OsStr;
use std::path::Path;

use aiplat_apparmor::{Parser, ParserOutput, ProfileName, check_compiled, check_names};

use crate::host::HostError;
use crate::host::program::Program;

/// The real one.
pub(super) struct SystemParser<'a>(pub(super) &'a Program);

impl SystemParser<'_> {
    /// Refuses a text that does not compile or defines anything but the one profile.
    pub(super) fn check(&self, name: &ProfileName, text: &str) -> Result<(), HostError> {
        check_names(name, &self.names(text)?).map_err(|e| refused(&e))?;
        check_compiled(name, &self.compile(text)?).map_err(|e| refused(&e))
    }

    /// Loads files, in one call, in place of what the kernel has under their names, and keeps them in the cache.
    pub(super) fn load(&self, files: &[&Path]) -> Result<(), HostError> {
        let mut arguments: Vec<&OsStr> = vec!["-r".as_ref(), "-W".as_ref()];
        arguments.extend(files.iter().map(|file| file.as_os_str()));
        judge(&self.run(&arguments, b"")?)
    }

    /// Takes a profile out of the kernel. Its name has no character that means something, so this text is only it.
    pub(super) fn unload(&self, name: &ProfileName) -> Result<(), HostError> {
        let text = format!("profile {name} {{\n}}\n");
        judge(&self.run(&["-R".as_ref()], text.as_bytes())?)
    }

    fn run(&self, arguments: &[&OsStr], stdin: &[u8]) -> Result<ParserOutput, HostError> {
        let output = self.0.run(arguments, stdin)?;
        Ok(ParserOutput {
            success: output.success,
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }
}

impl Parser for SystemParser<'_> {
    type Error = HostError;

    fn names(&self, text: &str) -> Result<ParserOutput, HostError> {
        self.run(&["-N".as_ref()], text.as_bytes())
    }

    fn compile(&self, text: &str) -> Result<ParserOutput, HostError> {
        self.run(&["-Q".as_ref(), "-K".as_ref()], text.as_bytes())
    }
}

fn refused(rejected: &aiplat_apparmor::Rejected) -> HostError {
    HostError::Parser {
        output: rejected.to_string(),
    }
}

/// Some releases fail with exit code 0: their words count too.
fn judge(output: &ParserOutput) -> Result<(), HostError> {
    let words = format!("{}\n{}", output.stderr.trim(), output.stdout.trim());
    if output.success && !words.to_ascii_lowercase().contains("parser error") {
        return Ok(());
    }
    Err(HostError::Parser {
        output: words.trim().chars().take(2000).collect(),
    })
}
