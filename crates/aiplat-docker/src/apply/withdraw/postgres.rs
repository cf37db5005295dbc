//! Databases that go, with the roles that own them.

use std::net::SocketAddr;

use aiplat_core::spec::{OwnDatabase, OwnDatabases};

use crate::apply::ProvisionError;
use crate::apply::provision::{Name, Session, Word, administer};
use crate::redact::Redactor;

/// Those of which the database or the role is there.
pub(super) async fn there(
    to: SocketAddr,
    server: &OwnDatabases,
    redactor: &Redactor,
) -> Result<Vec<OwnDatabase>, ProvisionError> {
    let session = administer(to, server, redactor).await?;
    let mut there = Vec::new();
    for own in &server.databases {
        if session.is_there(own).await? {
            there.push(own.clone());
        }
    }
    Ok(there)
}

/// Drops them.
pub(super) async fn drop(
    to: SocketAddr,
    server: &OwnDatabases,
    redactor: &Redactor,
) -> Result<(), ProvisionError> {
    let session = administer(to, server, redactor).await?;
    session.take_turns().await?;
    // all are looked at before the first one goes
    let mut there = Vec::new();
    for own in &server.databases {
        if session.is_there(own).await? {
            there.push(own);
        }
    }
    for own in there {
        session.drop(own).await?;
    }
    Ok(())
}

impl Session<'_> {
    /// Whether the database or its role is there.
    ///
    /// # Errors
    /// [`ProvisionError::Foreign`] where it is not the role's alone.
    async fn is_there(&self, own: &OwnDatabase) -> Result<bool, ProvisionError> {
        let (database, role) = (Word(&own.database), Word(&own.role));
        let foreign = |words: String| ProvisionError::Foreign { words };
        let name = &own.database;
        let what = format!("tell whose database `{name}` is");
        // objects of the superuser are not listed as anybody's: extensions are such
        let query = format!(
            "SELECT o.rolname, \
               (SELECT string_agg(DISTINCT quote_ident(r.rolname), ', ') FROM pg_shdepend s \
                  JOIN pg_roles r ON r.oid = s.refobjid \
                 WHERE s.refclassid = 'pg_authid'::regclass AND s.dbid = d.oid AND s.deptype = 'o' \
                   AND r.rolname <> {role}), \
               (SELECT string_agg(DISTINCT quote_ident(a.usename), ', ') FROM pg_stat_activity a \
                 WHERE a.datid = d.oid AND a.backend_type = 'client backend' AND a.usename <> {role}) \
             FROM pg_database d JOIN pg_roles o ON o.oid = d.datdba WHERE d.datname = {database}"
        );
        let found = self.rows(&what, &query).await?;
        if let Some(row) = found.first() {
            let [owner, objects, sessions] = [0, 1, 2].map(|n| row.get(n));
            if owner != Some(own.role.as_str()) {
                return Err(foreign(format!(
                    "database `{name}` belongs to `{}`, expected it to belong to `{}`, which was made for it",
                    owner.unwrap_or_default(),
                    own.role
                )));
            }
            if let Some(others) = objects {
                return Err(foreign(format!(
                    "database `{name}` has objects of {others} in it, expected only those of `{}`",
                    own.role
                )));
            }
            if let Some(others) = sessions {
                return Err(foreign(format!(
                    "database `{name}` has sessions of {others}, expected none but the service's own"
                )));
            }
        }
        let what = format!("tell what role `{}` has", own.role);
        let query = format!(
            "SELECT (SELECT string_agg(DISTINCT COALESCE('database ' || quote_ident(d.datname), 'the server'), ', ') \
                FROM pg_shdepend s LEFT JOIN pg_database d \
                  ON d.oid = CASE WHEN s.classid = 'pg_database'::regclass THEN s.objid ELSE s.dbid END \
               WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = r.oid \
                 AND d.datname IS DISTINCT FROM {database}) \
             FROM pg_roles r WHERE r.rolname = {role}"
        );
        let roles = self.rows(&what, &query).await?;
        if let Some(elsewhere) = roles.first().and_then(|row| row.get(0)) {
            return Err(foreign(format!(
                "role `{}` has objects or rights in {elsewhere}, expected none but in database `{name}`",
                own.role
            )));
        }
        Ok(!found.is_empty() || !roles.is_empty())
    }

    /// Nobody comes in as the role any more, what is in goes out, and then both go. A session of somebody else that began
    /// meanwhile is the server's own reason to refuse.
    async fn drop(&self, own: &OwnDatabase) -> Result<(), ProvisionError> {
        let (database, role) = (Name(&own.database), Name(&own.role));
        let what = format!("end the sessions of role `{}`", own.role);
        let known = format!("SELECT 1 FROM pg_roles WHERE rolname = {}", Word(&own.role));
        if self.there(&what, &known).await? {
            self.run(&what, &format!("ALTER ROLE {role} NOLOGIN"))
                .await?;
            let end = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = {}",
                Word(&own.role)
            );
            self.run(&what, &end).await?;
        }
        let what = format!("drop database `{}`", own.database);
        self.run(&what, &format!("DROP DATABASE IF EXISTS {database}"))
            .await?;
        let what = format!("drop role `{}`", own.role);
        self.run(&what, &format!("DROP ROLE IF EXISTS {role}"))
            .await
    }
}
