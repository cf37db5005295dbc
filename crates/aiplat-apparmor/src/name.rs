//! Profile names, and why they are checked so hard.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The longest profile name, in bytes. The kernel takes 250 and fails at 255, and on Linux 6.1 and
/// 6.12 that failure blocks every later load until the next boot: we stay far away from it.
pub const MAX_NAME_LEN: usize = 63;

/// The name of a profile, which is also the name of its file: `^[a-z][a-z0-9._-]{0,62}$` without
/// `..`.
///
/// `:` would name another namespace, `//` a child profile (whose load without a parent blocks all
/// later loads on Linux 6.12), `&` a stack of profiles, and globs, spaces and `"` are syntax.
/// Holding a value of this type is the proof that it has none of them.
///
/// ```
/// use aiplat_apparmor::ProfileName;
///
/// let name = ProfileName::for_service("ai_platform", "grafana")?;
/// assert_eq!(name.as_str(), "aiplat-ai_platform.grafana");
/// assert!("a//b".parse::<ProfileName>().is_err());
/// # Ok::<(), aiplat_apparmor::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProfileName(String);

/// Why a string is no profile name. None of the variants repeats the whole input.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name is empty.
    #[error("expected a profile name, got an empty string")]
    Empty,
    /// The name is longer than [`MAX_NAME_LEN`] bytes.
    #[error("expected a profile name of at most {MAX_NAME_LEN} bytes, got {len}")]
    TooLong {
        /// Bytes that were given.
        len: usize,
    },
    /// The first character is not a lower-case letter.
    #[error("expected a profile name that starts with a lower-case letter")]
    Start,
    /// A character outside `a-z 0-9 . _ -`.
    #[error("expected only `a-z`, `0-9`, `.`, `_` and `-` in a profile name, got {found:?}")]
    Character {
        /// The first character that is not allowed.
        found: char,
    },
    /// `..` would look like a path, and the name is a file name too.
    #[error("expected a profile name without `..`")]
    Dots,
}

impl ProfileName {
    /// What the names of all profiles of this product start with.
    pub const PREFIX: &'static str = "aiplat-";

    /// The profile of one service of one stack: `aiplat-<stack>.<service>`.
    ///
    /// A stack name has no `.`, so no two pairs of names give the same profile. Names that are
    /// valid elsewhere in the product (stack up to 30, service up to 24 bytes) always fit.
    pub fn for_service(stack: &str, service: &str) -> Result<Self, NameError> {
        if stack.is_empty() || service.is_empty() {
            return Err(NameError::Empty);
        }
        if stack.contains('.') || service.contains('.') {
            return Err(NameError::Character { found: '.' });
        }
        format!("{}{stack}.{service}", Self::PREFIX).parse()
    }

    /// What the names of all profiles of `stack` start with; a prefix of no other stack's names.
    pub fn stack_prefix(stack: &str) -> String {
        format!("{}{stack}.", Self::PREFIX)
    }

    /// The name as text; also the profile's file name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name to write the file under before it is renamed. The leading dot matters: the
    /// parser skips dot files when it reads a directory, but loads `*.tmp` and `*.bak`.
    pub fn temporary_file_name(&self) -> String {
        format!(".{}.tmp", self.0)
    }
}

impl FromStr for ProfileName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let first = text.chars().next().ok_or(NameError::Empty)?;
        if text.len() > MAX_NAME_LEN {
            return Err(NameError::TooLong { len: text.len() });
        }
        if !first.is_ascii_lowercase() {
            return Err(NameError::Start);
        }
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
        if let Some(found) = text.chars().find(|c| !allowed(*c)) {
            return Err(NameError::Character { found });
        }
        if text.contains("..") {
            return Err(NameError::Dots);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ProfileName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<ProfileName> for String {
    fn from(name: ProfileName) -> Self {
        name.0
    }
}

impl AsRef<str> for ProfileName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_refused() {
        for bad in [
            "",
            "A",
            "1a",
            ".a",
            "-a",
            "a b",
            "a//b",
            "a/b",
            ":ns:a",
            "a&b",
            "a*",
            "a\n",
            "a\"",
            "a..b",
            "é",
            "a\0",
            "unconfined x",
            "a{b}",
            "@{x}",
        ] {
            assert!(bad.parse::<ProfileName>().is_err(), "{bad:?} was taken");
        }
        assert_eq!(
            "a".repeat(64).parse::<ProfileName>(),
            Err(NameError::TooLong { len: 64 })
        );
    }

    #[test]
    fn the_longest_stack_and_service_fit() {
        let name = ProfileName::for_service(&"s".repeat(30), &"v".repeat(24)).unwrap();
        assert!(name.as_str().len() <= MAX_NAME_LEN);
    }

    #[test]
    fn a_prefix_belongs_to_one_stack() {
        let b = ProfileName::for_service("ai2", "x").unwrap();
        assert!(!b.as_str().starts_with(&ProfileName::stack_prefix("ai")));
        assert!(ProfileName::for_service("ai.2", "x").is_err());
    }
}
