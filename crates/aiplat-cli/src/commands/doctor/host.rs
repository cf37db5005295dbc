//! The host, and what all stacks on it share.

use std::path::Path;
use std::time::{Duration, SystemTime};

use aiplat_core::allocation::Register;
use aiplat_core::observed::{ContainerState, HostFacts, Observed};
use aiplat_core::spec::label;
use aiplat_docker::host::Host;
use aiplat_docker::stack::register;

use super::Finding;
use crate::session::Session;
use crate::words::bytes;

/// Free space below which a deploy is likely to fail, and below which it is time to look.
const NO_SPACE: u64 = 1 << 30;
const LITTLE_SPACE: u64 = 10 << 30;

/// Where programs that set the clock leave their mark.
const CLOCK_MARKS: [&str; 4] = [
    "/run/systemd/timesync/synchronized",
    "/run/chrony/chronyd.pid",
    "/run/ntpd.pid",
    "/run/openntpd.pid",
];

pub(super) fn look(session: &Session, observed: &Observed, findings: &mut Vec<Finding>) {
    without_engine(&observed.host, findings);
    guards(observed, findings);
    if let Ok(volume) = session.host().volume(&observed.engine.root_dir) {
        let dir = observed.engine.root_dir.display();
        findings.push(space(
            "disk",
            &format!("where the engine keeps its data (`{dir}`)"),
            volume.free_bytes,
        ));
    }
    let kernel = observed.host.apparmor.enabled;
    if kernel && !observed.engine.apparmor {
        findings.push(Finding::warning(
            "apparmor",
            "the kernel has it, the engine does not use it",
            "install the AppArmor tools and restart the engine",
        ));
    }
    match register(&session.places()) {
        Ok(register) => overlaps(&register, findings),
        Err(error) => findings.push(Finding::error(
            "register",
            error.to_string(),
            error
                .hint()
                .unwrap_or_else(|| "run the command as root".to_owned()),
        )),
    }
}

/// What can be said without an engine.
pub(super) fn without_engine(facts: &HostFacts, findings: &mut Vec<Finding>) {
    findings.push(match (facts.apparmor.enabled, facts.apparmor.parser) {
        (true, true) => Finding::ok("apparmor", "the kernel enforces it, the parser is installed"),
        (true, false) => Finding::warning(
            "apparmor",
            "the kernel enforces it, the parser is not installed",
            "install the package `apparmor`",
        ),
        (false, _) => Finding::warning(
            "apparmor",
            "the kernel does not enforce it: no profile confines the containers",
            "boot with `apparmor=1 security=apparmor`; `APPARMOR=require` refuses to deploy without",
        ),
    });
    if !facts.firewall.available {
        findings.push(Finding::warning(
            "firewall",
            "no tool for it was found: programs of this host that listen on all addresses are open to containers",
            "install the package `iptables`, and run the command as root",
        ));
    }
    let marked = CLOCK_MARKS.iter().any(|mark| Path::new(mark).exists());
    findings.push(if marked {
        Finding::ok("clock", "something sets it")
    } else {
        Finding::note(
            "clock",
            "nothing is seen that sets it; a wrong one breaks certificates and tokens",
        )
    });
}

/// Every running stack's bridge must have its rules.
fn guards(observed: &Observed, findings: &mut Vec<Finding>) {
    if !observed.host.firewall.available {
        return;
    }
    for network in &observed.networks {
        let label = |key| network.labels.get(key).map(String::as_str);
        let (Some(stack), Some(id)) = (label(label::STACK), label(label::STACK_ID)) else {
            continue;
        };
        let Some(bridge) = id
            .parse::<aiplat_core::names::StackId>()
            .ok()
            .map(|id| id.bridge())
        else {
            continue;
        };
        let running = observed
            .containers
            .iter()
            .any(|c| c.label(label::STACK_ID) == Some(id) && c.state == ContainerState::Running);
        if !running {
            continue;
        }
        findings.push(if observed.host.firewall.guarded.contains(&bridge) {
            Finding::ok("firewall", format!("stack `{stack}` cannot reach the host's own listeners"))
        } else {
            Finding::error(
                "firewall",
                format!("the rules of stack `{stack}` are gone: its containers reach the host's own listeners"),
                "`aiplat firewall` puts them back; the host was started without, or something reloaded the firewall",
            )
        });
    }
}

/// Reservations are disjoint, or somebody wrote them by hand.
fn overlaps(register: &Register, findings: &mut Vec<Finding>) {
    let stacks = &register.stacks;
    for (index, one) in stacks.iter().enumerate() {
        for other in &stacks[index + 1..] {
            let subnet = one.subnet.contains(&other.subnet) || other.subnet.contains(&one.subnet);
            let shared = [
                ("users", one.uids.intersection(&other.uids).next().is_some()),
                (
                    "ports",
                    one.ports.intersection(&other.ports).next().is_some(),
                ),
                ("subnets", subnet),
            ];
            for (what, _) in shared.iter().filter(|(_, shared)| *shared) {
                findings.push(Finding::error(
                    "register",
                    format!("stacks `{}` and `{}` share {what}", one.stack, other.stack),
                    "give one of them another in its manifest, and deploy it",
                ));
            }
        }
    }
    findings.push(Finding::ok("register", format!("{} stacks", stacks.len())));
}

/// What is left on a file system.
pub(super) fn space(check: &'static str, place: &str, free: u64) -> Finding {
    let found = format!("{} free {place}", bytes(free));
    match free {
        0..NO_SPACE => Finding::error(
            check,
            found,
            "free some space, or move it to a larger volume",
        ),
        NO_SPACE..LITTLE_SPACE => Finding::warning(check, found, "keep an eye on it"),
        _ => Finding::ok(check, found),
    }
}

/// A file from the future says that the clock went back.
pub(super) fn clock(path: &Path, findings: &mut Vec<Finding>) {
    let slack = Duration::from_secs(120);
    let written = fs_err::symlink_metadata(path).and_then(|m| m.modified());
    if written.is_ok_and(|at| at > SystemTime::now() + slack) {
        findings.push(Finding::error(
            "clock",
            format!(
                "`{}` was written in the future: the clock was set back",
                path.display()
            ),
            "set the clock, and run something that keeps it, such as `chrony`",
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Severity;
    use super::*;

    #[test]
    fn little_space_is_a_warning_and_none_an_error() {
        assert_eq!(space("disk", "", 0).severity, Severity::Error);
        assert_eq!(space("disk", "", 2 << 30).severity, Severity::Warning);
        assert_eq!(space("disk", "", 1 << 40).severity, Severity::Ok);
    }

    #[test]
    fn a_shared_user_is_an_error() {
        let one = aiplat_core::allocation::Reservation {
            stack: "a".parse().unwrap(),
            stack_id: "0123456789ab".parse().unwrap(),
            base_dir: "/mnt/a".into(),
            subnet: "10.200.0.0/26".parse().unwrap(),
            uids: [3000].into(),
            gids: [3000].into(),
            ports: std::collections::BTreeSet::new(),
            container_prefix: "a-".into(),
            gpus: std::collections::BTreeSet::new(),
            domain: "a.test".into(),
        };
        let mut other = one.clone();
        other.stack_id = "0123456789ac".parse().unwrap();
        other.subnet = "10.200.1.0/26".parse().unwrap();
        let mut register = Register::default();
        register.put(one);
        register.put(other);
        let mut findings = Vec::new();
        overlaps(&register, &mut findings);
        let errors: Vec<_> = findings
            .iter()
            .filter(|f| f.severity == Severity::Error)
            .collect();
        assert_eq!(errors.len(), 1);
        assert!(errors[0].found.contains("users"));
    }
}
