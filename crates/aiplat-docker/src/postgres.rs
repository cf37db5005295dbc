//! What every session of a `PostgreSQL` server does, and the server's own programs.

use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

/// The superuser.
pub(crate) const SUPERUSER: &str = "postgres";

/// The rows that a query answers with, each value as text.
pub(crate) async fn rows(client: &Client, query: &str) -> Result<Vec<SimpleQueryRow>, Error> {
    let answer = client.simple_query(query).await?.into_iter();
    let rows = answer.filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    Ok(rows.collect())
}

/// A program of the server's own, run in its container; the password is the first line of what it reads. The container's
/// own file of it may be older: where the password was rotated inside a running server, the file was put in place anew
/// outside, and inside the old one stays mounted.
pub(crate) fn tool(program: &str, options: &[&str]) -> Vec<String> {
    let script = format!(
        "IFS= read -r PGPASSWORD && export PGPASSWORD && exec {program} --host=127.0.0.1 --username={SUPERUSER} --no-password \"$@\""
    );
    ["sh", "-c", &script, program]
        .into_iter()
        .chain(options.iter().copied())
        .map(str::to_owned)
        .collect()
}

/// A connection string that names a database and nothing else, whatever characters are in the name.
pub(crate) fn uri(database: &str) -> String {
    let escaped = database.replace('\\', "\\\\").replace('\'', "\\'");
    format!("dbname='{escaped}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_no_argument_and_no_name_breaks_out() {
        let argv = tool("pg_dump", &["--dbname", "dbname='x'"]);
        assert_eq!(argv[3..], ["pg_dump", "--dbname", "dbname='x'"]);
        assert!(argv[2].starts_with("IFS= read -r PGPASSWORD"));
        assert_eq!(uri("a' host=evil"), "dbname='a\\' host=evil'");
    }
}
