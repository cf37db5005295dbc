//! What the operator should know before agreeing.

use aiplat_apparmor::InForce;

use crate::config::StackConfig;
use crate::desired::Desired;
use crate::observed::Observed;
use crate::spec::Limits;

/// What the operator should know before agreeing.
pub(super) fn notes(config: &StackConfig, desired: &Desired, observed: &Observed) -> Vec<String> {
    let mut notes: Vec<String> = config
        .selection
        .left_out()
        .iter()
        .map(|l| format!("{} is left out: {}", l.service, l.reason))
        .collect();
    notes.extend(config.secrets.unfinished());
    match desired.apparmor {
        InForce::Enforced => {}
        InForce::TurnedOff => notes.push("AppArmor is turned off (`APPARMOR=off`): no profile confines the containers".to_owned()),
        InForce::Unavailable => notes.push("AppArmor is not available here: no profile confines the containers; `APPARMOR=require` would refuse to deploy".to_owned()),
    }
    if !observed.host.firewall.available {
        notes.push("no firewall tool was found: programs of this host that listen on all addresses can be reached from the stack's containers".to_owned());
    }
    let idle = desired.services.iter().all(|s| s.container.gpus.is_empty());
    if idle && !config.allocation.gpus.is_empty() {
        notes.push("`STACK_GPUS`: none of the stack's services computes on graphics processors; no other stack can have these".to_owned());
    }
    notes.extend(held_by_the_stack(config, desired));
    let volume = &observed.host.volume;
    if volume.exists && !volume.mount_point {
        notes.push("`BASE_DIR` is not a mount point of its own: a full disk there is a full disk for the whole host".to_owned());
    }
    let imitations: Vec<_> = desired
        .services
        .iter()
        .filter(|s| {
            observed
                .image(&s.container.image)
                .is_some_and(|i| i.stand_in)
        })
        .map(|s| s.name.as_str())
        .collect();
    if !imitations.is_empty() {
        notes.push(format!(
            "stand-ins, not the real programs: {}",
            imitations.join(", ")
        ));
    }
    notes
}

/// Services whose own limits would be above the stack's: it alone holds them.
fn held_by_the_stack(config: &StackConfig, desired: &Desired) -> Vec<String> {
    let (settings, Some(stack)) = (&config.settings, &desired.cgroup) else {
        return Vec::new();
    };
    let note = |key: &str, limit: String, alone: &dyn Fn(&Limits) -> bool| {
        let all = desired.services.iter();
        let names: Vec<_> = all
            .filter(|s| alone(&s.container.limits))
            .map(|s| s.name.as_str())
            .collect();
        (!names.is_empty()).then(|| {
            let names = names.join(", ");
            format!("`{key}={limit}` is all that any one service may have, and no lower limit holds: {names}")
        })
    };
    let memory = settings.stack_memory.get().as_ref();
    let cpus = settings.stack_cpus.get().as_ref();
    let pids = settings.stack_pids.get().as_ref();
    [
        memory.and_then(|m| {
            note("STACK_MEMORY", m.to_string(), &|l| {
                l.memory_bytes == stack.memory_bytes
            })
        }),
        cpus.and_then(|c| {
            note("STACK_CPUS", c.to_string(), &|l| {
                l.milli_cpus == stack.milli_cpus
            })
        }),
        pids.and_then(|p| note("STACK_PIDS", p.to_string(), &|l| Some(l.pids) == stack.pids)),
    ]
    .into_iter()
    .flatten()
    .collect()
}
