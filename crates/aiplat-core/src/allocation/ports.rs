//! Host ports: what is given holds or fails; the rest moves as a block.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::{AllocationProblem, Register, Request};
use crate::observed::{ContainerState, Observed};
use crate::spec::IpProtocol;

/// How a port moves when its preference is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PortRole {
    /// With the block of all service ports.
    Service,
    /// The front door's port for HTTP: 80, then 8080 and on.
    FrontDoorHttp,
    /// The front door's port for HTTPS: 443, then 8443 and on.
    FrontDoorHttps,
}

/// One port asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortRequest {
    /// Manifest key.
    pub key: String,
    /// How it moves.
    pub role: PortRole,
    /// Preferred port.
    pub preferred: u16,
    /// Given port, which does not move.
    pub given: Option<u16>,
    /// Host address it binds to.
    pub address: Ipv4Addr,
}

/// By how much a block of service ports is shifted at a time.
const SHIFT: u16 = 100;

pub(super) fn allocate(
    request: &Request,
    observed: &Observed,
    register: &Register,
) -> Result<BTreeMap<String, u16>, Vec<AllocationProblem>> {
    let taken = Taken::new(request, observed, register);
    let mut chosen: Vec<(&PortRequest, u16)> = Vec::new();
    let mut problems = Vec::new();
    for wanted in &request.ports {
        let Some(port) = wanted.given else { continue };
        if let Some((other, _)) = chosen
            .iter()
            .find(|(c, p)| *p == port && meet(c.address.into(), wanted.address.into()))
        {
            problems.push(AllocationProblem::PortTwice {
                key: wanted.key.clone(),
                other: other.key.clone(),
                port,
            });
        }
        if let Some(holder) = taken.holder(wanted.address, port) {
            problems.push(AllocationProblem::PortInUse {
                key: wanted.key.clone(),
                port,
                address: wanted.address,
                holder,
            });
        }
        chosen.push((wanted, port));
    }
    let given = chosen.clone();
    let free = |wanted: &PortRequest, port: u16| {
        taken.holder(wanted.address, port).is_none()
            && !given
                .iter()
                .any(|(c, p)| *p == port && meet(c.address.into(), wanted.address.into()))
    };
    for group in [
        &[PortRole::Service][..],
        &[PortRole::FrontDoorHttp, PortRole::FrontDoorHttps],
    ] {
        let moving: Vec<_> = request
            .ports
            .iter()
            .filter(|p| p.given.is_none() && group.contains(&p.role))
            .collect();
        match block(&moving, &free) {
            Ok(ports) => chosen.extend(ports),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(chosen
            .into_iter()
            .map(|(wanted, port)| (wanted.key.clone(), port))
            .collect())
    } else {
        Err(problems)
    }
}

/// The first shift at which all ports of a group are free.
fn block<'a>(
    moving: &[&'a PortRequest],
    free: &impl Fn(&PortRequest, u16) -> bool,
) -> Result<Vec<(&'a PortRequest, u16)>, AllocationProblem> {
    let mut tried = 0;
    for step in 0..=(u16::MAX / SHIFT) {
        let Some(ports) = moving
            .iter()
            .map(|p| candidate(p, step).map(|c| (*p, c)))
            .collect()
        else {
            break;
        };
        let ports: Vec<(&PortRequest, u16)> = ports;
        tried += 1;
        if ports.iter().all(|(wanted, port)| free(wanted, *port)) {
            return Ok(ports);
        }
    }
    let lowest = moving.iter().map(|p| p.preferred).min().unwrap_or_default();
    Err(AllocationProblem::PortsExhausted {
        wanted: moving.len(),
        tried,
        from: lowest,
        to: u16::MAX,
    })
}

/// The port at a shift: the front door's ports are privileged at shift 0 only.
fn candidate(wanted: &PortRequest, step: u16) -> Option<u16> {
    let base = match (wanted.role, step) {
        (_, 0) | (PortRole::Service, _) => wanted.preferred,
        (PortRole::FrontDoorHttp, _) => 8080 - SHIFT,
        (PortRole::FrontDoorHttps, _) => 8443 - SHIFT,
    };
    base.checked_add(step.checked_mul(SHIFT)?)
}

/// Whether a port at one address is in the way of the same port at another.
fn meet(a: IpAddr, b: IpAddr) -> bool {
    a == b || a.is_unspecified() || b.is_unspecified()
}

/// Who holds which port.
struct Taken(Vec<(IpAddr, u16, String)>);

impl Taken {
    fn new(request: &Request, observed: &Observed, register: &Register) -> Self {
        let (ours, theirs): (Vec<_>, Vec<_>) = observed
            .containers
            .iter()
            .partition(|c| c.belongs_to(&request.stack_id));
        let mut own: Vec<_> = ours
            .iter()
            .flat_map(|c| c.ports.iter().map(|p| (p.address, p.host)))
            .collect();
        // while the engine starts a container, for a run that was killed meanwhile, it listens before it says so
        let starts = |s| matches!(s, ContainerState::Created | ContainerState::Restarting);
        if ours.iter().any(|c| starts(c.state)) {
            let reserved = register.get(&request.stack_id);
            let reserved = reserved.iter().flat_map(|r| &r.ports);
            own.extend(reserved.map(|p| (p.address.into(), p.port)));
        }
        let mut taken = Vec::new();
        for other in register
            .stacks
            .iter()
            .filter(|r| r.stack_id != request.stack_id)
        {
            for port in &other.ports {
                taken.push((
                    port.address.into(),
                    port.port,
                    format!("stack `{}`", other.stack),
                ));
            }
        }
        for container in theirs {
            for port in container
                .ports
                .iter()
                .filter(|p| p.protocol == IpProtocol::Tcp)
            {
                taken.push((
                    port.address,
                    port.host,
                    format!("container `{}`", container.name),
                ));
            }
        }
        for listener in observed
            .host
            .listeners
            .iter()
            .filter(|l| l.protocol == IpProtocol::Tcp)
        {
            if !own.contains(&(listener.address, listener.port)) {
                taken.push((
                    listener.address,
                    listener.port,
                    "another program".to_owned(),
                ));
            }
        }
        Self(taken)
    }

    fn holder(&self, address: Ipv4Addr, port: u16) -> Option<String> {
        self.0
            .iter()
            .find(|(held, p, _)| *p == port && meet(*held, address.into()))
            .map(|(_, _, holder)| holder.clone())
    }
}
