//! The profile that the kernel holds every process to.

use aiplat_apparmor::InForce;
use aiplat_docker::host::{Host, HostError};

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
            cells.push(match labels(scene.bed.host, &member.processes) {
                Err(error) => cell.not_tried(error.to_string()),
                Ok(labels) => judge(cell, member.spec.apparmor.as_deref(), &labels),
            });
        }
    }
    cells
}

/// The labels of those of the processes that have not ended meanwhile: those wear nothing any more.
fn labels(host: &impl Host, processes: &[u32]) -> Result<Vec<String>, HostError> {
    let mut labels = Vec::new();
    for pid in processes {
        match host.label_of(*pid) {
            Ok(label) => labels.push(label.to_string()),
            Err(HostError::NoProcess { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(labels)
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

#[cfg(test)]
mod tests {
    use aiplat_docker::host::LinuxHost;

    use super::*;

    #[test]
    fn a_process_that_has_ended_wears_nothing_and_one_that_hides_its_label_is_told() {
        let proc = tempfile::tempdir().unwrap();
        let mut host = LinuxHost {
            proc: proc.path().to_path_buf(),
            ..LinuxHost::default()
        };
        host.apparmor.enabled = proc.path().join("enabled");
        std::fs::write(&host.apparmor.enabled, "Y\n").unwrap();
        let worker = proc.path().join("7/attr");
        std::fs::create_dir_all(&worker).unwrap();
        std::fs::write(worker.join("current"), "aiplat-one.redis (enforce)\n").unwrap();
        let found = labels(&host, &[6, 7, 8]).unwrap();
        assert_eq!(found, ["aiplat-one.redis (enforce)"]);
        std::fs::create_dir_all(proc.path().join("8")).unwrap();
        assert!(labels(&host, &[6, 7, 8]).is_err());
    }
}
