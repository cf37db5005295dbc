//! What every session of a `PostgreSQL` server does.

use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

/// The rows that a query answers with, each value as text.
pub(crate) async fn rows(client: &Client, query: &str) -> Result<Vec<SimpleQueryRow>, Error> {
    let answer = client.simple_query(query).await?.into_iter();
    let rows = answer.filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(rows.collect())
}
