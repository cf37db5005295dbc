//! What the kernel answered.

use std::fmt;
use std::io;

/// Why an operation did not go through.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The kernel's error number.
    Errno(i32),
    /// Something that is no error number: a child that died, an answer that was wrong.
    Odd(String),
}

/// What became of an operation.
pub(crate) type Outcome = Result<(), Failure>;

/// An outcome as one word: `ok`, `EACCES`, `odd:killed-by-11`.
pub(crate) struct Word(pub(crate) Outcome);

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(()) => f.write_str("ok"),
            Err(Failure::Errno(number)) => {
                write!(f, "{:?}", nix::errno::Errno::from_raw(*number))
            }
            Err(Failure::Odd(text)) => write!(f, "odd:{}", text.replace(char::is_whitespace, "-")),
        }
    }
}

impl Failure {
    pub(crate) fn odd(text: impl Into<String>) -> Self {
        Self::Odd(text.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        error
            .raw_os_error()
            .map_or_else(|| Self::Odd(error.to_string()), Self::Errno)
    }
}

impl From<rustix::io::Errno> for Failure {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Errno(error.raw_os_error())
    }
}

impl From<nix::errno::Errno> for Failure {
    fn from(error: nix::errno::Errno) -> Self {
        Self::Errno(error as i32)
    }
}

/// The operation reached the kernel's own code behind the permission check, which then said
/// `expected` (no such module, no such device): it went through.
pub(crate) fn through<T, E: Into<Failure>>(
    result: Result<T, E>,
    expected: &[rustix::io::Errno],
) -> Outcome {
    match result.map_err(Into::into) {
        Err(Failure::Errno(number))
            if expected.iter().any(|errno| errno.raw_os_error() == number) =>
        {
            Ok(())
        }
        other => other.map(drop),
    }
}
