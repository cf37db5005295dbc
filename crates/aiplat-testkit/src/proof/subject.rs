//! The stacks under proof: what their plans say, and what runs in their name.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::StackConfig;
use aiplat_core::desired::{Desired, desired};
use aiplat_core::names::ServiceName;
use aiplat_core::observed::{ContainerState, Observed};
use aiplat_core::spec::{ContainerSpec, IpProtocol, NetworkMode, label};
use aiplat_docker::engine::{ContainerDetail, Engine};
use aiplat_docker::host::{Host, HostError};
use futures_util::future::try_join_all;

use super::layers::inet6;
use super::{Bed, ProofError, RawError};

/// One container that runs in a stack's name.
#[derive(Debug, Clone)]
pub struct Member {
    /// `stack/service`; an unplanned one carries its container's name after that.
    pub label: String,
    /// The service it says it runs.
    pub service: ServiceName,
    /// Whether it is the planned container of that service.
    pub planned: bool,
    /// What the plan says of that service.
    pub spec: ContainerSpec,
    /// The engine's account of it.
    pub detail: ContainerDetail,
    /// The engine's account of it, whole.
    pub inspect: String,
    /// The first process.
    pub pid: u32,
    /// Its processes, as the host numbers them.
    pub processes: Vec<u32>,
    /// Every address it has, in whatever network.
    pub addresses: Vec<IpAddr>,
    /// Ports that its service listens on, by the catalogue.
    pub ports: Vec<(u16, IpProtocol)>,
    /// Ports that it may listen on besides, by the catalogue.
    pub listens: Vec<(u16, IpProtocol)>,
}

/// One stack under proof.
#[derive(Debug)]
pub struct Stack {
    /// Its name.
    pub name: String,
    /// What its manifest says.
    pub config: StackConfig,
    /// The services that it knows: the built-in ones and its own service files.
    pub catalogue: Catalogue,
    /// What that comes to on this host.
    pub desired: Desired,
    /// What runs.
    pub members: Vec<Member>,
    /// Planned services that do not run.
    pub missing: Vec<ServiceName>,
    /// Containers that say they belong to it, and run no service that is planned.
    pub strangers: Vec<String>,
}

impl Stack {
    /// Looks at what runs in a stack's name.
    pub(super) async fn look(
        bed: &Bed<'_>,
        config: StackConfig,
        observed: &Observed,
    ) -> Result<Self, ProofError> {
        // a stack's own service files are nobody else's
        let catalogue = aiplat_docker::stack::catalogue(config.base_dir())
            .map_err(|e| ProofError::Plan(vec![e.to_string()]))?;
        let desired = desired(&config, &catalogue, &observed.engine).map_err(|problems| {
            ProofError::Plan(problems.iter().map(ToString::to_string).collect())
        })?;
        let mut stack = Self {
            name: config.name().to_string(),
            config,
            catalogue,
            desired,
            members: Vec::new(),
            missing: Vec::new(),
            strangers: Vec::new(),
        };
        let own = observed.containers.iter().filter(|c| {
            c.belongs_to(&stack.config.id)
                && c.state == ContainerState::Running
                && c.label(label::PURPOSE).is_none()
        });
        let mut found = Vec::new();
        for container in own {
            let service = container
                .label(label::SERVICE)
                .and_then(|s| s.parse::<ServiceName>().ok());
            match service.filter(|s| stack.desired.service(s).is_some()) {
                Some(service) => found.push((service, container.id.clone())),
                None => stack.strangers.push(container.name.clone()),
            }
        }
        let members = found
            .into_iter()
            .map(|(service, id)| stack.member(bed, service, id));
        let mut members: Vec<Member> = try_join_all(members).await?.into_iter().flatten().collect();
        members.sort_by(|a, b| a.label.cmp(&b.label));
        let runs = |s: &ServiceName| members.iter().any(|m| m.planned && m.service == *s);
        stack.missing = stack
            .desired
            .services
            .iter()
            .map(|s| &s.name)
            .filter(|s| !runs(s))
            .cloned()
            .collect();
        stack.members = members;
        stack.addresses_of_guests();
        Ok(stack)
    }

    /// One member; nothing of a container that ended meanwhile.
    async fn member(
        &self,
        bed: &Bed<'_>,
        service: ServiceName,
        id: String,
    ) -> Result<Option<Member>, ProofError> {
        let detail = match bed.engine.container_inspect(&id).await {
            Ok(detail) => detail,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let inspect = match bed.raw.get(&format!("/containers/{id}/json")).await {
            Ok(inspect) => inspect,
            Err(RawError::Status { status: 404, .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(pid) = detail.pid else {
            return Ok(None);
        };
        let processes = match bed.host.processes_of_container(pid) {
            Ok(processes) => processes,
            Err(HostError::NoProcess { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(wanted) = self.desired.service(&service) else {
            return Ok(None);
        };
        let planned = detail.name == wanted.container.name.as_str();
        let mut addresses: Vec<IpAddr> =
            detail.addresses.values().map(|a| IpAddr::V4(*a)).collect();
        // what is of one link alone leads nowhere from another network
        let six = inet6::of(&bed.host.proc, &pid.to_string());
        addresses.extend(
            six.iter()
                .filter(|e| e.global())
                .map(|e| IpAddr::V6(e.address)),
        );
        let known = self.catalogue.get(&service);
        let ports = known.into_iter().flat_map(|s| &s.ports);
        let listens = known.into_iter().flat_map(|s| &s.listens);
        Ok(Some(Member {
            label: if planned {
                format!("{}/{service}", self.name)
            } else {
                format!("{}/{service} ({})", self.name, detail.name)
            },
            spec: wanted.container.clone(),
            processes,
            ports: ports.map(|p| (p.container, p.protocol)).collect(),
            listens: listens.map(|p| (p.port, p.protocol)).collect(),
            service,
            planned,
            detail,
            inspect,
            pid,
            addresses,
        }))
    }

    /// Those that share another's network have its addresses.
    fn addresses_of_guests(&mut self) {
        let by_service: BTreeMap<ServiceName, Vec<IpAddr>> = self
            .members
            .iter()
            .filter(|m| m.planned)
            .map(|m| (m.service.clone(), m.addresses.clone()))
            .collect();
        for member in &mut self.members {
            if let NetworkMode::Container { service, .. } = &member.spec.network
                && member.addresses.is_empty()
            {
                member.addresses = by_service.get(service).cloned().unwrap_or_default();
            }
        }
    }

    /// The planned member of a service.
    pub fn member_of(&self, service: &str) -> Option<&Member> {
        self.members
            .iter()
            .find(|m| m.planned && m.service.as_str() == service)
    }

    /// The address that a member has on the stack's own network.
    pub fn own_address(&self, member: &Member) -> Option<Ipv4Addr> {
        let subnet = self.desired.network.subnet;
        member.addresses.iter().find_map(|a| match a {
            IpAddr::V4(a) if subnet.contains(a) => Some(*a),
            _ => None,
        })
    }

    /// Every host path of the stack that the plan names, with the service it is for where it is one's own.
    pub fn paths(&self) -> Vec<std::path::PathBuf> {
        let mut paths = vec![self.config.base_dir().to_path_buf()];
        paths.extend(self.desired.paths());
        paths.sort();
        paths.dedup();
        paths
    }
}
