//! One stack: volume, users, ports, subnet, licences, containers.

use aiplat_core::observed::{ContainerState, Observed, ObservedContainer, QuotaFacts};
use aiplat_core::spec::label;
use aiplat_docker::apply::JournalFile;
use aiplat_docker::stack::{Opened, disk};

use super::{Finding, host};
use crate::session::Session;
use crate::words::bytes;

pub(super) fn look(
    session: &Session,
    opened: &Opened,
    observed: &Observed,
    findings: &mut Vec<Finding>,
) {
    let volume = &opened.volume;
    let dir = volume.path.display().to_string();
    if !volume.facts.mount_point {
        findings.push(Finding::warning(
            "volume",
            format!(
                "`{dir}` is not a mount point of its own: full there is full for the whole host"
            ),
            "mount a volume there",
        ));
    }
    findings.push(host::space(
        "disk",
        &format!("in `{dir}`"),
        volume.facts.free_bytes,
    ));
    quota(session, opened, findings);
    host::clock(&volume.path.join("config/stack-id"), findings);
    host::clock(&JournalFile::path_in(&volume.path), findings);
    users(session, opened, findings);
    ports(opened, observed, findings);
    subnet(opened, observed, findings);
    licences(session, opened, findings);
    stand_ins(opened, observed, findings);
}

/// A limit of disk space that is wanted, and whether it holds.
fn quota(session: &Session, opened: &Opened, findings: &mut Vec<Finding>) {
    let Some(wanted) = opened.config.settings.stack_disk.get() else {
        return;
    };
    let finding = match disk(&session.host(), &opened.config) {
        Err(error) => Finding::error(
            "quota",
            error.to_string(),
            error
                .hint()
                .unwrap_or_else(|| "run the command as root".to_owned()),
        ),
        Ok(Some(QuotaFacts {
            refusal: Some(refusal),
            ..
        })) => Finding::error(
            "quota",
            format!("the limit of {wanted} of disk space is not in force: {refusal}"),
            refusal.hint(),
        ),
        Ok(found) => {
            let found = found.unwrap_or_default();
            match found.limit_bytes {
                Some(limit) if found.marked => Finding::ok(
                    "quota",
                    format!(
                        "{} of {} of disk space are used",
                        bytes(found.used_bytes),
                        bytes(limit)
                    ),
                ),
                _ => Finding::error(
                    "quota",
                    format!("the limit of {wanted} of disk space is not in force"),
                    "`aiplat deploy` sets it",
                ),
            }
        }
    };
    findings.push(finding);
}

/// A person with the stack's user can read all of it.
fn users(session: &Session, opened: &Opened, findings: &mut Vec<Finding>) {
    let caller = session.environment.invoking_user.map(|(uid, _)| uid);
    let passwd = fs_err::read_to_string("/etc/passwd").unwrap_or_default();
    let a = &opened.config.allocation;
    for uid in [a.uid, a.openclaw_uid] {
        let person = passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
        });
        if let Some(name) = person.filter(|_| caller != Some(uid)) {
            findings.push(Finding::warning(
                "users",
                format!("user id {uid} is the host's user `{name}`, who can read what the stack's services can"),
                "give the stack a number that no person has",
            ));
        }
    }
}

/// Ports of the stack that somebody else listens on while it does not.
fn ports(opened: &Opened, observed: &Observed, findings: &mut Vec<Finding>) {
    let own = |port: u16| {
        let mut held = observed
            .containers
            .iter()
            .filter(|c| c.belongs_to(&opened.config.id))
            .flat_map(|c| &c.ports);
        held.any(|p| p.host == port)
    };
    let mut taken = false;
    for (key, port) in &opened.config.allocation.ports {
        let address = if key.starts_with("CADDY_") {
            *opened.config.settings.front_door_address.get()
        } else {
            *opened.config.settings.bind_address.get()
        };
        let clash = observed.host.listeners.iter().any(|l| {
            l.port == *port
                && (l.address.is_unspecified() || address.is_unspecified() || l.address == address)
        });
        if clash && !own(*port) {
            taken = true;
            findings.push(Finding::error(
                "ports",
                format!("port {port} (`{key}`) is in use by something else on {address}"),
                format!("free it, or change `{key}` in the manifest"),
            ));
        }
    }
    if !taken {
        findings.push(Finding::ok("ports", "the stack's ports are its own"));
    }
}

/// Other networks and routes that the stack's subnet overlaps with.
fn subnet(opened: &Opened, observed: &Observed, findings: &mut Vec<Finding>) {
    let own = opened.config.allocation.subnet;
    let overlaps = |other: &ipnet::Ipv4Net| own.contains(other) || other.contains(&own);
    let networks = observed
        .networks
        .iter()
        .filter(|n| {
            n.labels.get(label::STACK_ID).map(String::as_str) != Some(opened.config.id.as_str())
        })
        .filter(|n| n.subnets.iter().any(overlaps))
        .map(|n| format!("the engine's network `{}`", n.name));
    // the stack's own bridge has a route of exactly its subnet
    let routes = observed
        .host
        .routes
        .iter()
        .filter(|route| **route != own && overlaps(route))
        .map(|route| format!("the host's route to {route}"));
    let all: Vec<String> = networks.chain(routes).collect();
    if all.is_empty() {
        findings.push(Finding::ok(
            "subnet",
            format!("{own} overlaps with nothing"),
        ));
    }
    for other in all {
        findings.push(Finding::error(
            "subnet",
            format!("{own} overlaps with {other}"),
            "tear the stack down (data stays), take `STACK_SUBNET` out of the manifest, and deploy",
        ));
    }
}

/// Licences that restrict running a service for others.
fn licences(session: &Session, opened: &Opened, findings: &mut Vec<Finding>) {
    for service in opened
        .config
        .selection
        .services()
        .iter()
        .filter_map(|name| session.catalogue.get(name))
    {
        if let Some(words) = &service.licence.multi_tenant {
            let found = format!("{} ({}): {words}", service.name, service.licence.spdx);
            findings.push(Finding::note("licence", found));
        }
    }
}

fn stand_ins(opened: &Opened, observed: &Observed, findings: &mut Vec<Finding>) {
    let names: Vec<&str> = observed
        .containers
        .iter()
        .filter(|c| c.belongs_to(&opened.config.id))
        .filter(|c| observed.image(&c.image).is_some_and(|facts| facts.stand_in))
        .filter_map(|c| c.label(label::SERVICE))
        .collect();
    if !names.is_empty() {
        findings.push(Finding::warning(
            "images",
            format!("stand-ins run, not the real programs: {}", names.join(", ")),
            "take `IMAGE_REGISTRY` out of the manifest where the real images can be pulled",
        ));
    }
}

/// Whether the stack's front door runs: one that does not is a finding of its own.
pub(super) fn has_front_door(opened: &Opened, observed: &Observed) -> bool {
    let running = |c: &ObservedContainer| {
        c.belongs_to(&opened.config.id)
            && c.label(label::SERVICE) == Some("caddy")
            && c.state == ContainerState::Running
    };
    observed.containers.iter().any(running)
}

/// Containers that should run and do not, or that the engine found unhealthy.
pub(super) fn containers(opened: &Opened, all: &[ObservedContainer], findings: &mut Vec<Finding>) {
    let mut well = 0;
    let selected = opened.config.selection.services();
    for service in selected {
        let name = opened.config.container(service);
        let found = all
            .iter()
            .find(|c| c.name == name.as_str() && c.belongs_to(&opened.config.id));
        let problem = match found {
            None => Some("has no container".to_owned()),
            Some(c) if c.state != ContainerState::Running => {
                Some(format!("does not run: {}", c.status))
            }
            Some(c) if c.status.contains("(unhealthy)") => {
                Some("is unhealthy by the engine's check".to_owned())
            }
            Some(_) => None,
        };
        match problem {
            None => well += 1,
            Some(words) => findings.push(Finding::error(
                "services",
                format!("{service} {words}"),
                format!("`aiplat logs {service}` shows why; `aiplat deploy` brings it up"),
            )),
        }
    }
    if well == selected.len() {
        findings.push(Finding::ok("services", format!("all {well} run")));
    }
}
