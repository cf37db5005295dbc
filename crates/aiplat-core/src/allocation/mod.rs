//! Ports, subnets and users: a preference is derived, checked against everything that is in use, and reserved.
//!
//! Pure: what is in use is handed in, so the same input always gives the same answer. Whoever calls this holds the
//! host-wide lock from before it looked until the answer is in the register; two deploys at one moment cannot clash.

mod gpus;
mod ports;
mod problem;
mod register;
mod subnet;
mod users;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;

pub use ports::{PortRequest, PortRole};
pub use problem::AllocationProblem;
pub use register::{Register, Reservation, ReservedPort};
pub use subnet::{POOLS, SUBNET_PREFIX};

use crate::names::{StackId, StackName};
use crate::observed::Observed;
use crate::spec::IpProtocol;

/// Where, below a stack's directory, a backup of it is tried out: the one place in which another stack may lie, so that it
/// is on the same volume.
pub const SCRATCH: &str = "backups/.verify";

/// A value that was given, or one that is only preferred and may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<T> {
    /// Given by somebody: it holds or the allocation fails.
    Given(T),
    /// Preferred: another is taken where it is in use.
    Preferred(T),
    /// No preference.
    Any,
}

/// What a stack asks of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The stack's name.
    pub stack: StackName,
    /// Its identity, drawn before.
    pub stack_id: StackId,
    /// Its directory.
    pub base_dir: PathBuf,
    /// Its domain.
    pub domain: String,
    /// The prefix of its containers.
    pub container_prefix: String,
    /// Its subnet.
    pub subnet: Wanted<Ipv4Net>,
    /// The user of its services.
    pub uid: Wanted<u32>,
    /// Their group.
    pub gid: Wanted<u32>,
    /// Openclaw's user; without a preference it is the stack's plus 1000.
    pub openclaw_uid: Wanted<u32>,
    /// Openclaw's group; without a preference it is the stack's plus 1000.
    pub openclaw_gid: Wanted<u32>,
    /// The ports it publishes.
    pub ports: Vec<PortRequest>,
    /// The graphics processors it wants for itself.
    pub gpus: BTreeSet<u32>,
}

/// What a stack gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocation {
    /// Subnet.
    pub subnet: Ipv4Net,
    /// User of the services.
    pub uid: u32,
    /// Their group.
    pub gid: u32,
    /// Openclaw's user.
    pub openclaw_uid: u32,
    /// Openclaw's group.
    pub openclaw_gid: u32,
    /// Host port of each manifest key.
    pub ports: BTreeMap<String, u16>,
    /// Graphics processors that no other stack has.
    pub gpus: BTreeSet<u32>,
}

/// Decides what a stack gets, or says everything that stands in its way.
///
/// # Errors
/// All collisions and exhaustions at once; nothing is reserved then.
pub fn allocate(
    request: &Request,
    observed: &Observed,
    register: &Register,
) -> Result<Allocation, Vec<AllocationProblem>> {
    let others: Vec<_> = register
        .stacks
        .iter()
        .filter(|r| r.stack_id != request.stack_id)
        .collect();
    let mut problems = identity(request, &others);
    problems.extend(gpus::problems(request, observed.host.gpus, &others));
    let users = users::allocate(request, &others).map_err(|found| problems.extend(found));
    let subnet = subnet::allocate(request, observed, &others).map_err(|found| problems.push(found));
    let ports =
        ports::allocate(request, observed, register).map_err(|found| problems.extend(found));
    match (users, subnet, ports) {
        (Ok(users), Ok(subnet), Ok(ports)) if problems.is_empty() => Ok(Allocation {
            subnet,
            uid: users.uid,
            gid: users.gid,
            openclaw_uid: users.openclaw_uid,
            openclaw_gid: users.openclaw_gid,
            ports,
            gpus: request.gpus.clone(),
        }),
        _ => Err(problems),
    }
}

/// Collisions of names: what identifies a stack is never moved, only refused.
fn identity(request: &Request, others: &[&Reservation]) -> Vec<AllocationProblem> {
    let mut problems = Vec::new();
    let mut refuse = |key: &'static str, holder: &Reservation| {
        problems.push(AllocationProblem::Taken {
            key: key.to_owned(),
            what: if key == "BASE_DIR" {
                "directory, or what lies in it,"
            } else {
                "name"
            },
            holder: holder.stack.to_string(),
        });
    };
    for other in others {
        if other.stack == request.stack {
            refuse("DOCKER_NETWORK", other);
        }
        if other.container_prefix == request.container_prefix {
            refuse("CONTAINER_PREFIX", other);
        }
        if other.domain == request.domain {
            refuse("DOMAIN_NAME", other);
        }
        if !apart(&request.base_dir, &other.base_dir) {
            refuse("BASE_DIR", other);
        }
    }
    problems
}

/// Whether two stacks can have these directories: neither is in the other, but for the place where backups are tried out.
pub fn apart(one: &Path, other: &Path) -> bool {
    let within = |inner: &Path, outer: &Path| {
        inner.starts_with(outer) && !inner.starts_with(outer.join(SCRATCH))
    };
    !within(one, other) && !within(other, one)
}

impl Allocation {
    /// The register's entry for it.
    pub fn reservation(&self, request: &Request) -> Reservation {
        let addresses: BTreeMap<_, _> = request
            .ports
            .iter()
            .map(|p| (p.key.as_str(), p.address))
            .collect();
        Reservation {
            stack: request.stack.clone(),
            stack_id: request.stack_id.clone(),
            base_dir: request.base_dir.clone(),
            subnet: self.subnet,
            uids: BTreeSet::from([self.uid, self.openclaw_uid]),
            gids: BTreeSet::from([self.gid, self.openclaw_gid]),
            ports: self
                .ports
                .iter()
                .map(|(key, port)| ReservedPort {
                    address: addresses
                        .get(key.as_str())
                        .copied()
                        .unwrap_or(Ipv4Addr::UNSPECIFIED),
                    port: *port,
                    protocol: IpProtocol::Tcp,
                })
                .collect(),
            gpus: self.gpus.clone(),
            container_prefix: request.container_prefix.clone(),
            domain: request.domain.clone(),
        }
    }
}
