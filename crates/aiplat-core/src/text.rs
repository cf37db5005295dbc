//! Text that may hold a secret: what can be shown and what is really meant, side by side.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// A rendered value. Showing, serialising and hashing it never uses the secret itself: a secret text shows
/// `<secret:name>` where the value stands, and carries a keyed fingerprint so that a changed secret is a changed text.
#[derive(Clone)]
pub struct Text {
    display: String,
    secret: Option<Hidden>,
}

#[derive(Clone)]
struct Hidden {
    value: SecretString,
    fingerprint: String,
}

/// The stack's own random key for fingerprints, so that a weak secret cannot be guessed from a label.
#[derive(Clone)]
pub struct FingerprintKey(SecretString);

impl FingerprintKey {
    /// Wraps the key, which must be random and kept like any other secret of the stack.
    pub fn new(key: SecretString) -> Self {
        Self(key)
    }

    /// The keyed fingerprint of a value: 16 hexadecimal digits of SHA-256 over key and value.
    pub fn of(&self, value: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.0.expose_secret().as_bytes());
        hash.update([0]);
        hash.update(value.as_bytes());
        hex(&hash.finalize()[..8])
    }
}

impl fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FingerprintKey")
    }
}

/// Lower-case hexadecimal of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

impl Text {
    /// A text without secrets.
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            display: text.into(),
            secret: None,
        }
    }

    /// A text with secrets in it: `display` is what may be shown.
    pub fn secret(display: impl Into<String>, value: SecretString, key: &FingerprintKey) -> Self {
        let fingerprint = key.of(value.expose_secret());
        Self {
            display: display.into(),
            secret: Some(Hidden { value, fingerprint }),
        }
    }

    /// What may be shown to anybody.
    pub fn shown(&self) -> &str {
        &self.display
    }

    /// Whether the value holds a secret.
    pub fn is_secret(&self) -> bool {
        self.secret.is_some()
    }

    /// The value itself. Only what hands it to the engine or writes it to the stack's own files may call this.
    pub fn expose(&self) -> &str {
        self.secret
            .as_ref()
            .map_or(self.display.as_str(), |hidden| hidden.value.expose_secret())
    }

    /// SHA-256 of the value, for comparison with a file on disk; never shown.
    pub fn content_hash(&self) -> String {
        hex(&Sha256::digest(self.expose().as_bytes()))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::plain(text)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Text {}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.display, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.secret {
            None => serializer.serialize_str(&self.display),
            Some(hidden) => {
                let mut shown = serializer.serialize_struct("Secret", 2)?;
                shown.serialize_field("shown", &self.display)?;
                shown.serialize_field("fingerprint", &hidden.fingerprint)?;
                shown.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_shows_neither_in_debug_nor_in_json() {
        let key = FingerprintKey::new("k".into());
        let text = Text::secret("password <secret:db>", "password hunter2".into(), &key);
        let shown = format!("{text:?} {}", serde_json::to_string(&text).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(text.expose(), "password hunter2");
    }

    #[test]
    fn a_changed_secret_is_a_changed_json() {
        let key = FingerprintKey::new("k".into());
        let json = |value: &str| {
            serde_json::to_string(&Text::secret("<secret:db>", value.into(), &key)).unwrap()
        };
        assert_ne!(json("a"), json("b"));
        assert_eq!(json("a"), json("a"));
    }
}
