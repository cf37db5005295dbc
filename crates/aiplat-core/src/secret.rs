//! How secrets look: formats, drawn from random bytes that the caller hands in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::names::SecretName;

/// The form of a generated secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Format {
    /// `alnum32`: 32 letters and digits.
    Alnum32,
    /// `hex64`: 64 hexadecimal digits.
    Hex64,
    /// `sk-hex64`: `sk-` and 64 hexadecimal digits, as the gateway wants its keys.
    SkHex64,
    /// `base64-42`: base64 of 42 bytes.
    Base64Of42,
    /// `base64url-32`: unpadded URL-safe base64 of exactly 32 bytes.
    Base64UrlOf32,
    /// `password24`: 24 characters with a lower-case letter, an upper-case letter, a digit and one of `_-.` at least.
    Password24,
    /// `bcrypt-of:<name>`: the bcrypt hash of another secret of the same service.
    BcryptOf(SecretName),
    /// `given`: never drawn, only given.
    Given,
}

/// A word that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected `alnum32`, `hex64`, `sk-hex64`, `base64-42`, `base64url-32`, `password24`, `bcrypt-of:<secret>` or `given`"
)]
pub struct InvalidFormat;

impl TryFrom<String> for Format {
    type Error = InvalidFormat;

    fn try_from(text: String) -> Result<Self, InvalidFormat> {
        Ok(match text.as_str() {
            "alnum32" => Self::Alnum32,
            "hex64" => Self::Hex64,
            "sk-hex64" => Self::SkHex64,
            "base64-42" => Self::Base64Of42,
            "base64url-32" => Self::Base64UrlOf32,
            "password24" => Self::Password24,
            "given" => Self::Given,
            other => {
                let name = other.strip_prefix("bcrypt-of:").ok_or(InvalidFormat)?;
                Self::BcryptOf(name.parse().map_err(|_| InvalidFormat)?)
            }
        })
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        match format {
            Format::Alnum32 => "alnum32".to_owned(),
            Format::Hex64 => "hex64".to_owned(),
            Format::SkHex64 => "sk-hex64".to_owned(),
            Format::Base64Of42 => "base64-42".to_owned(),
            Format::Base64UrlOf32 => "base64url-32".to_owned(),
            Format::Password24 => "password24".to_owned(),
            Format::Given => "given".to_owned(),
            Format::BcryptOf(name) => format!("bcrypt-of:{name}"),
        }
    }
}

/// Random bytes that any format needs at most.
pub const RANDOM_BYTES: usize = 64;

const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Work factor of bcrypt hashes: 2^10 rounds, some 60 ms, and what the services themselves use.
const BCRYPT_COST: u32 = 10;

impl Format {
    /// Whether it is made from another secret.
    pub fn derived(&self) -> bool {
        matches!(self, Self::BcryptOf(_))
    }

    /// The secret that these random bytes make; `None` where it must be given, or where the secret it is made from
    /// is not in `known`.
    pub fn draw<'a>(
        &self,
        random: &[u8; RANDOM_BYTES],
        known: impl Fn(&SecretName) -> Option<&'a SecretString>,
    ) -> Option<SecretString> {
        let text = match self {
            Self::Alnum32 => letters(&random[..32], ALNUM),
            Self::Hex64 => crate::text::hex(&random[..32]),
            Self::SkHex64 => format!("sk-{}", crate::text::hex(&random[..32])),
            Self::Base64Of42 => STANDARD.encode(&random[..42]),
            Self::Base64UrlOf32 => URL_SAFE_NO_PAD.encode(&random[..32]),
            Self::Password24 => password(random),
            Self::Given => return None,
            Self::BcryptOf(name) => {
                let mut salt = [0; 16];
                salt.copy_from_slice(&random[..16]);
                let password = known(name)?.expose_secret();
                bcrypt::hash_with_salt(password, BCRYPT_COST, salt)
                    .ok()?
                    .to_string()
            }
        };
        Some(text.into())
    }
}

fn password(random: &[u8; RANDOM_BYTES]) -> String {
    let sets: [&[u8]; 4] = [
        b"abcdefghijkmnopqrstuvwxyz",
        b"ABCDEFGHJKLMNPQRSTUVWXYZ",
        b"23456789",
        b"_-.",
    ];
    let mut text = letters(&random[..20], ALNUM);
    for (byte, set) in random[20..24].iter().zip(sets) {
        text.push(char::from(set[usize::from(*byte) % set.len()]));
    }
    text
}

/// One letter a byte. The modulus favours some letters by a hair; 32 letters keep more than 185 bits all the same.
fn letters(random: &[u8], set: &[u8]) -> String {
    random
        .iter()
        .map(|b| char::from(set[usize::from(*b) % set.len()]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_has_its_shape() {
        let random: [u8; RANDOM_BYTES] =
            std::array::from_fn(|i| u8::try_from(i * 37 % 256).unwrap());
        let draw = |f: Format| {
            f.draw(&random, |_| None)
                .unwrap()
                .expose_secret()
                .to_owned()
        };
        assert_eq!(draw(Format::Alnum32).len(), 32);
        assert_eq!(draw(Format::Hex64).len(), 64);
        assert_eq!(draw(Format::SkHex64).len(), 67);
        assert_eq!(draw(Format::Base64Of42).len(), 56);
        assert_eq!(draw(Format::Base64UrlOf32).len(), 43);
        let password = draw(Format::Password24);
        assert_eq!(password.len(), 24);
        assert!(password.chars().any(|c| c.is_ascii_lowercase()));
        assert!(password.chars().any(|c| c.is_ascii_uppercase()));
        assert!(password.chars().any(|c| c.is_ascii_digit()));
        assert!(password.chars().any(|c| "_-.".contains(c)));
    }
}
