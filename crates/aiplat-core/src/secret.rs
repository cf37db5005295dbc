//! How secrets look: formats, drawn from random bytes that the caller hands in.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// The form of a generated secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// 32 letters and digits.
    #[serde(rename = "alnum32")]
    Alnum32,
    /// 64 hexadecimal digits.
    #[serde(rename = "hex64")]
    Hex64,
    /// `sk-` and 64 hexadecimal digits, as the gateway wants its keys.
    #[serde(rename = "sk-hex64")]
    SkHex64,
    /// Base64 of 42 bytes.
    #[serde(rename = "base64-42")]
    Base64Of42,
    /// Unpadded URL-safe base64 of exactly 32 bytes.
    #[serde(rename = "base64url-32")]
    Base64UrlOf32,
    /// 24 characters with a lower-case letter, an upper-case letter, a digit and one of `_-.` at least.
    #[serde(rename = "password24")]
    Password24,
}

/// Random bytes that any format needs at most.
pub const RANDOM_BYTES: usize = 64;

const ALNUM: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Format {
    /// The secret that these random bytes make.
    pub fn draw(self, random: &[u8; RANDOM_BYTES]) -> SecretString {
        match self {
            Self::Alnum32 => letters(&random[..32], ALNUM),
            Self::Hex64 => crate::text::hex(&random[..32]),
            Self::SkHex64 => format!("sk-{}", crate::text::hex(&random[..32])),
            Self::Base64Of42 => STANDARD.encode(&random[..42]),
            Self::Base64UrlOf32 => URL_SAFE_NO_PAD.encode(&random[..32]),
            Self::Password24 => {
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
        }
        .into()
    }
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
    use secrecy::ExposeSecret;

    #[test]
    fn each_format_has_its_shape() {
        let random: [u8; RANDOM_BYTES] = std::array::from_fn(|i| (i * 37 % 256) as u8);
        let draw = |f: Format| f.draw(&random).expose_secret().to_owned();
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
