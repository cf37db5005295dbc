//! Text with secrets named inside it: which parts are secret is said by type, so whoever renders it
//! knows when the result must be treated as one.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use crate::secret::SecretRef;

/// How a secret's value is written where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// As it is.
    Raw,
    /// Percent-encoded, as user info of a URL.
    Url,
    /// As an SQL string literal, its quotes included (`standard_conforming_strings` is on since
    /// `PostgreSQL` 9.1, so only the quote itself is doubled).
    SqlLiteral,
}

/// One part of a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// May be shown.
    Plain(String),
    /// Stands for a secret's value.
    Secret {
        /// Which.
        secret: SecretRef,
        /// Written how.
        encoding: Encoding,
    },
}

/// Plain and secret parts in a row. [`Display`](fmt::Display) shows secrets by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text {
    parts: Vec<Part>,
}

/// Why a text could not be revealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevealError {
    /// The caller does not have this secret.
    #[error("secret `{name}` is not known, draw it before this text is written")]
    Unknown {
        /// The secret's name.
        name: String,
    },
    /// `PostgreSQL` cannot hold it.
    #[error("secret `{name}` holds a zero byte, which SQL cannot carry")]
    ZeroByte {
        /// The secret's name.
        name: String,
    },
}

impl Text {
    /// From its parts.
    pub fn new(parts: Vec<Part>) -> Self {
        Self { parts }
    }

    /// Without a secret.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::new(vec![Part::Plain(text.into())])
    }

    /// Its parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The secrets it needs.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretRef> {
        self.parts.iter().filter_map(|part| match part {
            Part::Plain(_) => None,
            Part::Secret { secret, .. } => Some(secret),
        })
    }

    /// Whether the revealed text is a secret itself.
    pub fn is_secret(&self) -> bool {
        self.secrets().next().is_some()
    }

    /// The text with its secrets' values, which `lookup` gives.
    pub fn reveal<'v>(
        &self,
        mut lookup: impl FnMut(&SecretRef) -> Option<Cow<'v, str>>,
    ) -> Result<String, RevealError> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Plain(text) => out.push_str(text),
                Part::Secret { secret, encoding } => {
                    let value = lookup(secret).ok_or_else(|| RevealError::Unknown {
                        name: secret.name.clone(),
                    })?;
                    out.push_str(&encode(*encoding, &value, secret)?);
                }
            }
        }
        Ok(out)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            Part::Plain(text) => f.write_str(text),
            Part::Secret { secret, .. } => write!(f, "<{}>", secret.name),
        })
    }
}

fn encode(encoding: Encoding, value: &str, secret: &SecretRef) -> Result<String, RevealError> {
    Ok(match encoding {
        Encoding::Raw => value.to_owned(),
        Encoding::Url => percent(value),
        Encoding::SqlLiteral if value.contains('\0') => {
            return Err(RevealError::ZeroByte {
                name: secret.name.clone(),
            });
        }
        Encoding::SqlLiteral => format!("'{}'", value.replace('\'', "''")),
    })
}

/// Everything but RFC 3986's unreserved characters.
fn percent(value: &str) -> String {
    let digit = |n: u8| char::from_digit(u32::from(n), 16).map_or('0', |c| c.to_ascii_uppercase());
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
        }
    }
    out
}
