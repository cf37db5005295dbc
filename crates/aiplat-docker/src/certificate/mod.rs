//! Certificates: the one that a port really serves, and those in files.

mod handshake;
mod read;

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

pub use handshake::served;
pub use read::{first_of_pem, of_pem};

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Host names that it is for.
    pub names: Vec<String>,
    /// Who issued it, in its own words.
    pub issuer: String,
    /// Serial number, lower-case hexadecimal.
    pub serial: String,
    /// First second in which it is valid, since 1970.
    pub not_before: i64,
    /// Last second in which it is valid, since 1970.
    pub not_after: i64,
}

/// A certificate that could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// Nothing answers, or not in time.
    #[error("expected a TLS server at {at}: {words}")]
    Unreachable {
        /// The address.
        at: SocketAddr,
        /// The system's words.
        words: String,
    },
    /// It answers, and serves no certificate for the name.
    #[error("expected a certificate for `{name}` at {at}: {words}")]
    Refused {
        /// The address.
        at: SocketAddr,
        /// The host name that was asked for.
        name: String,
        /// The server's words.
        words: String,
    },
    /// What is there is no certificate.
    #[error("expected a certificate in PEM or DER: {words}")]
    Malformed {
        /// What is wrong with it.
        words: String,
    },
}

/// Seconds of a warning's usual notice: two weeks.
const NOTICE: i64 = 14 * 24 * 3600;

impl Certificate {
    /// Seconds that are left of it; negative once it has ended.
    pub fn seconds_left(&self, now: i64) -> i64 {
        self.not_after.saturating_sub(now)
    }

    /// Whether it should have been renewed by now: within two weeks of its end, or, where it lives for weeks or hours
    /// only, within the last sixth of its life. A front door renews by itself at the last third.
    pub fn overdue(&self, now: i64) -> bool {
        let life = self.not_after.saturating_sub(self.not_before).max(0);
        self.seconds_left(now) < NOTICE.min(life / 6)
    }

    /// Whether it ends within two weeks: what counts for one that nobody renews by itself.
    pub fn ends_soon(&self, now: i64) -> bool {
        self.seconds_left(now) < NOTICE
    }

    /// Whether it is for this host name.
    pub fn is_for(&self, host: &str) -> bool {
        let covers = |name: &String| match name.strip_prefix("*.") {
            Some(rest) => host.split_once('.').is_some_and(|(_, tail)| tail == rest),
            None => name == host,
        };
        self.names.iter().any(covers)
    }
}

/// Seconds since 1970, now.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn living(seconds: i64) -> Certificate {
        Certificate {
            names: vec!["a.example.org".into(), "*.b.example.org".into()],
            issuer: "x".into(),
            serial: "1".into(),
            not_before: 0,
            not_after: seconds,
        }
    }

    #[test]
    fn a_warning_comes_two_weeks_before_the_end_or_in_the_last_sixth_of_a_short_life() {
        let day = 24 * 3600;
        let year = living(365 * day);
        assert!(!year.overdue(350 * day) && year.overdue(352 * day));
        let half_a_day = living(12 * 3600);
        assert!(!half_a_day.overdue(9 * 3600) && half_a_day.overdue(11 * 3600));
        assert!(half_a_day.seconds_left(13 * 3600) < 0);
        assert!(living(10 * day).ends_soon(0) && !living(20 * day).ends_soon(0));
    }

    #[test]
    fn a_wildcard_covers_one_label() {
        let certificate = living(1);
        assert!(certificate.is_for("a.example.org") && certificate.is_for("x.b.example.org"));
        assert!(!certificate.is_for("b.example.org") && !certificate.is_for("y.x.b.example.org"));
    }
}
