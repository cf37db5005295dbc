//! Looking at an object's labels right before something is done to it.

use aiplat_core::names::{ServiceName, StackId};
use aiplat_core::spec::label;

use super::StepError;
use crate::engine::{ContainerDetail, Engine, EngineError, NetworkDetail};

/// The container, when it is there and this stack's; `None` when it is not there.
pub(super) async fn own_container<E: Engine>(
    engine: &E,
    stack: &StackId,
    id: &str,
) -> Result<Option<ContainerDetail>, StepError> {
    match engine.container_inspect(id).await {
        Ok(detail) if detail.belongs_to(stack) => Ok(Some(detail)),
        Ok(detail) => Err(StepError::Foreign {
            what: format!("container `{}`", detail.name),
        }),
        Err(EngineError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The container of this service, when it is there and this stack's.
pub(super) async fn own_service<E: Engine>(
    engine: &E,
    stack: &StackId,
    service: &ServiceName,
    id: &str,
) -> Result<Option<ContainerDetail>, StepError> {
    let found = own_container(engine, stack, id).await?;
    match found {
        Some(detail)
            if detail
                .labels
                .get(label::SERVICE)
                .is_none_or(|name| name != service.as_str()) =>
        {
            Err(StepError::Foreign {
                what: format!("container `{}` of service `{service}`", detail.name),
            })
        }
        other => Ok(other),
    }
}

/// The network, when it is there and this stack's; `None` when it is not there.
pub(super) async fn own_network<E: Engine>(
    engine: &E,
    stack: &StackId,
    id: &str,
) -> Result<Option<NetworkDetail>, StepError> {
    match engine.network_inspect(id).await {
        Ok(detail) if detail.belongs_to(stack) => Ok(Some(detail)),
        Ok(detail) => Err(StepError::Foreign {
            what: format!("network `{}`", detail.name),
        }),
        Err(EngineError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
