//! Plans broken on purpose: the checker finds each, and names the step.

use aiplat_core::allocation::Register;
use aiplat_core::plan::{Plan, Step, check};
use aiplat_core::spec::{
    Bind, ContainerSpec, NetworkMode, Owner, PublishedPort, QuotaSpec, Tmpfs, project,
};
use aiplat_core::text::{FingerprintKey, Text};
use aiplat_testkit::fake::stack::Recipe;
use aiplat_vectordb::StoreKind;

use crate::common::{Case, bare, case, catalogue, everything};

fn spec<'a>(plan: &'a mut Plan, service: &str) -> &'a mut ContainerSpec {
    let id = format!("service/{service}");
    let step = plan.steps.iter_mut().find(|s| s.id == id).unwrap();
    match &mut step.step {
        Step::Container(step) => &mut step.spec,
        _ => panic!("`{id}` makes no container"),
    }
}

fn bind(plan: &mut Plan, source: &str) {
    let target = "/host".to_owned();
    spec(plan, "redis").binds.push(Bind {
        source: source.into(),
        target,
        read_only: true,
    });
}

fn find<'a>(plan: &'a mut Plan, id: &str) -> &'a mut Step {
    &mut plan.steps.iter_mut().find(|s| s.id == id).unwrap().step
}

fn port(address: &str, host: u16) -> PublishedPort {
    PublishedPort {
        address: address.parse().unwrap(),
        host,
        container: 6379,
        protocol: aiplat_core::spec::IpProtocol::Tcp,
    }
}

fn hidden() -> Text {
    Text::secret(
        "<secret:x>",
        "hunter2hunter2".into(),
        &FingerprintKey::new("k".into()),
    )
}

type Breaking = (&'static str, &'static str, fn(&mut Plan));

/// What is broken, a part of what is said about it, and how.
const BROKEN: &[Breaking] = &[
    ("published on every address", "every address", |p| {
        spec(p, "redis").ports.push(port("0.0.0.0", 6379))
    }),
    ("a privileged port on every address", "every address", |p| {
        spec(p, "redis").ports.push(port("0.0.0.0", 80))
    }),
    (
        "published on an address that nobody asked for",
        "nobody asked for",
        |p| {
            spec(p, "redis").ports.push(port("203.0.113.9", 6379));
        },
    ),
    (
        "published on a port that was not reserved",
        "not reserved",
        |p| spec(p, "redis").ports.push(port("127.0.0.1", 6379)),
    ),
    ("no label of the stack", "aiplat.stack`", |p| {
        spec(p, "redis").labels.remove("aiplat.stack");
    }),
    ("no label of the stack's id", "aiplat.stack-id", |p| {
        spec(p, "redis").labels.remove("aiplat.stack-id");
    }),
    ("no label of the directory", "aiplat.base-dir", |p| {
        spec(p, "redis").labels.remove("aiplat.base-dir");
    }),
    ("another stack's id", "aiplat.stack-id", |p| {
        spec(p, "redis")
            .labels
            .insert("aiplat.stack-id".into(), "0123456789ab".into());
    }),
    ("another stack's network", "foreign network", |p| {
        spec(p, "redis").network = NetworkMode::Stack {
            network: "b".into(),
            aliases: vec![],
        };
    }),
    ("the host's network", "foreign network", |p| {
        spec(p, "redis").network = NetworkMode::Stack {
            network: "host".into(),
            aliases: vec![],
        };
    }),
    (
        "another stack's network namespace",
        "foreign network namespace",
        |p| {
            let (service, name) = ("redis".parse().unwrap(), "b-redis".parse().unwrap());
            spec(p, "n8n").network = NetworkMode::Container { service, name };
        },
    ),
    ("ports in a shared namespace", "publishes ports", |p| {
        let (service, name) = ("redis".parse().unwrap(), "a-redis".parse().unwrap());
        spec(p, "n8n").network = NetworkMode::Container { service, name };
    }),
    ("another stack's container name", "another name", |p| {
        spec(p, "redis").name = "b-redis".parse().unwrap();
    }),
    ("a capability", "capability `NET_ADMIN`", |p| {
        spec(p, "redis").capabilities.push("NET_ADMIN".into())
    }),
    ("all capabilities", "capability `ALL`", |p| {
        spec(p, "redis").capabilities.push("ALL".into())
    }),
    ("a forbidden capability", "capability `SYS_ADMIN`", |p| {
        spec(p, "caddy").capabilities.push("SYS_ADMIN".into())
    }),
    ("root", "a user that is not the stack's", |p| {
        spec(p, "redis").user = Owner { uid: 0, gid: 0 }
    }),
    ("root's group", "a group that is not the stack's", |p| {
        spec(p, "redis").user.gid = 0
    }),
    ("a further group", "group", |p| {
        spec(p, "redis").groups.push(999)
    }),
    (
        "another stack's user",
        "a user that is not the stack's",
        |p| {
            spec(p, "redis").user = Owner {
                uid: 4000,
                gid: 4000,
            }
        },
    ),
    ("a writable root", "writable root", |p| {
        spec(p, "redis").read_only = false
    }),
    ("programs from memory", "programs may run", |p| {
        spec(p, "redis").tmpfs.push(Tmpfs {
            target: "/x".into(),
            bytes: 1,
            exec: true,
            mode: 0o700,
            owner: Owner {
                uid: 1000,
                gid: 1000,
            },
        });
    }),
    ("no limit of processes", "no limit of processes", |p| {
        spec(p, "redis").limits.pids = 0
    }),
    (
        "more than the whole stack has",
        "above that of the whole",
        |p| spec(p, "redis").limits.memory_bytes = Some(65 << 30),
    ),
    ("no profile", "no AppArmor profile", |p| {
        spec(p, "redis").apparmor = None
    }),
    (
        "another stack's profile",
        "another stack's AppArmor profile",
        |p| {
            spec(p, "redis").apparmor = Some("aiplat-b.redis".into());
        },
    ),
    ("unconfined", "AppArmor profile", |p| {
        spec(p, "redis").apparmor = Some("unconfined".into())
    }),
    ("another cgroup", "cgroup", |p| {
        spec(p, "redis").cgroup_parent = Some("/aiplat-0123456789ab".into())
    }),
    (
        "another stack's limit of disk space",
        "another stack's project",
        |p| {
            *find(p, "network") = Step::Quota(QuotaSpec {
                base_dir: "/mnt/a".into(),
                project: project(2),
                bytes: Some(1 << 30),
            });
        },
    ),
    ("a limit of another directory", "another directory", |p| {
        *find(p, "network") = Step::RemoveQuota(QuotaSpec {
            base_dir: "/mnt/b".into(),
            project: project(1000),
            bytes: None,
        });
    }),
    (
        "another stack's graphics processor",
        "not the stack's",
        |p| {
            spec(p, "redis").gpus.push(3);
        },
    ),
    ("a secret in the arguments", "in the arguments", |p| {
        spec(p, "redis").command = Some(vec![hidden()])
    }),
    ("a secret in the entry point", "in the arguments", |p| {
        spec(p, "redis").entrypoint = Some(vec![hidden()])
    }),
    ("a secret in a label", "a secret stands in", |p| {
        spec(p, "redis")
            .labels
            .insert("x".into(), "pass canary01redisZpassword".into());
    }),
    (
        "the host's files",
        "not inside the stack's directory",
        |p| bind(p, "/etc"),
    ),
    ("the root", "not inside the stack's directory", |p| {
        bind(p, "/")
    }),
    (
        "another stack's files",
        "not inside the stack's directory",
        |p| bind(p, "/mnt/b/data"),
    ),
    (
        "a neighbour by name",
        "not inside the stack's directory",
        |p| bind(p, "/mnt/a2/data"),
    ),
    ("a way out", "not inside the stack's directory", |p| {
        bind(p, "/mnt/a/../b/data")
    }),
    ("the engine's socket", "must never be mounted", |p| {
        bind(p, "/var/run/docker.sock")
    }),
    ("the engine's socket inside", "must never be mounted", |p| {
        bind(p, "/mnt/a/data/docker.sock")
    }),
    ("the whole directory", "more than a service's own", |p| {
        bind(p, "/mnt/a")
    }),
    ("all data", "more than a service's own", |p| {
        bind(p, "/mnt/a/data/")
    }),
    ("all secrets", "more than a service's own", |p| {
        bind(p, "/mnt/a/config/secrets")
    }),
    (
        "a file of the stack's own",
        "more than a service's own",
        |p| {
            bind(p, "/mnt/a/config/adding.json");
        },
    ),
    (
        "a file nobody has thought of yet",
        "more than a service's own",
        |p| {
            bind(p, "/mnt/a/config/thought-of-next.json");
        },
    ),
    (
        "a service file that is kept",
        "more than a service's own",
        |p| {
            bind(p, "/mnt/a/config/services/wiki.toml");
        },
    ),
    ("a copy of data", "more than a service's own", |p| {
        bind(p, "/mnt/a/backups/upgrade-redis-0123456789ab");
    }),
    ("the manifest", "more than a service's own", |p| {
        bind(p, "/mnt/a/config/.env")
    }),
    ("an open directory", "open to others", |p| {
        if let Step::Directories(all) = find(p, "directories") {
            all[0].mode = 0o755;
        }
    }),
    (
        "a directory elsewhere",
        "not inside the stack's directory",
        |p| {
            if let Step::Directories(all) = find(p, "directories") {
                all[0].path = "/mnt/b/config".into();
            }
        },
    ),
    (
        "a directory of another user",
        "belongs to nobody of the stack",
        |p| {
            if let Step::Directories(all) = find(p, "directories") {
                all[0].owner = Owner {
                    uid: 4000,
                    gid: 4000,
                };
            }
        },
    ),
    ("a readable secret", "readable by others", |p| {
        if let Step::Files(all) = find(p, "secrets") {
            all.iter_mut().for_each(|f| f.mode = 0o444);
        }
    }),
    (
        "a file elsewhere",
        "not inside the stack's directory",
        |p| {
            if let Step::Files(all) = find(p, "secrets") {
                all[0].path = "/etc/cron.d/x".into();
            }
        },
    ),
    ("another network", "a network of another name", |p| {
        if let Step::Network(network) = find(p, "network") {
            network.name = "b".into();
        }
    }),
    ("another bridge", "bridge", |p| {
        if let Step::Network(network) = find(p, "network") {
            network.bridge = "docker0".into();
        }
    }),
    ("an unlabelled network", "aiplat.stack-id", |p| {
        if let Step::Network(network) = find(p, "network") {
            network.labels.clear();
        }
    }),
    ("another subnet", "subnet", |p| {
        if let Step::Network(network) = find(p, "network") {
            network.subnet = "10.77.0.0/24".parse().unwrap();
        }
    }),
    ("another bridge's rules", "bridge", |p| {
        if let Step::Firewall(firewall) = find(p, "firewall") {
            firewall.bridge = "eth0".into();
        }
    }),
    ("another stack's profile loaded", "AppArmor profile", |p| {
        if let Step::Profiles { files } = find(p, "profiles") {
            files[0].name = "aiplat-b.redis".into();
        }
    }),
    ("a check with a network", "a check has a network", |p| {
        if let Step::Check(run) = find(p, "check/caddy") {
            run.container.network = NetworkMode::Stack {
                network: "a".into(),
                aliases: vec![],
            };
        }
    }),
    (
        "another stack's container asked",
        "another stack's container",
        |p| {
            if let Step::Container(step) = find(p, "service/redis") {
                step.gate.container = "b-redis".parse().unwrap();
            }
        },
    ),
    (
        "another stack's address asked",
        "another stack's container",
        |p| {
            if let Step::Container(step) = find(p, "service/redis") {
                step.gate.address_of = "b-redis".parse().unwrap();
            }
        },
    ),
    (
        "a step before what it waits for",
        "does not come before it",
        |p| p.steps.reverse(),
    ),
    ("a name twice", "used twice", |p| {
        let again = p.steps[0].clone();
        p.steps.push(again);
    }),
    (
        "a purge elsewhere",
        "not inside the stack's directory",
        |p| {
            *find(p, "network") = Step::PurgeDirectory {
                path: "/mnt/b/data".into(),
                base_dir: "/mnt/b".into(),
            };
        },
    ),
    (
        "a removal elsewhere",
        "not inside the stack's directory",
        |p| {
            *find(p, "network") = Step::RemoveFile {
                path: "/etc/passwd".into(),
            };
        },
    ),
];

fn whole() -> (Case, Plan) {
    let host = bare(true);
    let recipe = everything("a", 1, StoreKind::Qdrant).with("STACK_MEMORY", "64g");
    let case = case(&recipe, &host, &catalogue());
    let plan = case.plan(&host);
    (case, plan)
}

#[test]
fn the_checker_finds_each_breach() {
    let catalogue = catalogue();
    let (case, plan) = whole();
    assert_eq!(case.check(&plan, &catalogue), [""; 0]);
    let mut missed = Vec::new();
    for (what, said, breach) in BROKEN {
        let mut broken = plan.clone();
        breach(&mut broken);
        assert_ne!(broken, plan, "{what}: nothing was broken");
        let found = case.check(&broken, &catalogue);
        if !found
            .iter()
            .any(|words| words.contains(said) && words.contains("step `"))
        {
            missed.push(format!("{what}: {found:?}"));
        }
    }
    assert!(
        missed.is_empty(),
        "{} of {} missed:\n{}",
        missed.len(),
        BROKEN.len(),
        missed.join("\n")
    );
}

#[test]
fn a_plan_that_takes_what_another_stack_has_is_found() {
    let catalogue = catalogue();
    let (case, plan) = whole();
    let host = bare(true);
    // another stack that was decided without a look at the register: the same user, subnet and ports
    let spoil: [(&str, &str, &str); 3] = [
        ("STACK_USER_UID", "1000", "user"),
        (
            "STACK_SUBNET",
            &case.stack.config.allocation.subnet.to_string(),
            "subnet",
        ),
        ("GRAFANA_PORT", "5001", "the port 5001"),
    ];
    for (key, value, said) in spoil {
        let other = Recipe::named("b", 2)
            .with("STACK_USER_UID", "4000")
            .with("STACK_SUBNET", "10.99.0.0/26")
            .with("GRAFANA_PORT", "6001")
            .with("PUBLISH", "all")
            .with("SERVICES", "grafana")
            .with(key, value);
        let mut busy = host.clone();
        for port in (5000..5012).filter(|port| key != "GRAFANA_PORT" || *port != 5001) {
            busy.host.listeners.insert(aiplat_core::observed::Listener {
                address: "127.0.0.1".parse().unwrap(),
                port,
                protocol: aiplat_core::spec::IpProtocol::Tcp,
            });
        }
        let other = other.on(&busy, &Register::default(), &catalogue).unwrap();
        let mut register = Register::default();
        other.reserve(&mut register);
        let found: Vec<_> = check(&plan, &case.stack.config, &catalogue, &register)
            .iter()
            .map(ToString::to_string)
            .collect();
        let named = found
            .iter()
            .any(|words| words.contains(said) && words.contains("stack `b`"));
        assert!(named, "{key}: {found:?}");
    }
}
