//! What the stack's containers are like beyond what the engine's list tells.

use aiplat_core::config::StackConfig;
use aiplat_core::desired::Desired;
use aiplat_core::observed::{ContainerState, Observed};
use aiplat_core::spec::label;
use futures_util::{StreamExt, TryStreamExt};

use super::PrepareError;
use crate::blocking::blocking;
use crate::engine::{Engine, EngineError};
use crate::host::{Host, HostError};

/// Calls at once: an engine answers them one after another in the end.
const AT_ONCE: usize = 8;

/// Adds the kernel's limits of the running containers, which costs no call, and where asked (`deep`) the settings in
/// which a container differs from the specification that its label names.
pub(super) async fn look<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    config: &StackConfig,
    desired: &Desired,
    observed: &mut Observed,
    deep: bool,
) -> Result<(), PrepareError> {
    limits(host, config, observed)?;
    if !deep {
        return Ok(());
    }
    let asked = desired.services.iter().filter_map(|service| {
        let spec = &service.container;
        let found = observed.containers.iter().position(|c| {
            c.name == spec.name.as_str()
                && c.belongs_to(&config.id)
                && c.label(label::SPEC_HASH) == Some(spec.hash().as_str())
        })?;
        Some((found, observed.containers[found].id.clone(), spec))
    });
    let calls: Vec<_> = asked
        .map(|(index, id, spec)| async move {
            match engine.container_differences(&id, spec).await {
                Ok(found) => Ok(Some((index, found))),
                // it went away since it was listed
                Err(EngineError::NotFound { .. }) => Ok(None),
                Err(error) => Err(error),
            }
        })
        .collect();
    let found: Vec<_> = futures_util::stream::iter(calls)
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    for (index, differs) in found.into_iter().flatten() {
        observed.containers[index].differs = Some(differs);
    }
    Ok(())
}

fn limits<H: Host>(
    host: &H,
    config: &StackConfig,
    observed: &mut Observed,
) -> Result<(), PrepareError> {
    let driver = observed.engine.cgroup_driver.clone();
    let parent = config.cgroup_parent(&driver);
    let ids: Vec<&str> = observed
        .containers
        .iter()
        .filter(|c| c.belongs_to(&config.id) && c.state == ContainerState::Running)
        .map(|c| c.id.as_str())
        .collect();
    let (found, used) = blocking(|| -> Result<_, HostError> {
        let parent = parent.as_deref();
        let found = host.container_limits(parent, &driver, &ids)?;
        Ok((found, host.containers_use(parent, &driver, &ids)?))
    })?;
    observed.host.cgroup_use = used;
    for container in &mut observed.containers {
        container.limits = found.get(&container.id).cloned();
    }
    Ok(())
}
