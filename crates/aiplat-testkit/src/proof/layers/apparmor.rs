//! The profile that the kernel holds every process to.

use aiplat_apparmor::InForce;
use aiplat_docker::host::Host;

use crate::proof::{Cell, Layer, Scene};

pub(super) fn cells(scene: &Scene<'_>) -> Vec<Cell> {
    let kernel = scene.observed.host.apparmor.enabled;
    let mut cells = Vec::new();
    for stack in &scene.stacks {
        let planned = stack.desired.apparmor == InForce::Enforced;
        for member in &stack.members {
            let cell = Cell::new(
                Layer::Apparmor,
                &member.label,
                "host",
                "the labels of its processes",
            );
            if !planned {
                let why = if kernel {
                    "the plan of this stack turns it off, or the engine does not apply profiles"
                } else {
                    "this kernel has no AppArmor, and the plan says so"
                };
                cells.push(
                    cell.expect("nothing: the plan has no profiles")
                        .not_in_force(why),
                );
                continue;
            }
            let labels: Result<Vec<String>, _> = member
                .processes
                .iter()
                .map(|pid| scene.bed.host.label_of(*pid).map(|l| l.to_string()))
                .collect();
            cells.push(match labels {
                Err(error) => cell.not_tried(error.to_string()),
                Ok(labels) => judge(cell, member.spec.apparmor.as_deref(), &labels),
            });
        }
    }
    cells
}

/// Decides a cell by the labels of a container's processes, as the kernel writes them: `profile (enforce)`.
pub fn judge(cell: Cell, profile: Option<&str>, labels: &[String]) -> Cell {
    let Some(profile) = profile else {
        return cell.not_tried("the plan names no profile for it, although profiles are in force");
    };
    let wanted = format!("{profile} (enforce)");
    let inner = format!("{profile}//");
    let wrong: Vec<String> = labels
        .iter()
        .filter(|l| **l != wanted && !(l.starts_with(&inner) && l.ends_with("(enforce)")))
        .map(|l| format!("a process runs under `{l}`"))
        .collect();
    let cell = cell.expect(&wanted).evidence("/proc/PID/attr/current");
    if labels.is_empty() {
        return cell.not_tried("it has no process");
    }
    cell.decided(&wrong, wanted)
}
