//! The name of an archive.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::stamp::Stamp;

/// `<stack>-<UTC time>.aiplat`: holding one means that it is a plain file name of that form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveName {
    stack: String,
    at: Stamp,
}

/// A text that is no name of an archive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a name such as `acme-20270115T080000Z.aiplat`, found `{}`", .found.escape_debug())]
pub struct NameError {
    /// What was given.
    pub found: String,
}

/// What the name of every archive ends with.
pub(crate) const SUFFIX: &str = ".aiplat";

impl ArchiveName {
    /// Of a stack at a moment. A stack's name has letters, digits, `_`, `.` and `-`, begins with a letter or digit and is
    /// at most 64 long.
    pub fn new(stack: &str, at: Stamp) -> Result<Self, NameError> {
        let fits = (1..=64).contains(&stack.len())
            && stack.starts_with(|c: char| c.is_ascii_alphanumeric())
            && stack
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        if !fits {
            return Err(NameError {
                found: stack.to_owned(),
            });
        }
        Ok(Self {
            stack: stack.to_owned(),
            at,
        })
    }

    /// Reads a file name; a path or a sidecar is none.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let parts = text
            .strip_suffix(SUFFIX)
            .and_then(|stem| stem.rsplit_once('-'))
            .and_then(|(stack, at)| Some((stack, Stamp::parse(at)?)));
        parts
            .and_then(|(stack, at)| Self::new(stack, at).ok())
            .ok_or_else(|| NameError {
                found: text.to_owned(),
            })
    }

    /// Whose it is.
    pub fn stack(&self) -> &str {
        &self.stack
    }

    /// When it was begun.
    pub fn at(&self) -> Stamp {
        self.at
    }

    /// The file name of its sidecar.
    pub fn sidecar(&self) -> String {
        format!("{self}.json")
    }
}

impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}{SUFFIX}", self.stack, self.at)
    }
}

impl Serialize for ArchiveName {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ArchiveName {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_may_have_dashes_in_its_name() {
        let name = ArchiveName::new("a-b-c", Stamp::from_unix(0)).unwrap();
        assert_eq!(name.to_string(), "a-b-c-19700101T000000Z.aiplat");
        assert_eq!(ArchiveName::parse(&name.to_string()).unwrap(), name);
        assert!(ArchiveName::new("ai_platform", Stamp::from_unix(0)).is_ok());
        assert_eq!(name.sidecar(), "a-b-c-19700101T000000Z.aiplat.json");
    }

    #[test]
    fn what_is_not_of_the_form_is_no_name() {
        for text in [
            "../acme-19700101T000000Z.aiplat",
            "a/b-19700101T000000Z.aiplat",
            "acme-19700101T000000Z.aiplat.json",
            ".acme-19700101T000000Z.aiplat",
            "ac me-19700101T000000Z.aiplat",
            "-19700101T000000Z.aiplat",
            "acme-1970.aiplat",
            "acme.aiplat",
        ] {
            assert!(ArchiveName::parse(text).is_err(), "{text}");
        }
    }
}
