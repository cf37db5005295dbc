//! Statements whose values cannot break out: quoted by construction, passwords only as verifiers.

use std::fmt;

use aiplat_core::text::Text;

/// An identifier, quoted.
pub(in crate::apply) struct Name<'a>(pub(in crate::apply) &'a str);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('\0', "").replace('"', "\"\""))
    }
}

/// A string, quoted so that it means the same whatever `standard_conforming_strings` says.
pub(in crate::apply) struct Word<'a>(pub(in crate::apply) &'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self
            .0
            .replace('\0', "")
            .replace('\\', "\\\\")
            .replace('\'', "''");
        write!(f, "E'{inner}'")
    }
}

/// The verifier of a password: with it the server can check the password, and never sees or logs it.
pub(in crate::apply) fn verifier(password: &Text) -> String {
    postgres_protocol::password::scram_sha_256(password.expose().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_out_of_its_quotes() {
        assert_eq!(
            Name("a\"; DROP ROLE x; --").to_string(),
            "\"a\"\"; DROP ROLE x; --\""
        );
        assert_eq!(Word("a'; DROP\\' --").to_string(), "E'a''; DROP\\\\'' --'");
    }

    #[test]
    fn a_verifier_does_not_hold_the_password() {
        let verifier = verifier(&Text::plain("hunter2hunter2"));
        assert!(
            verifier.starts_with("SCRAM-SHA-256$") && !verifier.contains("hunter2"),
            "{verifier}"
        );
    }
}
