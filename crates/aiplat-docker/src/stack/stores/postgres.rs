//! `PostgreSQL`: dumped by its own program in a snapshot in which its rows are counted, and restored by its own program.

use std::path::Path;
use std::time::Duration;

use aiplat_core::backup::{DatabaseDump, PostgresContents, TableRows};
use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryRow};

use super::{Store, StoreError};
use crate::engine::Engine;
use crate::postgres::{SUPERUSER, tool, uri};
use crate::programs::Ends;

/// The superuser's secret is a file in the container.
const SUPERUSER_SECRET: &str = "postgres_password";
/// The database that every server has.
const ADMINISTRATION: &str = "postgres";
const CONNECT: Duration = Duration::from_secs(10);

/// A role beside the superuser, with the verifier of its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Role {
    name: String,
    /// Words of `CREATE ROLE`, such as `LOGIN`.
    attributes: Vec<String>,
    /// With it the server checks the password; it is not the password.
    verifier: Option<String>,
    /// Roles that it is a member of.
    member_of: Vec<String>,
}

struct Session {
    client: Client,
}

impl<E: Engine> Store<'_, E> {
    async fn session(&self, database: &str) -> Result<Session, StoreError> {
        let connecting = Config::new()
            .host(self.at.ip().to_string())
            .port(self.at.port())
            .user(SUPERUSER)
            .password(self.secret(SUPERUSER_SECRET).expose())
            .dbname(database)
            .application_name("aiplat backup")
            .connect_timeout(CONNECT)
            .connect(NoTls)
            .await;
        let (client, connection) =
            connecting.map_err(|e| self.refused("let its superuser in", &said(&e)))?;
        // ends by itself when the client is dropped
        tokio::spawn(connection);
        Ok(Session { client })
    }

    async fn rows(
        &self,
        session: &Session,
        what: &str,
        query: &str,
    ) -> Result<Vec<SimpleQueryRow>, StoreError> {
        let found = crate::postgres::rows(&session.client, query).await;
        found.map_err(|e| self.refused(what, &said(&e)))
    }

    async fn run(&self, session: &Session, what: &str, sql: &str) -> Result<(), StoreError> {
        let done = session.client.batch_execute(sql).await;
        done.map_err(|e| self.refused(what, &said(&e)))
    }

    /// Dumps every database into files of `folder`, which stands for `prefix` in the archive.
    pub(crate) async fn dump(
        &self,
        folder: &Path,
        prefix: &str,
    ) -> Result<PostgresContents, StoreError> {
        let session = self.session(ADMINISTRATION).await?;
        let what = "tell its version";
        let version = self.rows(&session, what, "SHOW server_version").await?;
        let version = first(&version).unwrap_or_default();
        let roles = self.roles(&session).await?;
        let path = folder.join("roles.json");
        let text = serde_json::to_vec(&roles).unwrap_or_default();
        write(&path, &text)?;
        let what = "list its databases";
        let query =
            "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY 1";
        let mut databases = Vec::new();
        for (number, row) in self.rows(&session, what, query).await?.iter().enumerate() {
            let name = row.get(0).unwrap_or_default();
            let file = format!("{number}.dump");
            let tables = self.dump_one(name, &folder.join(&file)).await?;
            databases.push(DatabaseDump {
                name: name.to_owned(),
                file: format!("{prefix}/{file}"),
                tables,
            });
        }
        Ok(PostgresContents {
            version: version
                .split_whitespace()
                .next()
                .unwrap_or_default()
                .to_owned(),
            databases,
            roles: roles.len(),
        })
    }

    /// Rows are counted in the very snapshot that is dumped.
    async fn dump_one(&self, database: &str, to: &Path) -> Result<Vec<TableRows>, StoreError> {
        let session = self.session(database).await?;
        let what = format!("take a snapshot of database `{database}`");
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        self.run(&session, &what, begin).await?;
        let snapshot = self
            .rows(&session, &what, "SELECT pg_export_snapshot()")
            .await?;
        let snapshot = first(&snapshot).unwrap_or_default();
        let tables = self.count(&session, database).await?;
        let argv = tool(
            "pg_dump",
            &[
                "--format=custom",
                "--compress=0",
                &format!("--snapshot={snapshot}"),
                "--lock-wait-timeout=60s",
                "--dbname",
                &uri(database),
            ],
        );
        let password = self.secret(SUPERUSER_SECRET);
        let ends = Ends {
            output: Some(to),
            line: Some(&password),
            ..Ends::default()
        };
        self.program(&format!("dump database `{database}`"), argv, ends)
            .await?;
        Ok(tables)
    }

    /// Rows of every table of a database; what belongs to an extension is the extension's.
    async fn count(&self, session: &Session, database: &str) -> Result<Vec<TableRows>, StoreError> {
        let what = format!("count the rows of database `{database}`");
        let query = "SELECT n.nspname, c.relname, \
                            format('SELECT count(*) FROM ONLY %I.%I', n.nspname, c.relname) \
                     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE c.relkind = 'r' AND c.relpersistence <> 't' \
                       AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_%' \
                       AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass \
                                       AND d.objid = c.oid AND d.deptype = 'e') \
                     ORDER BY 1, 2";
        let mut all = Vec::new();
        for row in self.rows(session, &what, query).await? {
            let (Some(schema), Some(table), Some(query)) = (row.get(0), row.get(1), row.get(2))
            else {
                continue;
            };
            let found = self.rows(session, &what, query).await?;
            all.push(TableRows {
                schema: schema.to_owned(),
                table: table.to_owned(),
                rows: first(&found).and_then(|n| n.parse().ok()).unwrap_or(0),
            });
        }
        Ok(all)
    }

    async fn roles(&self, session: &Session) -> Result<Vec<Role>, StoreError> {
        let query = "SELECT rolname, rolpassword, \
                            concat_ws(' ', CASE WHEN rolcanlogin THEN 'LOGIN' ELSE 'NOLOGIN' END, \
                              CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreatedb THEN 'CREATEDB' END, \
                              CASE WHEN rolcreaterole THEN 'CREATEROLE' END, CASE WHEN rolreplication THEN 'REPLICATION' END, \
                              CASE WHEN rolbypassrls THEN 'BYPASSRLS' END, CASE WHEN NOT rolinherit THEN 'NOINHERIT' END), \
                            (SELECT string_agg(g.rolname, E'\\n' ORDER BY 1) FROM pg_auth_members m \
                               JOIN pg_authid g ON g.oid = m.roleid WHERE m.member = a.oid) \
                     FROM pg_authid a WHERE rolname <> 'postgres' AND rolname NOT LIKE 'pg\\_%' ORDER BY 1";
        let rows = self.rows(session, "list its roles", query).await?;
        Ok(rows
            .iter()
            .map(|row| Role {
                name: row.get(0).unwrap_or_default().to_owned(),
                attributes: row
                    .get(2)
                    .unwrap_or_default()
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect(),
                verifier: row.get(1).map(str::to_owned),
                member_of: row
                    .get(3)
                    .unwrap_or_default()
                    .lines()
                    .map(str::to_owned)
                    .collect(),
            })
            .collect())
    }

    /// Puts every dumped database in place of whatever has its name. Roles that are there keep what they have.
    pub(crate) async fn load(
        &self,
        contents: &PostgresContents,
        tree: &Path,
        roles: &Path,
    ) -> Result<(), StoreError> {
        let session = self.session(ADMINISTRATION).await?;
        let text = fs_err::read(roles).map_err(StoreError::file("read", roles))?;
        let wanted: Vec<Role> = serde_json::from_slice(&text)
            .map_err(|e| self.refused("take its roles back", &e.to_string()))?;
        self.make_roles(&session, &wanted).await?;
        for dump in &contents.databases {
            let name = &dump.name;
            let what = format!("take database `{name}` back");
            let mut options = vec!["--exit-on-error".to_owned()];
            if name == ADMINISTRATION {
                // it cannot be made anew while somebody is in it, and is empty but for what people put there
                if dump.tables.is_empty() {
                    continue;
                }
                options.extend(["--clean".to_owned(), "--if-exists".to_owned()]);
            } else {
                let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name));
                self.run(&session, &what, &drop).await?;
                options.push("--create".to_owned());
            }
            options.extend(["--dbname".to_owned(), uri(ADMINISTRATION)]);
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            let password = self.secret(SUPERUSER_SECRET);
            let ends = Ends {
                input: Some(&tree.join(&dump.file)),
                line: Some(&password),
                ..Ends::default()
            };
            self.program(&what, tool("pg_restore", &options), ends)
                .await?;
        }
        Ok(())
    }

    async fn make_roles(&self, session: &Session, wanted: &[Role]) -> Result<(), StoreError> {
        let rows = self
            .rows(session, "list its roles", "SELECT rolname FROM pg_roles")
            .await?;
        let there: Vec<&str> = rows.iter().filter_map(|row| row.get(0)).collect();
        for role in wanted.iter().filter(|r| !there.contains(&r.name.as_str())) {
            let what = format!("make role `{}`", role.name);
            let known = |word: &&String| {
                [
                    "LOGIN",
                    "NOLOGIN",
                    "SUPERUSER",
                    "CREATEDB",
                    "CREATEROLE",
                    "REPLICATION",
                    "BYPASSRLS",
                    "NOINHERIT",
                ]
                .contains(&word.as_str())
            };
            let words: Vec<&str> = role
                .attributes
                .iter()
                .filter(known)
                .map(String::as_str)
                .collect();
            let password = match &role.verifier {
                Some(verifier) => format!(" PASSWORD {}", word(verifier)),
                None => String::new(),
            };
            let sql = format!(
                "CREATE ROLE {} {}{password}",
                quoted(&role.name),
                words.join(" ")
            );
            self.run(session, &what, &sql).await?;
        }
        for role in wanted {
            for group in &role.member_of {
                let what = format!("make role `{}` a member of `{group}`", role.name);
                let sql = format!("GRANT {} TO {}", quoted(group), quoted(&role.name));
                self.run(session, &what, &sql).await?;
            }
        }
        Ok(())
    }

    /// The rows of every table of these databases, as they are now.
    pub(crate) async fn counted(
        &self,
        contents: &PostgresContents,
    ) -> Result<Vec<(String, Vec<TableRows>)>, StoreError> {
        let mut all = Vec::new();
        for dump in &contents.databases {
            let session = self.session(&dump.name).await?;
            all.push((dump.name.clone(), self.count(&session, &dump.name).await?));
        }
        Ok(all)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\0', "").replace('"', "\"\""))
}

fn word(text: &str) -> String {
    let inner = text
        .replace('\0', "")
        .replace('\\', "\\\\")
        .replace('\'', "''");
    format!("E'{inner}'")
}

fn first(rows: &[SimpleQueryRow]) -> Option<String> {
    rows.first()?.get(0).map(str::to_owned)
}

/// A file that only this user can read.
fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(path).and_then(|mut f| f.write_all(bytes));
    written.map_err(StoreError::file("write", path))
}

/// What a server or the connection said, without the statement.
fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_breaks_out() {
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(word("a'b\\"), "E'a''b\\\\'");
    }
}
