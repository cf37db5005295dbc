//! AUTH.

use std::net::SocketAddr;

use aiplat_core::text::Text;

use super::Answer;
use crate::probe::auth;

pub(super) async fn ask(to: SocketAddr, password: &Text) -> Answer {
    match auth(to, password.expose()).await {
        Ok(said) if said.starts_with("+OK") => Answer::Accepted,
        Ok(said) if said.starts_with("-WRONGPASS") || said.starts_with("-ERR invalid password") => {
            Answer::Refused
        }
        Ok(said) => Answer::Unclear(said),
        Err(error) => Answer::Unclear(error.to_string()),
    }
}
