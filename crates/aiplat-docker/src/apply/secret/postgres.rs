//! A session with the database server, and the role's own `ALTER ROLE`.

use std::net::SocketAddr;

use aiplat_core::text::Text;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::Answer;
use crate::apply::provision::{Name, Word, connect, said, verifier};

pub(super) async fn ask(to: SocketAddr, user: &str, database: &str, password: &Text) -> Answer {
    match session(to, user, database, password).await {
        Ok(_) => Answer::Accepted,
        Err(answer) => answer,
    }
}

/// Changes the password of a role in a session of its own. The server gets a verifier, never the value.
pub(super) async fn change(to: SocketAddr, role: &str, old: &Text, new: &Text) -> Answer {
    let client = match session(to, role, role, old).await {
        Ok(client) => client,
        Err(answer) => return answer,
    };
    let statement = format!(
        "ALTER ROLE {} PASSWORD {}",
        Name(role),
        Word(&verifier(new))
    );
    match client.batch_execute(&statement).await {
        Ok(()) => Answer::Accepted,
        Err(error) => Answer::Unclear(said(&error)),
    }
}

async fn session(
    to: SocketAddr,
    user: &str,
    database: &str,
    password: &Text,
) -> Result<Client, Answer> {
    connect(to, user, database, password)
        .await
        .map_err(|error| match error.code() {
            Some(code) if *code == SqlState::INVALID_PASSWORD => Answer::Refused,
            _ => Answer::Unclear(said(&error)),
        })
}
