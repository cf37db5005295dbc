//! The host closed to all stacks again, as every boot does it.

use aiplat_core::names::{StackId, StackName};
use aiplat_core::spec::{FIREWALL_CHAIN, FirewallSpec};
use serde::Serialize;

use super::Places;
use crate::host::{Host, HostError, Outcome, RegisterStore};

/// One stack to whose containers the host is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Guarded {
    /// The stack.
    pub stack: StackName,
    /// Its identity.
    pub stack_id: StackId,
    /// Its bridge.
    pub bridge: String,
    /// Whether anything was missing.
    pub changed: bool,
}

/// Puts the firewall's rules of all stacks of this host in place, by the register: no engine need answer, no volume be
/// mounted and no bridge be there yet. All are tried; the first that failed is told.
///
/// # Errors
/// [`HostError`].
pub fn guard<H: Host>(host: &H, places: &Places) -> Result<Vec<Guarded>, HostError> {
    let store = RegisterStore::new(&places.state_dir);
    let found = store.load()?;
    if found.rebuild && store.path().exists() {
        // saying that there is no stack would leave the host open to all of them
        return Err(HostError::Malformed {
            path: store.path().to_path_buf(),
            expected: "the register of stacks; `aiplat deploy` of any of them makes it anew",
        });
    }
    let mut failed = None;
    let mut all = Vec::new();
    for reserved in found.register.stacks {
        let spec = FirewallSpec {
            bridge: reserved.stack_id.bridge(),
            chain: FIREWALL_CHAIN.to_owned(),
        };
        match host.guard_bridge(&spec) {
            Ok(outcome) => all.push(Guarded {
                stack: reserved.stack,
                stack_id: reserved.stack_id,
                bridge: spec.bridge,
                changed: outcome != Outcome::Unchanged,
            }),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed.map_or(Ok(all), Err)
}
