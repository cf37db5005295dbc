//! Every stack on the host.

use std::collections::BTreeMap;
use std::path::PathBuf;

use aiplat_core::allocation::Reservation;
use aiplat_core::catalogue::Catalogue;
use aiplat_core::names::{StackId, StackName};
use aiplat_core::observed::{ContainerState, Observed};
use aiplat_core::spec::label;

use super::reservations::reconciled;
use super::{Places, PrepareError};
use crate::engine::Engine;
use crate::host::Host;
use crate::observe::{ObserveQuestion, observe};

/// One stack, as register and labels show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StackSummary {
    /// Name.
    pub stack: StackName,
    /// Identity.
    pub stack_id: StackId,
    /// Directory.
    pub base_dir: PathBuf,
    /// What it has reserved; `None` for one whose manifest is gone.
    pub reservation: Option<Reservation>,
    /// Its containers.
    pub containers: usize,
    /// Those of them that run.
    pub running: usize,
}

/// Every stack on the host: those of the register, and those that only the engine's objects know.
///
/// # Errors
/// [`PrepareError`] where engine or host do not answer.
pub async fn list<E: Engine, H: Host>(
    engine: &E,
    host: &H,
    catalogue: &Catalogue,
    places: &Places,
) -> Result<Vec<StackSummary>, PrepareError> {
    // it is about no stack in particular, but a volume is always looked at
    let question = ObserveQuestion {
        base_dir: PathBuf::from("/"),
        ..ObserveQuestion::default()
    };
    let observed = observe(engine, host, &question).await?;
    let register = reconciled(host, &places.state_dir, &observed, catalogue)?;
    let mut all: BTreeMap<StackId, StackSummary> = register
        .stacks
        .into_iter()
        .map(|r| {
            let summary = StackSummary {
                stack: r.stack.clone(),
                stack_id: r.stack_id.clone(),
                base_dir: r.base_dir.clone(),
                reservation: Some(r),
                containers: 0,
                running: 0,
            };
            (summary.stack_id.clone(), summary)
        })
        .collect();
    count(&mut all, &observed);
    let mut all: Vec<_> = all.into_values().collect();
    all.sort_by(|a, b| (&a.stack, &a.stack_id).cmp(&(&b.stack, &b.stack_id)));
    Ok(all)
}

fn count(all: &mut BTreeMap<StackId, StackSummary>, observed: &Observed) {
    for container in &observed.containers {
        let id = container
            .label(label::STACK_ID)
            .and_then(|id| id.parse::<StackId>().ok());
        let name = container
            .label(label::STACK)
            .and_then(|n| n.parse::<StackName>().ok());
        let (Some(id), Some(stack)) = (id, name) else {
            continue;
        };
        let summary = all.entry(id.clone()).or_insert_with(|| StackSummary {
            stack,
            stack_id: id,
            base_dir: container
                .label(label::BASE_DIR)
                .map(PathBuf::from)
                .unwrap_or_default(),
            reservation: None,
            containers: 0,
            running: 0,
        });
        summary.containers += 1;
        summary.running += usize::from(container.state == ContainerState::Running);
    }
}
