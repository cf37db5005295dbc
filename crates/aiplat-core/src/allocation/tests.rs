use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::observed::{ContainerState, Listener, ObservedContainer, ObservedNetwork};

fn request(name: &str, id: u8) -> Request {
    let ports = (0..12)
        .map(|i| PortRequest {
            key: format!("P{i}"),
            role: PortRole::Service,
            preferred: 5000 + i,
            given: None,
            address: Ipv4Addr::LOCALHOST,
        })
        .chain(
            [
                ("CADDY_HTTP_PORT", PortRole::FrontDoorHttp, 80),
                ("CADDY_HTTPS_PORT", PortRole::FrontDoorHttps, 443),
            ]
            .map(|(key, role, preferred)| PortRequest {
                key: key.to_owned(),
                role,
                preferred,
                given: None,
                address: Ipv4Addr::LOCALHOST,
            }),
        )
        .collect();
    Request {
        stack: name.parse().unwrap(),
        stack_id: StackId::from_bytes([id; 6]),
        base_dir: PathBuf::from(format!("/mnt/{name}")),
        domain: format!("{name}.localhost"),
        container_prefix: format!("{name}-"),
        subnet: Wanted::Any,
        uid: Wanted::Preferred(1000),
        gid: Wanted::Any,
        openclaw_uid: Wanted::Any,
        openclaw_gid: Wanted::Any,
        ports,
        gpus: BTreeSet::new(),
    }
}

/// A host with so many graphics processors.
fn with_gpus(number: u32) -> Observed {
    let mut observed = Observed::default();
    observed.host.gpus = number;
    observed
}

#[test]
fn a_graphics_processor_that_is_taken_or_absent_is_refused_by_name() {
    let (host, mut register) = (with_gpus(2), Register::default());
    let wants = |name: &str, id: u8, gpus: &[u32]| Request {
        gpus: gpus.iter().copied().collect(),
        ..request(name, id)
    };
    let first = wants("a", 1, &[0]);
    let got = allocate(&first, &host, &register).unwrap();
    assert_eq!(got.gpus, [0].into());
    register.put(got.reservation(&first));
    let said: Vec<_> = allocate(&wants("b", 2, &[0, 1, 2]), &host, &register)
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(
        said[0].contains("processor 0 belongs to stack `a`"),
        "{said:?}"
    );
    assert!(said[1].contains("its NVIDIA driver has 2"), "{said:?}");
    // its own it keeps, and others are free
    assert!(allocate(&wants("a", 1, &[0, 1]), &host, &register).is_ok());
    assert!(allocate(&wants("b", 2, &[1]), &host, &register).is_ok());
    register.remove(&first.stack_id);
    assert!(allocate(&wants("b", 2, &[0, 1]), &host, &register).is_ok());
}

proptest! {
    #[test]
    fn no_two_stacks_hold_one_graphics_processor(
        number in 0_u32..6,
        acts in prop::collection::vec((0_u8..5, prop::collection::btree_set(0_u32..7, 0..4), any::<bool>()), 1..40),
    ) {
        let (host, mut register) = (with_gpus(number), Register::default());
        for (stack, gpus, leaves) in acts {
            let wanted = Request { gpus: gpus.clone(), ..request(&format!("s{stack}"), stack + 1) };
            if leaves {
                register.remove(&wanted.stack_id);
                continue;
            }
            let free = gpus.iter().all(|gpu| {
                let held = register.stacks.iter().any(|r| r.stack_id != wanted.stack_id && r.gpus.contains(gpu));
                *gpu < number && !held
            });
            match allocate(&wanted, &host, &register) {
                Ok(got) => {
                    prop_assert!(free);
                    prop_assert_eq!(&got.gpus, &gpus);
                    register.put(got.reservation(&wanted));
                }
                Err(_) => prop_assert!(!free),
            }
            let held: Vec<u32> = register.stacks.iter().flat_map(|r| r.gpus.iter().copied()).collect();
            let once: BTreeSet<u32> = held.iter().copied().collect();
            prop_assert_eq!(held.len(), once.len());
        }
    }
}

#[test]
fn the_first_stack_gets_what_the_documentation_promises() {
    let got = allocate(&request("a", 1), &Observed::default(), &Register::default()).unwrap();
    assert_eq!(
        (got.uid, got.gid, got.openclaw_uid, got.openclaw_gid),
        (1000, 1000, 2000, 2000)
    );
    assert_eq!((got.ports["P0"], got.ports["P11"]), (5000, 5011));
    assert_eq!(
        (got.ports["CADDY_HTTP_PORT"], got.ports["CADDY_HTTPS_PORT"]),
        (80, 443)
    );
}

#[test]
fn a_port_in_use_moves_the_whole_block_when_preferred_and_fails_when_given() {
    let mut observed = Observed::default();
    observed.host.listeners.insert(Listener {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        port: 5003,
        protocol: IpProtocol::Tcp,
    });
    let mut wanted = request("a", 1);
    let got = allocate(&wanted, &observed, &Register::default()).unwrap();
    assert_eq!((got.ports["P0"], got.ports["P3"]), (5100, 5103));
    wanted.ports[3].given = Some(5003);
    let problems = allocate(&wanted, &observed, &Register::default()).unwrap_err();
    assert!(
        matches!(
            &problems[..],
            [AllocationProblem::PortInUse { port: 5003, .. }]
        ),
        "{problems:?}"
    );
}

#[test]
fn a_subnet_that_is_the_hosts_own_lan_is_refused_with_its_name() {
    let mut observed = Observed::default();
    observed
        .host
        .addresses
        .insert("10.99.1.1/24".parse().unwrap());
    let mut wanted = request("a", 1);
    wanted.subnet = Wanted::Given("10.99.1.0/26".parse().unwrap());
    let problems = allocate(&wanted, &observed, &Register::default()).unwrap_err();
    assert!(
        problems[0].to_string().contains("10.99.1.1"),
        "{problems:?}"
    );
}

#[test]
fn exhaustion_is_told_with_numbers() {
    let mut observed = Observed::default();
    for (address, length) in POOLS {
        observed
            .host
            .routes
            .insert(Ipv4Net::new(address, length).unwrap());
    }
    let problems = allocate(&request("a", 1), &observed, &Register::default()).unwrap_err();
    assert!(
        problems[0].to_string().contains("all 2304"),
        "{}",
        problems[0]
    );
}

#[test]
fn a_second_run_of_the_same_stack_keeps_what_it_has_while_it_runs() {
    let mut wanted = request("a", 1);
    let got = allocate(&wanted, &Observed::default(), &Register::default()).unwrap();
    let mut observed = Observed::default();
    observed.networks.push(ObservedNetwork {
        id: "n".to_owned(),
        name: "a".to_owned(),
        driver: "bridge".to_owned(),
        subnets: vec![got.subnet],
        labels: [(
            crate::spec::label::STACK_ID.to_owned(),
            wanted.stack_id.to_string(),
        )]
        .into(),
    });
    observed.host.routes.insert(got.subnet);
    let mut register = Register::default();
    register.put(got.reservation(&wanted));
    wanted.subnet = Wanted::Given(got.subnet);
    wanted.uid = Wanted::Given(got.uid);
    assert_eq!(allocate(&wanted, &observed, &register), Ok(got));
}

#[test]
fn a_container_that_the_engine_is_just_starting_holds_the_stacks_own_ports() {
    let mut wanted = request("a", 1);
    let got = allocate(&wanted, &Observed::default(), &Register::default()).unwrap();
    let mut register = Register::default();
    register.put(got.reservation(&wanted));
    for port in &mut wanted.ports {
        port.given = Some(got.ports[&port.key]);
    }
    // the engine listens already, and does not say yet for which container
    let mut observed = Observed::default();
    observed.host.listeners.insert(Listener {
        address: IpAddr::from([127, 0, 0, 1]),
        port: got.ports["CADDY_HTTPS_PORT"],
        protocol: IpProtocol::Tcp,
    });
    let alone = allocate(&wanted, &observed, &register).unwrap_err();
    assert!(
        matches!(alone.as_slice(), [AllocationProblem::PortInUse { .. }]),
        "{alone:?}"
    );
    observed.containers.push(ObservedContainer {
        id: "c".to_owned(),
        name: "a-caddy".to_owned(),
        labels: [(
            crate::spec::label::STACK_ID.to_owned(),
            wanted.stack_id.to_string(),
        )]
        .into(),
        image: "caddy".to_owned(),
        state: ContainerState::Created,
        status: "Created".to_owned(),
        networks: BTreeMap::new(),
        ports: Vec::new(),
        mounts: None,
        limits: None,
        differs: None,
        created: 0,
    });
    assert_eq!(allocate(&wanted, &observed, &register), Ok(got));
}

/// Makes a request ask for something that the first stack has.
type Spoil = fn(&mut Request, &Allocation);

#[test]
fn each_identity_of_another_stack_is_refused() {
    let mut register = Register::default();
    let first = request("a", 1);
    let got = allocate(&first, &Observed::default(), &register).unwrap();
    register.put(got.reservation(&first));
    let spoil: [(&str, Spoil); 7] = [
        ("DOCKER_NETWORK", |r, _| r.stack = "a".parse().unwrap()),
        ("CONTAINER_PREFIX", |r, _| {
            r.container_prefix = "a-".to_owned()
        }),
        ("DOMAIN_NAME", |r, _| r.domain = "a.localhost".to_owned()),
        ("BASE_DIR", |r, _| r.base_dir = "/mnt/a/inside".into()),
        ("STACK_USER_UID", |r, _| r.uid = Wanted::Given(2000)),
        ("P4", |r, a| r.ports[4].given = Some(a.ports["P4"])),
        ("STACK_SUBNET", |r, a| r.subnet = Wanted::Given(a.subnet)),
    ];
    for (key, spoil) in spoil {
        let mut second = request("b", 2);
        spoil(&mut second, &got);
        let problems = allocate(&second, &Observed::default(), &register).unwrap_err();
        assert_eq!(problems.len(), 1, "{key}: {problems:?}");
        assert!(problems[0].to_string().contains(key), "{key}: {problems:?}");
        assert!(
            problems[0].to_string().contains("stack `a`"),
            "{key}: {problems:?}"
        );
    }
}

#[test]
fn every_user_and_group_that_is_taken_is_told_at_once() {
    let mut register = Register::default();
    let first = request("a", 1);
    let got = allocate(&first, &Observed::default(), &register).unwrap();
    register.put(got.reservation(&first));
    let mut second = request("b", 2);
    second.uid = Wanted::Given(got.uid);
    second.gid = Wanted::Given(got.gid);
    second.openclaw_uid = Wanted::Given(got.openclaw_uid);
    second.openclaw_gid = Wanted::Given(got.openclaw_gid);
    let problems = allocate(&second, &Observed::default(), &register).unwrap_err();
    let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
    for key in [
        "STACK_USER_UID",
        "STACK_USER_GID",
        "OPENCLAW_UID",
        "OPENCLAW_GID",
    ] {
        assert!(words.iter().any(|w| w.contains(key)), "{key}: {words:?}");
    }
}

proptest! {
    /// Any sequence of stacks coming and going, with any preferred users: no two ever share anything.
    #[test]
    fn reservations_never_overlap(moves in prop::collection::vec((0_u8..40, any::<bool>(), 1001_u32..=65534), 1..60)) {
        let mut register = Register::default();
        for (id, leave, uid) in moves {
            let mut wanted = request(&format!("s{id}"), id);
            if leave {
                register.remove(&wanted.stack_id);
                continue;
            }
            wanted.uid = Wanted::Preferred(uid);
            let got = allocate(&wanted, &Observed::default(), &register).unwrap();
            register.put(got.reservation(&wanted));
        }
        for (i, a) in register.stacks.iter().enumerate() {
            for b in &register.stacks[i + 1..] {
                prop_assert!(a.uids.is_disjoint(&b.uids) && a.gids.is_disjoint(&b.gids));
                prop_assert!(a.ports.is_disjoint(&b.ports));
                prop_assert!(!a.subnet.contains(&b.subnet) && !b.subnet.contains(&a.subnet));
            }
            prop_assert_eq!(a.uids.len(), 2);
        }
    }
}

#[test]
fn a_backup_is_tried_out_below_the_stack_and_nothing_else_lies_there() {
    let apart = |one: &str, other: &str| {
        super::apart(std::path::Path::new(one), std::path::Path::new(other))
    };
    assert!(apart("/mnt/data", "/mnt/data2"));
    assert!(apart("/mnt/data/backups/.verify", "/mnt/data"));
    assert!(apart("/mnt/data", "/mnt/data/backups/.verify"));
    for inner in ["/mnt/data", "/mnt/data/backups", "/mnt/data/data/x"] {
        assert!(!apart(inner, "/mnt/data") && !apart("/mnt/data", inner));
    }
}
