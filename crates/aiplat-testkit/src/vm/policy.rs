//! `apparmor_parser` on the host: the real thing behind the generator's seam, and policies
//! compiled for another kernel than the running one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use aiplat_apparmor::{Parser, ParserOutput, ProfileName, Rejected, check_compiled};
use thiserror::Error;

/// Why a policy could not be compiled.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// The parser or its files could not be used.
    #[error("could not {what}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The parser said no.
    #[error(transparent)]
    Rejected(#[from] Rejected),
}

/// The program, told which kernel's features to compile for (a file, so that it works where
/// `AppArmor` is off).
#[derive(Debug, Clone)]
pub struct ApparmorParser {
    program: PathBuf,
    features: PathBuf,
}

impl ApparmorParser {
    /// The parser where Debian puts it, if it is installed.
    pub fn find(features: impl Into<PathBuf>) -> Option<Self> {
        ["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"]
            .into_iter()
            .map(PathBuf::from)
            .find(|program| program.exists())
            .map(|program| Self {
                program,
                features: features.into(),
            })
    }

    /// The binary policy of `text`, as the kernel loads it.
    pub fn binary(&self, name: &ProfileName, text: &str) -> Result<Vec<u8>, PolicyError> {
        let io = |what| move |source| PolicyError::Io { what, source };
        let directory = tempfile::tempdir().map_err(io("make a directory"))?;
        let out = directory.path().join("policy");
        let arguments = ["-Q", "-K", "-o"];
        let output = self
            .run(text, |command| command.args(arguments).arg(&out))
            .map_err(io("run apparmor_parser"))?;
        check_compiled(name, &output)?;
        fs::read(&out).map_err(io("read the compiled policy"))
    }

    fn run(
        &self,
        text: &str,
        add: impl FnOnce(&mut Command) -> &mut Command,
    ) -> io::Result<ParserOutput> {
        // by a file and not by a pipe: a text that the parser stops reading early would block us
        let mut file = tempfile::NamedTempFile::new()?;
        io::Write::write_all(&mut file, text.as_bytes())?;
        let mut command = Command::new(&self.program);
        command
            .arg("--kernel-features")
            .arg(&self.features)
            .stdin(Stdio::null());
        let output = add(&mut command).arg(file.path()).output()?;
        Ok(ParserOutput {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Parser for ApparmorParser {
    type Error = io::Error;

    fn names(&self, text: &str) -> io::Result<ParserOutput> {
        self.run(text, |command| command.arg("-N"))
    }

    fn compile(&self, text: &str) -> io::Result<ParserOutput> {
        self.run(text, |command| command.args(["-Q", "-K"]))
    }
}

/// Policies to take into a machine: a file name and the binary each.
#[derive(Debug, Default)]
pub struct Policies {
    compiled: Vec<(String, Vec<u8>)>,
}

impl Policies {
    /// Compiles every `(file name, profile name, text)`, on `threads` threads.
    pub fn compile(
        parser: &ApparmorParser,
        texts: &[(String, ProfileName, String)],
        threads: usize,
    ) -> Result<Self, PolicyError> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(String, Vec<u8>)>, PolicyError> {
            let mut done = Vec::new();
            while let Some((file, name, text)) = texts.get(next.fetch_add(1, Ordering::Relaxed)) {
                done.push((file.clone(), parser.binary(name, text)?));
            }
            Ok(done)
        };
        let mut compiled = Vec::new();
        thread::scope(|scope| -> Result<(), PolicyError> {
            let workers: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                let done = worker
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
                compiled.extend(done?);
            }
            Ok(())
        })?;
        compiled.sort();
        Ok(Self { compiled })
    }

    /// These and more.
    pub fn with(
        mut self,
        parser: &ApparmorParser,
        texts: &[(String, ProfileName, String)],
    ) -> Result<Self, PolicyError> {
        self.compiled
            .extend(Self::compile(parser, texts, 1)?.compiled);
        Ok(self)
    }

    /// The files, by name.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.compiled
            .iter()
            .map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Reads policy texts that are no profiles of ours from `path`: the whole file is one policy.
    pub fn foreign(path: &Path) -> Result<String, PolicyError> {
        fs::read_to_string(path).map_err(|source| PolicyError::Io {
            what: "read a policy text",
            source,
        })
    }
}
