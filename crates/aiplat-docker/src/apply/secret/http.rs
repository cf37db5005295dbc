//! A request with a value in it.

use std::net::SocketAddr;

use aiplat_core::spec::HttpRequest;

use super::Answer;
use crate::probe::{HttpCall, call};

/// The status of a service that counts how often it is asked.
const TOO_MANY: u16 = 429;

/// Only statuses that the service file names tell anything: a service that is starting says other things.
pub(super) async fn ask(to: SocketAddr, request: &HttpRequest, refused: &[u16]) -> Answer {
    match call(HttpCall::of(to, request)).await {
        Ok(answer) if request.accept.contains(&answer.status) => Answer::Accepted,
        Ok(answer) if refused.contains(&answer.status) => Answer::Refused,
        Ok(answer) if answer.status == TOO_MANY => {
            Answer::TooOften(format!("status {TOO_MANY}: {}", answer.excerpt()))
        }
        Ok(answer) => Answer::Unclear(format!("status {}: {}", answer.status, answer.excerpt())),
        Err(words) => Answer::Unclear(words),
    }
}
