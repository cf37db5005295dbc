//! Certificates that the front door really serves.

use aiplat_docker::stack::{Authority, Opened, authority};

use super::Finding;
use crate::session::Session;
use crate::view::certificates;

/// Asks the front door of a stack whose front door runs.
pub(super) async fn look(session: &Session, opened: &Opened, findings: &mut Vec<Finding>) {
    let rows = certificates::look(&opened.config, &session.catalogue).await;
    if rows.is_empty() {
        return;
    }
    let fix = match authority(&opened.config) {
        Authority::Own => {
            "put a newer one into `ssl/certs/DOMAIN_NAME`, then `aiplat reload caddy`"
        }
        Authority::Internal | Authority::Acme => {
            "`aiplat renew`; `aiplat logs caddy` says why it was not renewed by itself"
        }
    };
    for problem in rows.iter().filter_map(|row| row.problem.as_ref()) {
        findings.push(Finding::error("certificates", problem.clone(), fix));
    }
    if rows.iter().all(|row| row.problem.is_none()) {
        let words = certificates::summary(&rows).unwrap_or_default();
        findings.push(Finding::ok("certificates", words));
    }
}
