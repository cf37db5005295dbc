//! What the services of a stack use now.

use std::time::Duration;

use aiplat_core::config::StackConfig;
use aiplat_core::names::{ServiceName, StackId};
use aiplat_core::observed::{ContainerState, ObservedContainer};
use aiplat_core::spec::label;
use futures_util::future::try_join_all;
use serde::Serialize;

use crate::engine::{Answer, ContainerUsage, Engine};

/// What one service uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Usage {
    /// The service.
    pub service: String,
    /// Its container.
    pub container: String,
    /// Processors that it kept busy while it was looked at.
    pub cpus: f64,
    /// Memory that it holds, bytes.
    pub memory_bytes: u64,
    /// Memory that it may hold, bytes.
    pub memory_limit_bytes: u64,
    /// Processes and threads.
    pub processes: u64,
    /// Bytes received since it was started; `None` where it shares another's network.
    pub received_bytes: Option<u64>,
    /// Bytes sent since it was started; `None` where it shares another's network.
    pub sent_bytes: Option<u64>,
    /// Bytes read from disks since it was started.
    pub read_bytes: u64,
    /// Bytes written to disks since it was started.
    pub written_bytes: u64,
}

/// What the running services of a stack use, by name. Each is looked at twice, `pause` apart.
///
/// # Errors
/// The engine's.
pub async fn usage<E: Engine>(engine: &E, stack: &StackId, pause: Duration) -> Answer<Vec<Usage>> {
    let containers = engine.containers().await?;
    let mut own: Vec<(&str, &ObservedContainer)> = containers
        .iter()
        .filter(|c| c.belongs_to(stack) && c.state == ContainerState::Running)
        .filter_map(|c| Some((c.label(label::SERVICE)?, c)))
        .collect();
    own.sort_by_key(|(service, container)| (*service, container.created));
    let look = || try_join_all(own.iter().map(|(_, c)| looked(engine, &c.id)));
    let first = look().await?;
    tokio::time::sleep(pause).await;
    let second = look().await?;
    let both = own.iter().zip(first).zip(second);
    Ok(both
        .filter_map(|(((service, container), first), second)| {
            Some(between(service, &container.name, first?, second?))
        })
        .collect())
}

/// One that goes away while it is looked at uses nothing.
async fn looked<E: Engine>(engine: &E, id: &str) -> Answer<Option<ContainerUsage>> {
    match engine.container_usage(id).await {
        Err(error) if error.is_absent() => Ok(None),
        other => other,
    }
}

#[allow(clippy::cast_precision_loss, reason = "a share of a processor")]
fn between(service: &str, container: &str, first: ContainerUsage, second: ContainerUsage) -> Usage {
    let own = second.cpu_nanoseconds.saturating_sub(first.cpu_nanoseconds);
    let host = second
        .host_cpu_nanoseconds
        .saturating_sub(first.host_cpu_nanoseconds);
    let cpus = if host == 0 {
        0.0
    } else {
        own as f64 / host as f64 * f64::from(second.cpus)
    };
    Usage {
        service: service.to_owned(),
        container: container.to_owned(),
        cpus: (cpus * 1000.0).round() / 1000.0,
        memory_bytes: second.memory_bytes,
        memory_limit_bytes: second.memory_limit_bytes,
        processes: second.processes,
        received_bytes: second.network.map(|(received, _)| received),
        sent_bytes: second.network.map(|(_, sent)| sent),
        read_bytes: second.disk.0,
        written_bytes: second.disk.1,
    }
}

/// The stack's own container of a service, by the labels it wears and its name together; `None` where there is none.
///
/// # Errors
/// The engine's.
pub async fn own_container<E: Engine>(
    engine: &E,
    config: &StackConfig,
    service: &ServiceName,
) -> Answer<Option<ObservedContainer>> {
    let name = config.container(service);
    let own = |c: &ObservedContainer| {
        c.belongs_to(&config.id)
            && c.name == name.as_str()
            && c.label(label::SERVICE) == Some(service.as_str())
    };
    Ok(engine.containers().await?.into_iter().find(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_hosts_time_is_a_number_of_processors() {
        let at = |own: u64, host: u64| ContainerUsage {
            cpu_nanoseconds: own,
            host_cpu_nanoseconds: host,
            cpus: 4,
            ..ContainerUsage::default()
        };
        let used = between("redis", "ai-redis", at(100, 1000), at(350, 2000));
        assert!((used.cpus - 1.0).abs() < 1e-9, "{}", used.cpus);
        let still = between("redis", "ai-redis", at(100, 1000), at(100, 1000));
        assert!(still.cpus.abs() < 1e-9);
    }
}
