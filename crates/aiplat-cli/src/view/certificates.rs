//! Certificates that the front door serves, as `status` and `renew` show them.

use std::time::{Duration, UNIX_EPOCH};

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_docker::certificate::{CertificateError, now};
use aiplat_docker::stack::{Authority, Served, authority, certificates};
use serde::Serialize;

use crate::words::count;

/// One host name and the certificate that is served under it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    /// `internal`, `acme` or `own`.
    pub(crate) authority: &'static str,
    pub(crate) issuer: Option<String>,
    pub(crate) serial: Option<String>,
    /// RFC 3339.
    pub(crate) not_after: Option<String>,
    pub(crate) seconds_left: Option<i64>,
    /// What is wrong: it ends soon, is for another name, or there is none.
    pub(crate) problem: Option<String>,
}

/// Asks the front door; nothing where there is none.
pub(crate) async fn look(config: &StackConfig, catalogue: &Catalogue) -> Vec<Row> {
    let authority = authority(config);
    let served = certificates(config, catalogue).await;
    let now = now();
    served.iter().map(|one| row(one, authority, now)).collect()
}

fn row(served: &Served, authority: Authority, now: i64) -> Row {
    let found = served.certificate.as_ref().ok();
    Row {
        name: served.name.clone(),
        authority: authority.word(),
        issuer: found.map(|c| c.issuer.clone()),
        serial: found.map(|c| c.serial.clone()),
        not_after: found.map(|c| moment(c.not_after)),
        seconds_left: found.map(|c| c.seconds_left(now)),
        problem: problem(served, authority, now),
    }
}

fn problem(served: &Served, authority: Authority, now: i64) -> Option<String> {
    let name = &served.name;
    match &served.certificate {
        // as after an addition that was cut short: the name is wanted, and the front door does not know it yet
        Err(error @ CertificateError::Refused { .. }) => Some(format!(
            "{error}; `aiplat deploy` makes the front door serve what the manifest says"
        )),
        Err(error) => Some(error.to_string()),
        Ok(found) if found.seconds_left(now) < 0 => Some(format!(
            "the certificate for `{name}` ended on {}",
            moment(found.not_after)
        )),
        Ok(found) if !found.is_for(name) => Some(format!(
            "the certificate served for `{name}` is for {}",
            found.names.join(", ")
        )),
        Ok(found) if found.overdue(now) || authority == Authority::Own && found.ends_soon(now) => {
            Some(format!(
                "the certificate for `{name}` ends in {} ({})",
                left(found.seconds_left(now)),
                moment(found.not_after)
            ))
        }
        Ok(_) => None,
    }
}

/// One line on all of them, and what is wrong with any.
pub(crate) fn summary(rows: &[Row]) -> Option<String> {
    let first = rows.iter().min_by_key(|row| row.seconds_left)?;
    let until = first.not_after.as_ref()?;
    let names = count(rows.len(), "host name", "host names");
    Some(format!(
        "Certificates for {names} ({}): the first ends in {} ({until})",
        first.authority,
        left(first.seconds_left.unwrap_or_default())
    ))
}

/// A moment as RFC 3339, to the second.
pub(crate) fn moment(seconds: i64) -> String {
    let since = Duration::from_secs(seconds.try_into().unwrap_or_default());
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

/// `11 h`, `42 days`.
pub(crate) fn left(seconds: i64) -> String {
    match seconds {
        ..0 => "the past".to_owned(),
        0..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use aiplat_docker::certificate::Certificate;

    use super::*;

    fn served(not_after: i64) -> Served {
        Served {
            name: "a.example.org".into(),
            certificate: Ok(Certificate {
                names: vec!["a.example.org".into()],
                issuer: "somebody".into(),
                serial: "1f".into(),
                not_before: 0,
                not_after,
            }),
        }
    }

    #[test]
    fn what_ends_soon_is_told_and_what_does_not_is_not() {
        let day = 86_400;
        let of = |now| row(&served(90 * day), Authority::Acme, now);
        assert_eq!(of(60 * day).problem, None);
        assert!(of(80 * day).problem.unwrap().contains("ends in 10 days"));
        assert!(of(91 * day).problem.unwrap().contains("ended on 1970-"));
        assert!(
            summary(&[of(60 * day)])
                .unwrap()
                .contains("in 30 days (1970-04-01T00:00:00Z)")
        );
    }

    #[test]
    fn a_certificate_for_another_name_is_told() {
        let mut served = served(1_000_000);
        served.name = "b.example.org".into();
        let row = row(&served, Authority::Own, 10);
        assert!(row.problem.unwrap().contains("is for a.example.org"));
    }
}
