//! A role with its own database, as statements that quote by construction.

use serde::Serialize;

use crate::names::{ExtensionName, SqlIdent};
use crate::secret::SecretRef;
use crate::text::{Encoding, Part, Text};

/// A role, the database it owns, a schema and extensions in it. Not about vectors alone: core uses
/// it for every service that has a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SqlProvision {
    /// The server's name inside the stack's network.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The service's role.
    pub role: SqlIdent,
    /// Its password.
    pub password: SecretRef,
    /// The database it owns.
    pub database: SqlIdent,
    /// A schema of its own beside `public`.
    pub schema: Option<SqlIdent>,
    /// Extensions that only a superuser may create.
    pub extensions: Vec<ExtensionName>,
    /// How many connections the role may hold.
    pub connections: u16,
}

/// Where a statement runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SqlTarget {
    /// The superuser's database, `postgres`.
    Maintenance,
    /// The service's own database, as superuser.
    Own,
}

/// One statement. Run outside a transaction: `CREATE DATABASE` refuses one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SqlStatement {
    /// Where.
    pub on: SqlTarget,
    /// A query: the statement is skipped where it gives a row. For what has no `IF NOT EXISTS`.
    pub unless: Option<String>,
    /// The statement, without a semicolon.
    pub sql: Text,
}

impl SqlProvision {
    /// Connections of a role: enough for the pools of the known services, and a bound for a
    /// service that leaks.
    pub const CONNECTIONS: u16 = 40;

    /// The statements, in order.
    pub fn statements(&self) -> Vec<SqlStatement> {
        let (role, database) = (self.role.quoted(), self.database.quoted());
        let maintenance = |unless: Option<String>, sql: Text| SqlStatement {
            on: SqlTarget::Maintenance,
            unless,
            sql,
        };
        let own = |sql: String| SqlStatement {
            on: SqlTarget::Own,
            unless: None,
            sql: Text::plain(sql),
        };
        let mut all = vec![
            maintenance(
                Some(format!(
                    "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = {}",
                    self.role.literal()
                )),
                Text::plain(format!("CREATE ROLE {role} NOLOGIN")),
            ),
            maintenance(None, self.alter_role()),
            maintenance(
                Some(format!(
                    "SELECT 1 FROM pg_catalog.pg_database WHERE datname = {}",
                    self.database.literal()
                )),
                Text::plain(format!("CREATE DATABASE {database} OWNER {role}")),
            ),
            maintenance(
                None,
                Text::plain(format!(
                    "REVOKE CONNECT, TEMPORARY ON DATABASE {database} FROM PUBLIC"
                )),
            ),
            maintenance(
                None,
                Text::plain(format!(
                    "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {role}"
                )),
            ),
        ];
        all.extend(self.extensions.iter().map(|extension| {
            own(format!(
                "CREATE EXTENSION IF NOT EXISTS {} WITH SCHEMA public",
                extension.quoted()
            ))
        }));
        all.push(own("REVOKE ALL ON SCHEMA public FROM PUBLIC".to_owned()));
        all.push(own(format!(
            "GRANT USAGE, CREATE ON SCHEMA public TO {role}"
        )));
        all.extend(self.schema.iter().map(|schema| {
            own(format!(
                "CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {role}",
                schema.quoted()
            ))
        }));
        all
    }

    /// Sets the password each time, so a rotation is the same step again.
    fn alter_role(&self) -> Text {
        Text::new(vec![
            Part::Plain(format!(
                "ALTER ROLE {} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS \
                 CONNECTION LIMIT {} PASSWORD ",
                self.role.quoted(),
                self.connections
            )),
            Part::Secret {
                secret: self.password.clone(),
                encoding: Encoding::SqlLiteral,
            },
        ])
    }

    /// The same as a script for the standard input of `psql -X -d postgres`, run as superuser. Stops
    /// at the first failure with status 3. A statement that holds a password is neither logged by
    /// the server nor quoted in psql's error, which is its code alone.
    pub fn psql_script(&self) -> Text {
        let mut parts = vec![Part::Plain(QUIET.to_owned())];
        let mut on = SqlTarget::Maintenance;
        for statement in self.statements() {
            if statement.on != on {
                on = statement.on;
                let database = match on {
                    SqlTarget::Maintenance => "postgres",
                    SqlTarget::Own => self.database.as_str(),
                };
                parts.push(Part::Plain(format!("\\connect {database}\n{QUIET}")));
            }
            parts.extend(psql_statement(&statement));
        }
        Text::new(parts)
    }
}

/// Said again after each `\connect`, which starts a session anew.
const QUIET: &str = "\\set ON_ERROR_STOP 1\n\\set VERBOSITY terse\n\\set SHOW_CONTEXT never\n\
                     SET client_min_messages = warning;\nSET log_statement = 'none';\n\
                     SET log_min_error_statement = panic;\nSET log_min_duration_statement = -1;\n";

fn psql_statement(statement: &SqlStatement) -> Vec<Part> {
    let plain = |text: String| Part::Plain(text);
    if let Some(query) = &statement.unless {
        // psql runs what the query returns: the statement, or nothing
        let literal = statement.sql.to_string().replace('\'', "''");
        return vec![plain(format!(
            "SELECT '{literal}' WHERE NOT EXISTS ({query}) \\gexec\n"
        ))];
    }
    let mut parts = statement.sql.parts().to_vec();
    parts.push(plain(";\n".to_owned()));
    if statement.sql.is_secret() {
        parts.insert(0, plain("\\set VERBOSITY sqlstate\n".to_owned()));
        parts.push(plain("\\set VERBOSITY terse\n".to_owned()));
    }
    parts
}
