//! Roles and databases, one of each for a service: the strong boundary inside a server.

use std::net::SocketAddr;
use std::time::Duration;

use aiplat_core::spec::{OwnDatabases, PostgresDatabase};
use aiplat_core::text::Text;
use tokio_postgres::{Client, Config, NoTls, SimpleQueryRow};

use super::ProvisionError;
use super::sql::{Name, Word, verifier};
use crate::redact::Redactor;

/// The database that every server has, where the superuser's session begins.
pub(in crate::apply) const ADMINISTRATION: &str = "postgres";

/// Advisory lock under which databases of a server are made one after another: two sessions that change the rights
/// of one catalogue row at the same moment fail ("tuple concurrently updated").
const LOCK: i64 = 0x0000_6169_706c_6174;

const CONNECT: Duration = Duration::from_secs(10);

/// A superuser's session.
pub(in crate::apply) struct Session<'a> {
    client: Client,
    redactor: &'a Redactor,
}

/// Makes every role and database. The passwords are set each time, so that a rotated one takes effect.
pub(super) async fn make(
    to: SocketAddr,
    user: &str,
    password: &Text,
    databases: &[PostgresDatabase],
    redactor: &Redactor,
) -> Result<(), ProvisionError> {
    let session = Session::open(to, user, password, ADMINISTRATION, redactor).await?;
    session.take_turns().await?;
    // whatever a service's role can see of other databases starts with what everybody may
    for shared in [ADMINISTRATION, "template1"] {
        let statement = format!("REVOKE ALL ON DATABASE {} FROM PUBLIC", Name(shared));
        session
            .run(&format!("close database `{shared}`"), &statement)
            .await?;
    }
    for database in databases {
        session.role(database).await?;
        session.database(database).await?;
        let inside = Session::open(to, user, password, &database.database, redactor).await?;
        inside.content(database).await?;
    }
    // the lock ends with the session
    Ok(())
}

/// The superuser's session where databases are made and dropped.
pub(in crate::apply) async fn administer<'a>(
    to: SocketAddr,
    server: &OwnDatabases,
    redactor: &'a Redactor,
) -> Result<Session<'a>, ProvisionError> {
    let (user, password) = (&server.user, &server.password);
    Session::open(to, user, password, ADMINISTRATION, redactor).await
}

/// A session with a server, whose connection ends by itself when the client is dropped.
pub(in crate::apply) async fn connect(
    to: SocketAddr,
    user: &str,
    database: &str,
    password: &Text,
) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = Config::new()
        .host(to.ip().to_string())
        .port(to.port())
        .user(user)
        .password(password.expose())
        .dbname(database)
        .application_name("aiplat")
        .connect_timeout(CONNECT)
        .connect(NoTls)
        .await?;
    tokio::spawn(connection);
    Ok(client)
}

impl<'a> Session<'a> {
    pub(in crate::apply) async fn open(
        to: SocketAddr,
        user: &str,
        password: &Text,
        database: &str,
        redactor: &'a Redactor,
    ) -> Result<Self, ProvisionError> {
        let refused = |words: String| ProvisionError::Session {
            words: redactor.clean(&words),
        };
        let client = connect(to, user, database, password)
            .await
            .map_err(|error| refused(said(&error)))?;
        Ok(Self { client, redactor })
    }

    /// Waits for others that change the server; until the session ends, nobody else does.
    pub(in crate::apply) async fn take_turns(&self) -> Result<(), ProvisionError> {
        let lock = format!("SELECT pg_advisory_lock({LOCK})");
        self.run("take turns", &lock).await
    }

    pub(in crate::apply) async fn run(
        &self,
        what: &str,
        statement: &str,
    ) -> Result<(), ProvisionError> {
        let done = self.client.batch_execute(statement).await;
        done.map_err(|error| ProvisionError::Statement {
            what: what.to_owned(),
            words: self.redactor.clean(&said(&error)),
        })
    }

    pub(in crate::apply) async fn there(
        &self,
        what: &str,
        query: &str,
    ) -> Result<bool, ProvisionError> {
        Ok(!self.rows(what, query).await?.is_empty())
    }

    pub(in crate::apply) async fn rows(
        &self,
        what: &str,
        query: &str,
    ) -> Result<Vec<SimpleQueryRow>, ProvisionError> {
        let found = crate::postgres::rows(&self.client, query).await;
        found.map_err(|error| ProvisionError::Statement {
            what: what.to_owned(),
            words: self.redactor.clean(&said(&error)),
        })
    }

    async fn role(&self, wanted: &PostgresDatabase) -> Result<(), ProvisionError> {
        let role = &wanted.role;
        let what = format!("make role `{role}`");
        let query = format!("SELECT 1 FROM pg_roles WHERE rolname = {}", Word(role));
        if !self.there(&what, &query).await? {
            self.run(&what, &format!("CREATE ROLE {} LOGIN", Name(role)))
                .await?;
        }
        let statement = format!(
            "ALTER ROLE {} WITH LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}",
            Name(role),
            Word(&verifier(&wanted.password))
        );
        self.run(&what, &statement).await
    }

    async fn database(&self, wanted: &PostgresDatabase) -> Result<(), ProvisionError> {
        let (name, role) = (Name(&wanted.database), Name(&wanted.role));
        let what = format!("make database `{}`", wanted.database);
        let query = format!(
            "SELECT 1 FROM pg_database WHERE datname = {}",
            Word(&wanted.database)
        );
        if !self.there(&what, &query).await? {
            // template0: nobody has a session there, and nobody has put anything in it
            self.run(
                &what,
                &format!("CREATE DATABASE {name} OWNER {role} TEMPLATE template0"),
            )
            .await?;
        }
        let rights = [
            format!("ALTER DATABASE {name} OWNER TO {role}"),
            format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC"),
            format!("GRANT CONNECT, TEMPORARY ON DATABASE {name} TO {role}"),
        ];
        self.run(&what, &rights.join("; ")).await
    }

    /// What is inside a service's own database.
    async fn content(&self, wanted: &PostgresDatabase) -> Result<(), ProvisionError> {
        let PostgresDatabase {
            role,
            password: _,
            database,
            schema,
            extensions,
        } = wanted;
        for extension in extensions {
            let what = format!("make extension `{extension}` in database `{database}`");
            self.run(
                &what,
                &format!("CREATE EXTENSION IF NOT EXISTS {}", Name(extension)),
            )
            .await?;
        }
        let what = format!("give schema `public` of database `{database}` to `{role}`");
        let rights = format!(
            "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE, CREATE ON SCHEMA public TO {}",
            Name(role)
        );
        self.run(&what, &rights).await?;
        if let Some(schema) = schema {
            let what = format!("make schema `{schema}` in database `{database}`");
            let statement = format!(
                "CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION {}",
                Name(schema),
                Name(role)
            );
            self.run(&what, &statement).await?;
        }
        Ok(())
    }
}

/// What a server or the connection said, without the statement.
pub(in crate::apply) fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => crate::chain::chain(error),
    }
}
