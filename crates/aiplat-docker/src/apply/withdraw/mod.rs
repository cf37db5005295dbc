//! Taking out of a store what a service had in it: what making it there is, backwards.

mod http;
mod postgres;

use std::net::SocketAddr;

use aiplat_core::names::StackId;
use aiplat_core::spec::{OwnDatabases, Withdrawal};

use super::ownership::own_service;
use super::run::Context;
use super::{ProvisionError, StepError};
use crate::engine::Engine;
use crate::events::{Event, Events, Phase};
use crate::host::Host;
use crate::probe::address_of;
use crate::redact::Redactor;

/// What is there of it, looked at now; none where nothing is.
///
/// # Errors
/// [`ProvisionError::NoAddress`] and [`ProvisionError::Session`] where the store does not run, and
/// [`ProvisionError::Foreign`] where somebody else has a part in it.
pub(crate) async fn there<E: Engine>(
    engine: &E,
    stack: &StackId,
    withdrawal: &Withdrawal,
    redactor: &Redactor,
) -> Result<Option<Withdrawal>, StepError> {
    let mut found = withdrawal.clone();
    let to = store_at(engine, stack, &found).await?;
    match &mut found {
        Withdrawal::Postgres(server) => {
            server.databases = postgres::there(to, server, redactor).await?;
        }
        Withdrawal::Http { gate, shelves, .. } => {
            for shelf in shelves {
                shelf.seen = http::there(to, gate, shelf, redactor).await?;
            }
        }
    }
    Ok((!found.what().is_empty()).then_some(found))
}

/// Takes it out. All or some of it may be gone already.
pub(super) async fn carry_out<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    withdrawal: &Withdrawal,
) -> Result<(), StepError> {
    let phase = |phase| {
        let service = &withdrawal.gate().service;
        context.events.on(Event::Phase { service, phase });
    };
    phase(Phase::Withdrawing);
    let to = store_at(context.engine, &context.plan.stack_id, withdrawal).await?;
    let redactor = &context.redactor;
    match withdrawal {
        Withdrawal::Postgres(server) => postgres::drop(to, server, redactor).await?,
        Withdrawal::Http { gate, shelves, .. } => {
            for shelf in shelves {
                http::remove(to, gate, shelf, redactor).await?;
            }
        }
    }
    phase(Phase::Healthy);
    Ok(())
}

/// What it does, in words.
pub(super) fn words(withdrawal: &Withdrawal) -> String {
    format!(
        "take {} out of `{}`",
        withdrawal.what().join(", "),
        withdrawal.gate().service
    )
}

/// Where a store of this stack answers.
async fn store_at<E: Engine>(
    engine: &E,
    stack: &StackId,
    withdrawal: &Withdrawal,
) -> Result<SocketAddr, StepError> {
    let (Withdrawal::Postgres(OwnDatabases { gate, port, .. })
    | Withdrawal::Http { gate, port, .. }) = withdrawal;
    let nowhere = || ProvisionError::NoAddress {
        service: gate.service.to_string(),
    };
    let found = own_service(engine, stack, &gate.service, gate.container.as_str()).await?;
    let detail = found.ok_or_else(nowhere)?;
    let address = address_of(engine, gate, &detail).await?;
    Ok(SocketAddr::from((address.ok_or_else(nowhere)?, *port)))
}
