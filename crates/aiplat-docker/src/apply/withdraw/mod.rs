//! Taking out of a store what a service had in it: what making it there is, backwards.

mod postgres;

use std::net::SocketAddr;

use aiplat_core::names::StackId;
use aiplat_core::spec::{Gate, Withdrawal};

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
    let Withdrawal::Postgres {
        gate,
        port,
        user,
        password,
        databases,
    } = withdrawal;
    let to = store_at(engine, stack, gate, *port).await?;
    let databases = postgres::there(to, user, password, databases, redactor).await?;
    let (gate, user, password, port) = (gate.clone(), user.clone(), password.clone(), *port);
    Ok((!databases.is_empty()).then_some(Withdrawal::Postgres {
        gate,
        port,
        user,
        password,
        databases,
    }))
}

/// Takes it out. All or some of it may be gone already.
pub(super) async fn carry_out<E: Engine, H: Host, V: Events>(
    context: &Context<'_, E, H, V>,
    withdrawal: &Withdrawal,
) -> Result<(), StepError> {
    let Withdrawal::Postgres {
        gate,
        port,
        user,
        password,
        databases,
    } = withdrawal;
    let phase = |phase| {
        let service = &gate.service;
        context.events.on(Event::Phase { service, phase });
    };
    phase(Phase::Withdrawing);
    let to = store_at(context.engine, &context.plan.stack_id, gate, *port).await?;
    postgres::drop(to, user, password, databases, &context.redactor).await?;
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
    gate: &Gate,
    port: u16,
) -> Result<SocketAddr, StepError> {
    let nowhere = || ProvisionError::NoAddress {
        service: gate.service.to_string(),
    };
    let found = own_service(engine, stack, &gate.service, gate.container.as_str()).await?;
    let detail = found.ok_or_else(nowhere)?;
    let address = address_of(engine, gate, &detail).await?;
    Ok(SocketAddr::from((address.ok_or_else(nowhere)?, port)))
}
