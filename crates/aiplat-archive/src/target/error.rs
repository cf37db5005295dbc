//! What can go wrong where archives are kept.

use std::io;

/// A target that could not be read or written. Never carries a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The disk or the quota is full; nothing is left of what was written.
    #[error("expected free space in `{place}`, it is full after {written} bytes of the archive ({free} bytes free{})", needs(*.expected))]
    Full {
        /// Where.
        place: String,
        /// Bytes of the archive that had been written.
        written: u64,
        /// Bytes free now.
        free: u64,
        /// Bytes of content that were expected, before compression, where that is known.
        expected: Option<u64>,
    },
    /// There is one of this name.
    #[error("expected no `{name}` in `{place}`, there is one")]
    Exists {
        /// The name.
        name: String,
        /// Where.
        place: String,
    },
    /// Another run writes one of this name at this moment.
    #[error("expected to be the only one to write `{name}` in `{place}`, another run does")]
    Busy {
        /// The name.
        name: String,
        /// Where.
        place: String,
    },
    /// There is none of this name.
    #[error("expected `{name}` in `{place}`, it is not there")]
    Missing {
        /// The name.
        name: String,
        /// Where.
        place: String,
    },
    /// What arrived is not as long as what was sent.
    #[error("expected {expected} bytes of `{name}`, found {found}")]
    Size {
        /// The name.
        name: String,
        /// Its size.
        expected: u64,
        /// The size found.
        found: u64,
    },
    /// An address is none of a bucket or its server.
    #[error("expected {expected}, found `{}`", .found.escape_debug())]
    Address {
        /// Such as ``an address such as `s3://bucket/folder` ``.
        expected: &'static str,
        /// What was given; never a key.
        found: String,
    },
    /// A server refused.
    #[error("could not {what} in `{place}`, the server answers {status}{}", code_of(.code))]
    Refused {
        /// What was tried.
        what: String,
        /// Where.
        place: String,
        /// HTTP's status.
        status: u16,
        /// S3's own word, such as `AccessDenied`; empty when it says none.
        code: String,
    },
    /// A server answered something that is not S3.
    #[error("could not {what} in `{place}`, expected an answer as S3 has it")]
    Answer {
        /// What was tried.
        what: String,
        /// Where.
        place: String,
    },
    /// A file or a server could not be read or written.
    #[error("could not {what} in `{place}`")]
    Io {
        /// What was tried.
        what: String,
        /// Where.
        place: String,
        /// Why not.
        source: io::Error,
    },
}

fn code_of(code: &str) -> String {
    match code {
        "" => String::new(),
        code => format!(" `{code}`"),
    }
}

fn needs(expected: Option<u64>) -> String {
    expected.map_or_else(String::new, |bytes| {
        format!(", the content has {bytes} bytes before compression")
    })
}

impl TargetError {
    pub(crate) fn io(
        what: impl Into<String>,
        place: impl Into<String>,
        source: impl Into<io::Error>,
    ) -> Self {
        Self::Io {
            what: what.into(),
            place: place.into(),
            source: source.into(),
        }
    }

    /// What an opened archive said.
    pub(crate) fn of_reading(error: io::Error) -> Self {
        error
            .downcast::<Self>()
            .unwrap_or_else(|error| Self::io("read", "its place", error))
    }

    /// What a sink said through an [`io::Error`].
    pub(crate) fn of(error: io::Error, place: String) -> Self {
        error
            .downcast::<Self>()
            .unwrap_or_else(|error| Self::io("write", place, error))
    }
}
