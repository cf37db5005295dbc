//! What containers use, and what happens to them.

use std::collections::HashMap;

use aiplat_core::spec::label;
use bollard::models::{ContainerMemoryStats, ContainerStatsResponse, EventMessage};
use bollard::query_parameters::{EventsOptionsBuilder, StatsOptionsBuilder};
use futures_util::{Stream, StreamExt};

use super::{Bollard, fault};
use crate::engine::{Answer, ContainerUsage, EngineEvent, EventQuestion};

impl Bollard {
    pub(super) async fn usage(&self, id: &str) -> Answer<Option<ContainerUsage>> {
        let options = StatsOptionsBuilder::default()
            .stream(false)
            .one_shot(true)
            .build();
        let what = format!("tell what container `{id}` uses");
        let mut answers = std::pin::pin!(self.docker.stats(id, Some(options)));
        match answers.next().await {
            Some(Ok(stats)) => Ok(usage(stats)),
            Some(Err(error)) => Err(fault::typed(&error, &what, &self.address)),
            None => Ok(None),
        }
    }

    pub(super) fn happened(
        &self,
        question: &EventQuestion,
    ) -> impl Stream<Item = Answer<EngineEvent>> + Send + use<> {
        let wanted = format!("{}={}", label::STACK_ID, question.stack);
        let filters = HashMap::from([
            ("label", vec![wanted.as_str()]),
            ("type", vec!["container"]),
        ]);
        let mut options = EventsOptionsBuilder::default().filters(&filters);
        if let Some(since) = question.since {
            options = options.since(&since.to_string());
        }
        if let Some(until) = question.until {
            options = options.until(&until.to_string());
        }
        let (address, stack) = (self.address.clone(), question.stack.clone());
        let events = self.docker.events(Some(options.build()));
        events.filter_map(move |event| {
            let event = match event {
                Ok(event) => event_of(event).filter(|e| e.belongs_to(&stack)).map(Ok),
                Err(error) => Some(Err(fault::typed(&error, "tell what happens", &address))),
            };
            std::future::ready(event)
        })
    }
}

/// What is in an answer; a container that does not run has no processes, and its answer no numbers.
fn usage(stats: ContainerStatsResponse) -> Option<ContainerUsage> {
    let cpu = stats.cpu_stats.unwrap_or_default();
    let cpu_nanoseconds = cpu.cpu_usage.and_then(|used| used.total_usage)?;
    let memory = stats.memory_stats.unwrap_or_default();
    let processes = stats.pids_stats.and_then(|pids| pids.current)?;
    let network = stats.networks.map(|all| {
        all.values().fold((0, 0), |(received, sent), one| {
            (
                received + one.rx_bytes.unwrap_or_default(),
                sent + one.tx_bytes.unwrap_or_default(),
            )
        })
    });
    let disk = stats
        .blkio_stats
        .and_then(|disks| disks.io_service_bytes_recursive)
        .unwrap_or_default()
        .iter()
        .fold((0, 0), |(read, written), entry| {
            let bytes = entry.value.unwrap_or_default();
            // the older hierarchy writes the word with a capital letter
            match entry.op.as_deref().map(str::to_ascii_lowercase).as_deref() {
                Some("read") => (read + bytes, written),
                Some("write") => (read, written + bytes),
                _ => (read, written),
            }
        });
    Some(ContainerUsage {
        cpu_nanoseconds,
        host_cpu_nanoseconds: cpu.system_cpu_usage.unwrap_or_default(),
        cpus: cpu.online_cpus.unwrap_or(1).max(1),
        memory_bytes: held(&memory),
        memory_limit_bytes: memory.limit.unwrap_or_default(),
        processes,
        network,
        disk,
    })
}

/// Memory without file pages that are only kept for want of a better use, as the engine's own command counts it.
fn held(memory: &ContainerMemoryStats) -> u64 {
    let idle = memory.stats.as_ref().and_then(|stats| {
        stats
            .get("total_inactive_file")
            .or_else(|| stats.get("inactive_file"))
            .copied()
    });
    let used = memory.usage.unwrap_or_default();
    used.saturating_sub(idle.unwrap_or_default())
}

fn event_of(event: EventMessage) -> Option<EngineEvent> {
    let action = event.action?;
    if action.starts_with("exec_") {
        return None;
    }
    let actor = event.actor.unwrap_or_default();
    let seconds = event.time.unwrap_or_default();
    Some(EngineEvent {
        at: event
            .time_nano
            .unwrap_or_else(|| seconds.saturating_mul(1_000_000_000)),
        kind: event.typ.map(|kind| kind.to_string()).unwrap_or_default(),
        action,
        id: actor.id.unwrap_or_default(),
        attributes: actor.attributes.unwrap_or_default().into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_does_not_run_uses_nothing() {
        assert_eq!(usage(ContainerStatsResponse::default()), None);
    }

    #[test]
    fn file_pages_that_the_kernel_may_take_back_do_not_count() {
        for key in ["inactive_file", "total_inactive_file"] {
            let memory = ContainerMemoryStats {
                usage: Some(100),
                stats: Some(HashMap::from([(key.to_owned(), 30)])),
                ..ContainerMemoryStats::default()
            };
            assert_eq!(held(&memory), 70, "{key}");
        }
    }

    #[test]
    fn commands_run_in_containers_are_left_out() {
        let event = |action: &str| EventMessage {
            action: Some(action.to_owned()),
            ..EventMessage::default()
        };
        assert_eq!(event_of(event("exec_create: redis-cli -a secret")), None);
        assert!(event_of(event("die")).is_some());
    }
}
