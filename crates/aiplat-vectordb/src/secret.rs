//! Secrets by name. No value of one ever enters this crate except through
//! [`Text::reveal`](crate::Text::reveal), whose caller gets it back in the same call.

use std::fmt;

use serde::Serialize;

/// How a secret is drawn; the words are those of a service file's `format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyFormat {
    /// 32 of `A-Z a-z 0-9`.
    Alnum32,
    /// 64 lower-case hex digits.
    Hex64,
}

impl KeyFormat {
    /// Length of a drawn value in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Alnum32 => 32,
            Self::Hex64 => 64,
        }
    }

    /// As a service file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alnum32 => "alnum32",
            Self::Hex64 => "hex64",
        }
    }
}

impl fmt::Display for KeyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names a secret of the stack. Holds no value, so it may be shown and serialised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SecretRef {
    /// File name under the stack's `config/secrets/`: `[a-z0-9_]+`.
    pub name: String,
    /// The manifest's key for it, by which an operator may give one.
    pub key: String,
    /// How to draw it when none is given.
    #[serde(skip)]
    pub(crate) spec: KeySpec,
}

impl SecretRef {
    /// A secret by its file name; its manifest key is the same in capitals.
    pub fn new(name: impl Into<String>, spec: KeySpec) -> Self {
        let name = name.into();
        let key = name.to_ascii_uppercase();
        Self { name, key, spec }
    }

    /// How it is drawn.
    pub fn format(&self) -> KeyFormat {
        self.spec.format
    }

    /// Whether a value given by an operator will do for the store.
    pub fn check(&self, value: &str) -> Result<(), KeyProblem> {
        self.spec.check(value)
    }
}

/// Whether one key serves the whole stack or each service has its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyScope {
    /// One key per stack, shared by its services.
    Stack,
    /// One per service and stack.
    Service,
}

/// What a store demands of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySpec {
    /// Who has one.
    pub scope: KeyScope,
    /// How it is drawn.
    pub format: KeyFormat,
    /// Shortest value accepted from an operator, in bytes.
    pub min_bytes: usize,
    /// Bytes that the store takes apart or refuses, beside control characters, blanks and
    /// everything that is not ASCII (keys travel in HTTP headers).
    pub forbidden: &'static str,
}

/// What is wrong with a key; never the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Shorter than the store's floor.
    #[error("expected at least {min} bytes, leave it out to have one generated")]
    TooShort {
        /// The floor in bytes.
        min: usize,
    },
    /// Holds a character that the store or the protocol does not carry.
    #[error("expected printable ASCII without blanks{}", forbidden_words(.forbidden))]
    Character {
        /// The store's own forbidden characters.
        forbidden: &'static str,
    },
}

fn forbidden_words(forbidden: &str) -> String {
    if forbidden.is_empty() {
        String::new()
    } else {
        format!(" and without any of `{forbidden}`")
    }
}

impl KeySpec {
    /// A `PostgreSQL` role's password.
    pub const PASSWORD: Self = Self {
        scope: KeyScope::Service,
        format: KeyFormat::Alnum32,
        min_bytes: 16,
        forbidden: "",
    };

    /// Whether a value given by an operator will do.
    pub fn check(&self, value: &str) -> Result<(), KeyProblem> {
        if !value
            .bytes()
            .all(|b| b.is_ascii_graphic() && !self.forbidden.as_bytes().contains(&b))
        {
            return Err(KeyProblem::Character {
                forbidden: self.forbidden,
            });
        }
        if value.len() < self.min_bytes {
            return Err(KeyProblem::TooShort {
                min: self.min_bytes,
            });
        }
        Ok(())
    }
}
