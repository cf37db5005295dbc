//! Volumes of stacks, each remembered by the host.

use aiplat_docker::host::Host;
use aiplat_docker::stack::lost;

use super::finding::Finding;
use crate::failure::Failure;
use crate::session::Session;

/// Stacks that are not where they belong: their volumes are not mounted.
pub(super) fn look(session: &Session, findings: &mut Vec<Finding>) -> Result<(), Failure> {
    let host = session.host();
    for mark in host.marked_volumes()? {
        let at = mark.base_dir.display();
        findings.push(match lost(&host, &mark.base_dir)? {
            Some((_, found)) => {
                let which = mark.uuid.map_or_else(
                    || "its volume".to_owned(),
                    |uuid| format!("the volume UUID={uuid}"),
                );
                Finding::error(
                    "volume",
                    format!("the volume of `{}` is not mounted at {at}, found {found}", mark.stack),
                    format!("mount {which} at {at}; if the stack is really gone, tear it down with `--purge`"),
                )
            }
            None => Finding::ok("volume", format!("`{}` is in {at}", mark.stack)),
        });
    }
    Ok(())
}
