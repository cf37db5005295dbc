//! What a service may use: its own limits, and none above those of its stack or what its host has.

use crate::catalogue::{Service, bytes};
use crate::config::StackConfig;
use crate::observed::EngineFacts;
use crate::settings::{ByteSize, Pids};
use crate::spec::Limits;

/// A limit above the stack's would hold nothing, and a kernel may refuse a cgroup more than the one above it has. Engines
/// refuse to make a container with more processors than they see (seen with 20.10).
pub(super) fn limits(config: &StackConfig, service: &Service, engine: &EngineFacts) -> Limits {
    let stack = &config.settings;
    let memory = stack.stack_memory.get().map(ByteSize::bytes);
    let cpus = stack.stack_cpus.get().map(|c| u64::from(c.thousandths()));
    let pids = stack.stack_pids.get().map(Pids::get);
    // an engine that does not say how many it sees says 0
    let there = (engine.cpus > 0).then(|| u64::from(engine.cpus) * 1000);
    let at_most = |own: u64, most: Option<u64>| most.map_or(own, |most| own.min(most));
    let own = service.limits.memory.as_deref().and_then(bytes);
    Limits {
        memory_bytes: own.map(|own| at_most(own, memory)),
        milli_cpus: service
            .limits
            .cpus
            .map(|own| at_most(at_most(milli(own), cpus), there)),
        pids: pids.map_or(service.limits.pids, |pids| pids.min(service.limits.pids)),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked positive, and far below the limits
fn milli(cpus: f64) -> u64 {
    (cpus.clamp(0.001, 4096.0) * 1000.0).round() as u64
}
