//! Requests to a service's own HTTP interface.

use std::net::SocketAddr;

use aiplat_core::spec::{Gate, HttpRequest};

use super::ProvisionError;
use crate::probe::{HttpCall, TRY, call};
use crate::redact::Redactor;

/// A store may take longer to make something than to say that it is ready.
const TIMES_A_TRY: u32 = 10;

/// Sends the requests in order; each must be answered by a status that counts as done.
pub(super) async fn make(
    to: SocketAddr,
    gate: &Gate,
    requests: &[HttpRequest],
    redactor: &Redactor,
) -> Result<(), ProvisionError> {
    for request in requests {
        let failed = |words: &str| ProvisionError::Request {
            service: gate.service.to_string(),
            what: request.what.clone(),
            words: redactor.clean(words),
        };
        let sent = call(HttpCall::of(to, request));
        let patience = TRY * TIMES_A_TRY;
        let answer = tokio::time::timeout(patience, sent)
            .await
            .map_err(|_| failed(&format!("no answer within {} s", patience.as_secs())))?
            .map_err(|words| failed(&words))?;
        if !request.accept.contains(&answer.status) {
            return Err(failed(&format!(
                "status {}: {}",
                answer.status,
                answer.excerpt()
            )));
        }
    }
    Ok(())
}
