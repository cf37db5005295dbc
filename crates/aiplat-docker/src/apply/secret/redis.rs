//! AUTH.

use std::net::SocketAddr;

use aiplat_core::text::Text;

use super::Answer;
use crate::probe::auth;
use crate::resp::Reply;

pub(super) async fn ask(to: SocketAddr, password: &Text) -> Answer {
    match auth(to, password.expose()).await {
        Ok(Reply::Text(said)) if said == "OK" => Answer::Accepted,
        Ok(Reply::Error(said))
            if said.starts_with("WRONGPASS") || said.starts_with("ERR invalid password") =>
        {
            Answer::Refused
        }
        Ok(said) => Answer::Unclear(said.to_string()),
        Err(error) => Answer::Unclear(error.to_string()),
    }
}
