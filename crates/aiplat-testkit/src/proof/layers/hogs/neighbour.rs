//! A service of another stack, which must not notice.

use std::collections::BTreeSet;
use std::path::PathBuf;

use aiplat_core::spec::{Gate, Probe};
use aiplat_docker::engine::Engine;

use super::groups;
use crate::proof::{Cell, Layer, Member, Scene, Stack};

/// One container that is watched.
#[derive(Debug)]
pub(super) struct Neighbour<'a> {
    pub(super) member: &'a Member,
    /// What it is asked, where it has an address.
    pub(super) gate: Option<Gate>,
}

/// What must not change.
#[derive(Debug)]
pub(super) struct Mark {
    oom_kills: Option<u64>,
    refused: Option<u64>,
}

impl<'a> Neighbour<'a> {
    /// Every container of a stack.
    pub(super) fn all(stack: &'a Stack) -> Vec<Self> {
        let one = |member: &'a Member| {
            let planned = stack
                .desired
                .service(&member.service)
                .filter(|_| member.planned);
            let gate = planned.and_then(|service| {
                let at = stack.own_address(member)?;
                Some(Gate {
                    at: Some(at),
                    ..service.gate.clone()
                })
            });
            let gate = gate.filter(|g| {
                !matches!(
                    g.probe,
                    Probe::Exec { .. } | Probe::Alive { .. } | Probe::Engine
                )
            });
            Self { member, gate }
        };
        stack.members.iter().map(one).collect()
    }

    pub(super) fn mark(&self, scene: &Scene<'_>) -> Mark {
        let groups = groups(scene, self.member.pid);
        Mark {
            oom_kills: groups.oom_kills(),
            refused: groups.refused(),
        }
    }

    /// It is the same process as before, nothing of it was killed or refused, and no limit above it is the hog's too.
    pub(super) async fn unharmed(
        &self,
        scene: &Scene<'_>,
        from: &str,
        before: &Mark,
        hogged: &BTreeSet<PathBuf>,
    ) -> Cell {
        let member = self.member;
        let groups = groups(scene, member.pid);
        let cell = Cell::new(
            Layer::Resources,
            from,
            &member.label,
            "its processes, its counters and the limits above it",
        )
        .expect("the same as before, and none of the hog's")
        .evidence(groups.path("memory").display().to_string());
        let detail = match scene.bed.engine.container_inspect(&member.detail.id).await {
            Ok(detail) => detail,
            Err(error) => {
                return cell.breach(format!("the engine does not know it any more: {error}"));
            }
        };
        let mut problems = Vec::new();
        let same = detail.pid == Some(member.pid)
            && detail.restart_count == member.detail.restart_count
            && detail.started_at == member.detail.started_at;
        if !same {
            problems.push("it was started again".to_owned());
        }
        let after = self.mark(scene);
        let (Some(was), Some(is)) = (before.oom_kills, after.oom_kills) else {
            return cell.not_tried("the kernel's counter of killed processes cannot be read");
        };
        if is > was {
            problems.push(format!(
                "{} of its processes were killed for memory",
                is - was
            ));
        }
        if let (Some(was), Some(is)) = (before.refused, after.refused)
            && is > was
        {
            problems.push(format!("it was refused {} processes", is - was));
        }
        let host = super::groups(scene, std::process::id()).limited_above();
        let shared = groups.limited_above();
        for path in shared.intersection(hogged).filter(|p| !host.contains(*p)) {
            problems.push(format!(
                "the limit of `{}` is the hog's too",
                path.display()
            ));
        }
        cell.decided(
            &problems,
            format!("one process tree, {is} killed as before"),
        )
    }
}
