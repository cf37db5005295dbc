//! Packets and names: every container towards every container of every other stack, the gateways, the host, and what
//! the host publishes. A listener of ours stands in the place of every container and on the host for as long as the
//! proof lasts, so that a way that is open is seen whatever the service behind it does.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use aiplat_core::spec::{IpProtocol, Probe};
use futures_util::future::join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinHandle;

use super::batch::{Batch, Judge};
use super::host_addresses::HostAddresses;
use super::{Standing, inet6};
use crate::proof::prober::{Attempt, Got};
use crate::proof::{Cell, Layer, Member, Scene, Stack};

/// Where clouds keep what an instance may know, keys included.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// Patience with what must come, milliseconds.
const LONG: u64 = 10_000;

pub(super) async fn cells(scene: &Scene<'_>, standing: &Standing) -> Vec<Cell> {
    let host = match HostListener::open(&scene.run).await {
        Ok(listener) => listener,
        Err(error) => {
            let cell = Cell::new(
                Layer::Network,
                "everything",
                "host",
                "a listener of ours on the host",
            );
            return vec![cell.not_tried(error.to_string())];
        }
    };
    let members = scene.stacks.iter().flat_map(|s| &s.members);
    inet6::settled(&scene.bed.host.proc, members.map(|m| m.pid)).await;
    let alive = controls(scene, standing).await;
    let mut work = Vec::new();
    for (index, stack) in scene.stacks.iter().enumerate() {
        for member in &stack.members {
            let mut cells = Cells::new(scene, stack, member);
            for (other_index, other) in scene.stacks.iter().enumerate() {
                if other_index != index {
                    cells.others(standing, other, &alive);
                    cells.published(other);
                    cells.names(other);
                }
            }
            cells.host(&host);
            cells.metadata();
            cells.dependencies();
            work.push((member, cells.batch));
        }
    }
    let tried = work
        .into_iter()
        .map(|(member, batch)| batch.run(standing, member));
    let mut found: Vec<Cell> = join_all(tried).await.into_iter().flatten().collect();
    found.extend(attached(scene).await);
    found
}

/// The containers whose listener answers the host itself: a silent one would prove nothing.
async fn controls(scene: &Scene<'_>, standing: &Standing) -> BTreeSet<String> {
    let members = scene.stacks.iter().flat_map(|s| &s.members);
    let asked = members.map(|member| async move {
        let port = standing.listener(member)?.tcp;
        let address = member.addresses.iter().find(|a| a.is_ipv4())?;
        let connect = TcpStream::connect((*address, port));
        let within = std::time::Duration::from_millis(LONG);
        let answers = tokio::time::timeout(within, connect)
            .await
            .is_ok_and(|c| c.is_ok());
        answers.then(|| member.detail.id.clone())
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// The cells of one container, with what has to be tried for each.
struct Cells<'a> {
    scene: &'a Scene<'a>,
    stack: &'a Stack,
    member: &'a Member,
    patience: u64,
    batch: Batch,
}

impl<'a> Cells<'a> {
    fn new(scene: &'a Scene<'a>, stack: &'a Stack, member: &'a Member) -> Self {
        let patience = u64::try_from(scene.options.patience.as_millis()).unwrap_or(300);
        Self {
            scene,
            stack,
            member,
            patience,
            batch: Batch::default(),
        }
    }

    fn cell(&self, to: impl Into<String>, tried: impl Into<String>) -> Cell {
        Cell::new(Layer::Network, &self.member.label, to, tried)
    }

    /// Nothing of all this may get through.
    fn closed(&mut self, cell: Cell, targets: Vec<(SocketAddr, IpProtocol)>) {
        self.closed_while(cell, targets, None);
    }

    /// The same of addresses of the host.
    fn closed_host(&mut self, cell: Cell, targets: Vec<(SocketAddr, IpProtocol)>) {
        self.closed_while(cell, targets, HostAddresses::now());
    }

    fn closed_while(
        &mut self,
        cell: Cell,
        targets: Vec<(SocketAddr, IpProtocol)>,
        held: Option<HostAddresses>,
    ) {
        let attempts: Vec<Attempt> = targets
            .iter()
            .map(|(to, protocol)| match protocol {
                IpProtocol::Tcp => Attempt::Connect {
                    to: *to,
                    within: self.patience,
                },
                IpProtocol::Udp => Attempt::Datagram {
                    to: *to,
                    within: self.patience,
                },
            })
            .collect();
        let judge: Judge = Box::new(move |cell, seen| {
            let still = held.as_ref().map(HostAddresses::still);
            let counts = |to: &SocketAddr| still.as_ref().is_none_or(|still| still.has(to));
            let open: Vec<String> = targets
                .iter()
                .zip(seen)
                .filter(|((to, _), seen)| seen.through() && counts(to))
                .map(|((to, protocol), seen)| {
                    format!("{} {to} answers {:?}", word(*protocol), short(&seen.text))
                })
                .collect();
            let silent = seen.iter().filter(|s| s.got == Got::Silent).count();
            let words = format!("{} of {} silent, none through", silent, seen.len());
            cell.decided(&open, words)
        });
        self.batch
            .push(cell.expect("nothing gets through"), attempts, judge);
    }

    fn others(&mut self, standing: &Standing, other: &Stack, alive: &BTreeSet<String>) {
        for target in &other.members {
            let cell = self.cell(
                &target.label,
                "its ports and a listener of ours beside them, TCP and UDP",
            );
            let listener = standing
                .listener(target)
                .filter(|_| alive.contains(&target.detail.id));
            let Some(listener) = listener else {
                let reason = "a listener in its place does not even answer the host";
                self.batch.settled(cell.not_tried(reason));
                continue;
            };
            let mut targets = Vec::new();
            for address in &target.addresses {
                targets.extend(
                    target
                        .ports
                        .iter()
                        .map(|(port, p)| ((*address, *port).into(), *p)),
                );
                targets.push(((*address, listener.tcp).into(), IpProtocol::Tcp));
                targets.push(((*address, listener.udp).into(), IpProtocol::Udp));
            }
            let addresses: Vec<String> = target.addresses.iter().map(ToString::to_string).collect();
            let planted = format!(
                "{}; ours on tcp {} and udp {}",
                addresses.join(" "),
                listener.tcp,
                listener.udp
            );
            self.closed(cell.evidence(planted), targets);
        }
    }

    /// What another stack publishes on the host, by every address of the host.
    fn published(&mut self, other: &Stack) {
        let mut targets = Vec::new();
        for member in &other.members {
            for port in self
                .scene
                .observed
                .containers
                .iter()
                .filter(|c| c.id == member.detail.id)
            {
                for published in &port.ports {
                    for to in self.host_at(published.host) {
                        targets.push((to, published.protocol));
                    }
                }
            }
        }
        targets.sort_by_key(|(to, p)| (*to, *p));
        targets.dedup();
        let tried = format!(
            "its host ports at every address of the host, {} in all",
            targets.len()
        );
        let cell = self.cell(&other.name, tried);
        self.closed_host(cell, targets);
    }

    /// Every address of the host that is not loopback, at a port: inside a container, loopback is the container's own.
    fn host_at(&self, port: u16) -> Vec<SocketAddr> {
        let addresses = &self.scene.observed.host.addresses;
        let all = addresses.iter().map(ipnet::Ipv4Net::addr);
        // the newer ones first: of many ways that are open only the first few are shown
        let mut found = inet6::host_at(&self.scene.bed.host.proc, self.member.pid, port);
        found.extend(
            all.filter(|a| !a.is_loopback())
                .map(|a| SocketAddr::from((a, port))),
        );
        found
    }

    fn host(&mut self, listener: &HostListener) {
        let mut targets = Vec::new();
        for to in self.host_at(listener.tcp) {
            targets.push((to, IpProtocol::Tcp));
        }
        for to in self.host_at(listener.udp) {
            targets.push((to, IpProtocol::Udp));
        }
        let tried = format!(
            "a listener of ours on every address of the host, by {} of them, gateways included, TCP and UDP",
            targets.len() / 2
        );
        let evidence = format!(
            "tcp {} and udp {} on every address of both protocols",
            listener.tcp, listener.udp
        );
        let cell = self.cell("host", tried).evidence(evidence);
        self.closed_host(cell, targets);
        self.loopback(listener);
    }

    /// Loopback is the container's own, by either protocol: what answers there with our listener's words is the host.
    fn loopback(&mut self, listener: &HostListener) {
        let targets = [
            SocketAddr::from((Ipv4Addr::LOCALHOST, listener.tcp)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, listener.tcp)),
        ];
        let attempts = targets
            .iter()
            .map(|to| Attempt::Connect {
                to: *to,
                within: self.patience,
            })
            .collect();
        let words = listener.words.clone();
        let judge: Judge = Box::new(move |cell, seen| {
            let host = targets
                .iter()
                .zip(seen)
                .filter(|(_, s)| s.through() && s.text.starts_with(&words));
            let open: Vec<String> = host.map(|(to, _)| format!("{to} is the host's")).collect();
            cell.decided(&open, "its own")
        });
        let cell = self
            .cell("host", "its own loopback, 127.0.0.1 and [::1]")
            .expect("not the host's")
            .evidence(format!("a listener of ours on tcp {}", listener.tcp));
        self.batch.push(cell, attempts, judge);
    }

    fn metadata(&mut self) {
        let to = SocketAddr::from((METADATA, 80));
        let cell = self.cell("host", format!("the metadata address {to}"));
        self.closed(cell, vec![(to, IpProtocol::Tcp)]);
    }

    /// Names of another stack must lead nowhere, and those that both have only to one's own.
    fn names(&mut self, other: &Stack) {
        let own = self.stack.desired.network.subnet;
        let mut names = BTreeSet::new();
        for service in &other.desired.services {
            names.insert(service.container.name.to_string());
            names.insert(service.name.to_string());
            names.insert(format!("{}.{}", service.name, other.name));
        }
        names.extend(other.members.iter().map(|m| m.detail.name.clone()));
        let names: Vec<String> = names.into_iter().collect();
        let attempts = names
            .iter()
            .map(|name| Attempt::Resolve {
                name: name.clone(),
                within: self.patience.max(500),
            })
            .collect();
        let count = names.len();
        let judge: Judge = Box::new(move |cell, seen| {
            let mut wrong = Vec::new();
            for (name, seen) in names.iter().zip(seen) {
                let foreign = |a: &&IpAddr| !matches!(a, IpAddr::V4(a) if own.contains(a));
                wrong.extend(
                    seen.addresses
                        .iter()
                        .filter(foreign)
                        .map(|a| format!("`{name}` leads to {a}")),
                );
            }
            let own = seen.iter().filter(|s| s.through()).count();
            cell.decided(
                &wrong,
                format!("{own} lead to its own stack, the others nowhere"),
            )
        });
        let cell = self.cell(&other.name, format!("its {count} names"));
        self.batch.push(
            cell.expect("nowhere, or to one's own stack"),
            attempts,
            judge,
        );
    }

    /// What the service needs of its own stack must be there, by name: an isolation that breaks a stack fails too.
    fn dependencies(&mut self) {
        let Some(wanted) = self.stack.desired.service(&self.member.service) else {
            return;
        };
        for needed in &wanted.after {
            let Some(target) = self.stack.member_of(needed.as_str()) else {
                continue;
            };
            let gate = self.stack.desired.service(needed).map(|s| &s.gate.probe);
            let port = match gate {
                Some(
                    Probe::Http { port, .. }
                    | Probe::Postgres { port, .. }
                    | Probe::Redis { port, .. }
                    | Probe::Tcp { port },
                ) => *port,
                _ => continue,
            };
            let Some(address) = self.stack.own_address(target) else {
                continue;
            };
            let cell = self
                .cell(
                    &target.label,
                    format!("what it needs: `{needed}` on port {port}"),
                )
                .expect("reached, by name")
                .evidence(format!("{address}:{port}"));
            let attempts = vec![
                Attempt::Resolve {
                    name: needed.to_string(),
                    within: LONG,
                },
                Attempt::Connect {
                    to: (address, port).into(),
                    within: LONG,
                },
            ];
            let judge: Judge = Box::new(move |cell, seen| {
                let mut wrong = Vec::new();
                if !seen[0].addresses.contains(&IpAddr::V4(address)) {
                    wrong.push(format!("the name leads to {:?}", seen[0].text));
                }
                if !seen[1].through() {
                    wrong.push(format!("the port does not answer: {}", seen[1].text));
                }
                cell.decided(&wrong, "reached")
            });
            self.batch.push(cell, attempts, judge);
        }
    }
}

fn word(protocol: IpProtocol) -> &'static str {
    match protocol {
        IpProtocol::Tcp => "tcp",
        IpProtocol::Udp => "udp",
    }
}

/// What something unknown says may be anything.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

/// Nobody but the stack's own containers is attached to its network, and they are to no other.
async fn attached(scene: &Scene<'_>) -> Vec<Cell> {
    use aiplat_docker::engine::Engine;
    let mut cells = Vec::new();
    for stack in &scene.stacks {
        let network = &stack.desired.network.name;
        let cell = Cell::new(
            Layer::Network,
            "everybody",
            &stack.name,
            "who is attached to its network",
        )
        .expect("its own containers")
        .evidence(format!("inspection of network `{network}`"));
        cells.push(match scene.bed.engine.network_inspect(network).await {
            Err(error) => cell.not_tried(error.to_string()),
            Ok(found) => {
                let own = |name: &str| {
                    stack
                        .members
                        .iter()
                        .any(|m| m.planned && m.detail.name == name)
                };
                let strange: Vec<String> = found
                    .attached
                    .iter()
                    .filter(|n| !own(n))
                    .map(|n| format!("`{n}` is attached too"))
                    .collect();
                cell.decided(&strange, format!("{} containers", found.attached.len()))
            }
        });
        for member in &stack.members {
            let foreign: Vec<String> = member
                .detail
                .addresses
                .keys()
                .filter(|n| *n != network)
                .map(|n| format!("it is attached to `{n}` too"))
                .collect();
            let cell = Cell::new(
                Layer::Network,
                &member.label,
                "host",
                "the networks it is attached to",
            )
            .expect(format!("`{network}` at most"))
            .evidence(format!("inspection of {}", member.detail.name));
            cells.push(cell.decided(&foreign, "no other"));
        }
    }
    cells
}

/// A listener on every address of the host, which stands for whatever an operator runs there.
struct HostListener {
    tcp: u16,
    udp: u16,
    words: String,
    tasks: [JoinHandle<()>; 2],
}

impl HostListener {
    async fn open(run: &str) -> std::io::Result<Self> {
        // both protocols at once, where the host has the newer one
        let (six, four) = ((Ipv6Addr::UNSPECIFIED, 0), (Ipv4Addr::UNSPECIFIED, 0));
        let tcp = match TcpListener::bind(six).await {
            Ok(socket) => socket,
            Err(_) => TcpListener::bind(four).await?,
        };
        let udp = match UdpSocket::bind(six).await {
            Ok(socket) => socket,
            Err(_) => UdpSocket::bind(four).await?,
        };
        let ports = (tcp.local_addr()?.port(), udp.local_addr()?.port());
        let words = format!("aiplat:host:{run}");
        let (said, other) = (words.clone(), words.clone());
        let answer = tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                let _ = stream.write_all(words.as_bytes()).await;
            }
        });
        let echo = tokio::spawn(async move {
            let mut buffer = [0; 64];
            while let Ok((_, from)) = udp.recv_from(&mut buffer).await {
                let _ = udp.send_to(other.as_bytes(), from).await;
            }
        });
        Ok(Self {
            tcp: ports.0,
            udp: ports.1,
            words: said,
            tasks: [answer, echo],
        })
    }
}

impl Drop for HostListener {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
