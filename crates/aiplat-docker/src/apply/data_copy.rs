//! The copy of a service's data: its directories, and dumps of what it keeps in the stack's `PostgreSQL`.

use std::net::SocketAddr;
use std::path::Path;

use aiplat_core::spec::{DataCopy, OwnDatabase, OwnDatabases};

use super::ownership::own_service;
use super::provision::{ADMINISTRATION, Name, Session, Word, administer};
use super::run::Context;
use super::{ProvisionError, StepError};
use crate::blocking::blocking;
use crate::engine::Engine;
use crate::events::Events;
use crate::host::{Host, HostError};
use crate::postgres::{tool, uri};
use crate::probe::address_of;
use crate::programs::{self, Ends, ProgramError};

/// Refuses a copy for which there is no space, before anything is stopped for it. Compressed rows without their indexes
/// take less than the database they are of.
pub(super) async fn room<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    copy: &DataCopy,
) -> Result<(), StepError> {
    let mut dumps = 0;
    if let Some(server) = Server::of(context, copy).await? {
        let session = server.session().await?;
        for own in &server.own.databases {
            dumps += size(&session, own).await?;
        }
    }
    Ok(blocking(|| context.host.copy_room(copy, dumps))?)
}

/// Takes the copy of data that the service does not write to.
pub(super) async fn take<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    copy: &DataCopy,
    started: &str,
) -> Result<(), StepError> {
    blocking(|| context.host.copy_begin(copy))?;
    if let Some(server) = Server::of(context, copy).await? {
        for own in &server.own.databases {
            let to = copy.partial().join(DataCopy::dump(own));
            server.dump(own, &to).await?;
        }
    }
    Ok(blocking(|| context.host.copy_take(copy, started))?)
}

/// Puts a complete copy back in place of what is there, unless the container was started since. All of it may be back
/// already, or some.
pub(super) async fn put_back<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    copy: &DataCopy,
    started: &str,
) -> Result<(), StepError> {
    if !blocking(|| context.host.copy_put_back(copy, started))? {
        return Ok(());
    }
    let Some(server) = Server::of(context, copy).await? else {
        return Ok(());
    };
    for own in &server.own.databases {
        let from = copy.at.join(DataCopy::dump(own));
        // a copy of an earlier version of this tool has none
        if from.is_file() {
            server.restore(own, &from).await?;
        }
    }
    Ok(())
}

/// Bytes of a database.
async fn size(session: &Session<'_>, own: &OwnDatabase) -> Result<u64, ProvisionError> {
    let what = format!("tell the size of database `{}`", own.database);
    let name = Word(&own.database);
    let query = format!("SELECT pg_database_size(oid) FROM pg_database WHERE datname = {name}");
    let rows = session.rows(&what, &query).await?;
    let bytes = rows.first().and_then(|row| row.get(0)?.parse().ok());
    Ok(bytes.unwrap_or(0))
}

/// The server that has a service's databases.
struct Server<'a, E, H, V> {
    context: &'a Context<'a, E, H, V>,
    own: &'a OwnDatabases,
    container: String,
    to: SocketAddr,
}

impl<'a, E: Engine, H: Host, V: Events> Server<'a, E, H, V> {
    /// The one of a copy, where it runs now; `None` where the copy is of directories alone.
    async fn of(
        context: &'a Context<'a, E, H, V>,
        copy: &'a DataCopy,
    ) -> Result<Option<Self>, StepError> {
        let Some(own) = &copy.databases else {
            return Ok(None);
        };
        let (engine, gate) = (context.engine, &own.gate);
        let nowhere = || ProvisionError::NoAddress {
            service: gate.service.to_string(),
        };
        let stack = &context.plan.stack_id;
        let found = own_service(engine, stack, &gate.service, gate.container.as_str()).await?;
        let detail = found.ok_or_else(nowhere)?;
        let address = address_of(engine, gate, &detail).await?;
        let address = address.ok_or_else(nowhere)?;
        Ok(Some(Self {
            context,
            own,
            container: detail.id,
            to: SocketAddr::from((address, own.port)),
        }))
    }

    async fn session(&self) -> Result<Session<'a>, ProvisionError> {
        administer(self.to, self.own, &self.context.redactor).await
    }

    async fn dump(&self, own: &OwnDatabase, to: &Path) -> Result<(), StepError> {
        let database = uri(&own.database);
        let options = [
            "--format=custom",
            // fast, and never more than what the server itself keeps compressed
            "--compress=1",
            "--lock-wait-timeout=60s",
            "--dbname",
            &database,
        ];
        let ends = Ends {
            output: Some(to),
            line: Some(&self.own.password),
            ..Ends::default()
        };
        let what = format!("dump database `{}`", own.database);
        self.program(what, tool("pg_dump", &options), ends).await
    }

    /// Puts a dumped database in place of whatever has its name. Nobody comes in as its role meanwhile: what else runs of
    /// a bundle would write into one that is half there.
    async fn restore(&self, own: &OwnDatabase, from: &Path) -> Result<(), StepError> {
        let (database, role) = (Name(&own.database), Name(&own.role));
        let what = format!("take database `{}` back", own.database);
        let session = self.session().await?;
        session.take_turns().await?;
        session
            .run(&what, &format!("ALTER ROLE {role} NOLOGIN"))
            .await?;
        let drop = format!("DROP DATABASE IF EXISTS {database} WITH (FORCE)");
        session.run(&what, &drop).await?;
        let administration = uri(ADMINISTRATION);
        let options = ["--exit-on-error", "--create", "--dbname", &administration];
        let ends = Ends {
            input: Some(from),
            line: Some(&self.own.password),
            ..Ends::default()
        };
        self.program(what.clone(), tool("pg_restore", &options), ends)
            .await?;
        let login = format!("ALTER ROLE {role} LOGIN");
        Ok(session.run(&what, &login).await?)
    }

    async fn program(
        &self,
        what: String,
        argv: Vec<String>,
        ends: Ends<'_>,
    ) -> Result<(), StepError> {
        let context = self.context;
        let ran = programs::run(context.engine, &self.container, argv, ends).await;
        ran.map_err(|error| match error {
            ProgramError::Engine(error) => error.into(),
            ProgramError::File { what, path, source } => HostError::io(what, &path, source).into(),
            ProgramError::Failed(words) => ProvisionError::Request {
                service: self.own.gate.service.to_string(),
                what,
                words: context.redactor.clean(&words),
            }
            .into(),
        })
    }
}
