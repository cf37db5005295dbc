//! A value as the manifest has it: any of them may be a secret.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// A value of the manifest. It is wiped from memory when dropped, and `Debug` prints nothing of it.
#[derive(Clone)]
pub struct Value(SecretString);

impl Value {
    pub(super) fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The text. The call is the place to ask whether it may be seen there.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The value as a secret.
    pub fn into_secret(self) -> SecretString {
        self.0
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(..)")
    }
}
