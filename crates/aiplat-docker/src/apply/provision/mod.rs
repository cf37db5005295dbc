//! What must exist inside a service before those that need it start.

mod http;
mod postgres;
mod sql;

use std::net::{Ipv4Addr, SocketAddr};

use aiplat_core::spec::{Gate, Provision};

pub(super) use postgres::{ADMINISTRATION, Session, administer, connect, said};
pub(super) use sql::{Name, Word, verifier};

use super::StepError;
use super::ownership::own_service;
use super::run::Context;
use crate::engine::Engine;
use crate::events::{Event, Events, Phase};
use crate::host::Host;
use crate::probe::address_of;

/// Something that could not be made inside a service, or taken out of it. Holds no statement and no request: those carry secrets.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// The service has no address at which it could be asked.
    #[error("`{service}` has no address that the host can reach")]
    NoAddress {
        /// The service.
        service: String,
    },
    /// The database server did not let the superuser in.
    #[error("expected a session with the database server as its superuser: {words}")]
    Session {
        /// The server's words.
        words: String,
    },
    /// The database server refused a statement.
    #[error("the database server refused to {what}: {words}")]
    Statement {
        /// What the statement does, in words.
        what: String,
        /// The server's words.
        words: String,
    },
    /// Somebody else has a part in what was to be taken out: it was left alone.
    #[error("{words}: it was left alone")]
    Foreign {
        /// Whose it is, and whose it was expected to be.
        words: String,
    },
    /// A service refused a request.
    #[error("`{service}` did not {what}: {words}")]
    Request {
        /// The service.
        service: String,
        /// What the request makes.
        what: String,
        /// What came back, without secrets.
        words: String,
    },
}

/// Makes it. Everything in it may be there already.
pub(super) async fn make<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    provision: &Provision,
) -> Result<(), StepError> {
    let (Provision::Postgres { gate, port, .. } | Provision::Http { gate, port, .. }) = provision;
    context.events.on(Event::Phase {
        service: &gate.service,
        phase: Phase::Provisioning,
    });
    let to = SocketAddr::from((address(context, gate).await?, *port));
    match provision {
        Provision::Postgres {
            user,
            password,
            databases,
            ..
        } => {
            postgres::make(to, user, password, databases, &context.redactor).await?;
        }
        Provision::Http { requests, .. } => {
            http::make(to, gate, requests, &context.redactor).await?;
        }
    }
    context.events.on(Event::Phase {
        service: &gate.service,
        phase: Phase::Healthy,
    });
    Ok(())
}

/// The address of a service of this stack.
pub(super) async fn address<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    gate: &Gate,
) -> Result<Ipv4Addr, StepError> {
    let nowhere = || ProvisionError::NoAddress {
        service: gate.service.to_string(),
    };
    let stack = &context.plan.stack_id;
    let found = own_service(
        context.engine,
        stack,
        &gate.service,
        gate.container.as_str(),
    )
    .await?;
    let detail = found.ok_or_else(nowhere)?;
    let found = address_of(context.engine, gate, &detail).await?;
    Ok(found.ok_or_else(nowhere)?)
}
