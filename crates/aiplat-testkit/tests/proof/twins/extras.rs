//! Twins that are one more container: they stand beside each other, and one proof names each of them.

use aiplat_core::config::StackConfig;
use aiplat_testkit::proof::{Layer, Verdict, render};
use futures_util::{StreamExt, stream};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::super::lab::Lab;
use super::containers::{hardened, remove, start};
use super::{Score, Wanted, wanted};

/// What is changed in a hardened container.
type Change = Box<dyn Fn(&mut Value) + Send + Sync>;

/// One twin.
struct Twin {
    name: &'static str,
    /// In whose name it runs, and as which service.
    stack: &'static str,
    service: &'static str,
    change: Change,
    layer: Layer,
    tried: &'static str,
}

fn twin(
    name: &'static str,
    layer: Layer,
    tried: &'static str,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) -> Twin {
    Twin {
        name,
        stack: "proof-a",
        service: "redis",
        change: Box::new(change),
        layer,
        tried,
    }
}

/// Sets one field of the engine's own part of the body.
fn host(field: &'static str, value: Value) -> impl Fn(&mut Value) + Send + Sync {
    move |body| body["HostConfig"][field] = value.clone()
}

fn mount(source: String, target: &'static str) -> impl Fn(&mut Value) + Send + Sync {
    move |body| {
        let mounts = body["HostConfig"]["Mounts"].as_array_mut().unwrap();
        mounts.retain(|m| m["Target"] != target);
        mounts.push(json!({"Type": "bind", "Source": source, "Target": target, "ReadOnly": false}));
    }
}

impl Twin {
    fn of(mut self, stack: &'static str, service: &'static str) -> Self {
        (self.stack, self.service) = (stack, service);
        self
    }
}

fn process() -> Vec<Twin> {
    use Layer::Process;
    let neighbour = "container:proof-b-redis";
    vec![
        twin("root-user", Process, "users", |b| b["User"] = json!("0:0")),
        twin(
            "group-of-root",
            Process,
            "users",
            host("GroupAdd", json!(["0"])),
        ),
        twin(
            "capability-added",
            Process,
            "capabilities",
            host("CapAdd", json!(["NET_ADMIN"])),
        ),
        twin(
            "capabilities-kept",
            Process,
            "capabilities",
            host("CapDrop", json!([])),
        ),
        twin(
            "may-gain-rights",
            Process,
            "no_new_privs",
            host("SecurityOpt", json!([])),
        ),
        twin(
            "no-seccomp",
            Process,
            "seccomp",
            host(
                "SecurityOpt",
                json!(["no-new-privileges", "seccomp=unconfined"]),
            ),
        ),
        twin("privileged", Process, "devices", |b| {
            b["HostConfig"]["Privileged"] = json!(true);
            b["HostConfig"]["SecurityOpt"] = json!(["no-new-privileges"]);
        }),
        twin(
            "host-pid",
            Process,
            "namespaces",
            host("PidMode", json!("host")),
        ),
        twin(
            "host-network",
            Process,
            "namespaces",
            host("NetworkMode", json!("host")),
        ),
        twin(
            "host-ipc",
            Process,
            "namespaces",
            host("IpcMode", json!("host")),
        ),
        twin(
            "host-uts",
            Process,
            "namespaces",
            host("UTSMode", json!("host")),
        ),
        twin(
            "neighbour-pid",
            Process,
            "namespaces",
            host("PidMode", json!(neighbour)),
        ),
        twin(
            "neighbour-network",
            Process,
            "namespaces",
            host("NetworkMode", json!(neighbour)),
        ),
        twin(
            "own-neighbour-network",
            Process,
            "namespaces",
            host("NetworkMode", json!("container:proof-a-redis")),
        ),
        twin(
            "writable-root",
            Process,
            "root file system",
            host("ReadonlyRootfs", json!(false)),
        ),
        twin(
            "device",
            Process,
            "devices",
            host(
                "Devices",
                json!([{"PathOnHost": "/dev/kmsg", "PathInContainer": "/dev/kmsg", "CgroupPermissions": "r"}]),
            ),
        ),
    ]
}

fn files(b: &StackConfig) -> Vec<Twin> {
    use Layer::Files;
    let base = b.base_dir().display().to_string();
    let (uid, gid) = (b.allocation.uid, b.allocation.gid);
    let inside = base.clone();
    let whole = move |body: &mut Value| {
        body["User"] = json!(format!("{uid}:{gid}"));
        let mount = json!({"Type": "bind", "Source": inside, "Target": inside, "ReadOnly": true});
        body["HostConfig"]["Mounts"]
            .as_array_mut()
            .unwrap()
            .push(mount);
    };
    vec![
        twin(
            "other-data-mounted",
            Files,
            "mounted",
            mount(format!("{base}/data/redis"), "/stolen"),
        ),
        twin(
            "other-secrets-mounted",
            Files,
            "mounted",
            mount(format!("{base}/config/secrets"), "/opt"),
        ),
        twin(
            "host-home-mounted",
            Files,
            "mounted",
            mount("/root".into(), "/mnt"),
        ),
        twin(
            "host-etc-mounted",
            Files,
            "mounted",
            mount("/etc".into(), "/srv"),
        ),
        twin(
            "engine-socket-mounted",
            Files,
            "mounted",
            mount("/run/aiplat-engine/docker.sock".into(), "/tmp/docker.sock"),
        ),
        twin(
            "own-neighbour-mounted",
            Files,
            "mounted",
            mount(
                Lab::base("proof-a").join("caddy").display().to_string(),
                "/data",
            ),
        ),
        twin(
            "config-writable",
            Files,
            "mounted",
            mount(
                Lab::base("proof-a")
                    .join("config/redis/etc")
                    .display()
                    .to_string(),
                "/etc/valkey",
            ),
        ),
        twin("other-user-and-directory", Files, "reading each", whole),
        twin(
            "root-can-write-the-image",
            Files,
            "where its programs are",
            |b| {
                b["User"] = json!("0:0");
                b["HostConfig"]["ReadonlyRootfs"] = json!(false);
            },
        ),
    ]
}

/// Binds a port on every address inside, and stays.
fn listen(kind: &'static str, port: u16) -> impl Fn(&mut Value) + Send + Sync {
    move |b| {
        b["Cmd"] = json!([
            "perl",
            "-MSocket",
            "-e",
            format!(
                "socket(S, PF_INET, {kind}, 0); bind(S, sockaddr_in({port}, INADDR_ANY)) or die; \
                 listen(S, 5); sleep 600"
            )
        ]);
    }
}

fn ports_and_resources() -> Vec<Twin> {
    use Layer::{Ports, Resources};
    let publish = |address: &'static str, port: &'static str| {
        move |b: &mut Value| {
            b["ExposedPorts"] = json!({"6379/tcp": {}});
            b["HostConfig"]["PortBindings"] =
                json!({"6379/tcp": [{"HostIp": address, "HostPort": port}]});
        }
    };
    vec![
        twin(
            "published-everywhere",
            Ports,
            "its ports on the host",
            publish("0.0.0.0", "34671"),
        ),
        twin(
            "published-unasked",
            Ports,
            "its ports on the host",
            publish("127.0.0.1", "34672"),
        ),
        // the image's own interpreter opens what no plan knows, as a planted program would
        twin(
            "listens-unplanned",
            Ports,
            "sockets that listen inside",
            listen("SOCK_STREAM", 34_674),
        ),
        twin(
            "answers-datagrams-unplanned",
            Ports,
            "sockets that listen inside",
            listen("SOCK_DGRAM", 5353),
        ),
        twin("no-memory-limit", Resources, "memory", |b| {
            b["HostConfig"]["Memory"] = json!(0);
            b["HostConfig"]["MemorySwap"] = json!(0);
        }),
        twin(
            "no-process-limit",
            Resources,
            "processes",
            host("PidsLimit", json!(-1)),
        ),
        twin(
            "no-processor-limit",
            Resources,
            "processor",
            host("NanoCpus", json!(0)),
        ),
        twin(
            "larger-process-limit",
            Resources,
            "processes",
            host("PidsLimit", json!(4096)),
        ),
        twin(
            "outside-the-parent",
            Resources,
            "parent cgroup",
            host("CgroupParent", json!("")),
        ),
    ]
}

fn secrets(a: &StackConfig) -> Vec<Twin> {
    use Layer::Secrets;
    let of = |name: &str| a.secrets.get(name).unwrap().expose_secret().to_owned();
    let (key, word) = (of("qdrant_api_key"), of("redis_password"));
    let (label, env, argument, log) = (key.clone(), key.clone(), key.clone(), key.clone());
    let (own_label, own_argument, own_log, own_env) =
        (word.clone(), word.clone(), word.clone(), key);
    let theirs = "its secrets in inspection";
    let own = "its own stack's secrets in labels";
    let say = |word: String| {
        move |b: &mut Value| {
            b["Cmd"] = json!(["/bin/sh", "-c", format!("echo key={word}; exec sleep 600")])
        }
    };
    vec![
        twin("secret-in-other-label", Secrets, theirs, move |b| {
            b["Labels"]["note"] = json!(label)
        })
        .of("proof-b", "redis"),
        twin("secret-in-other-env", Secrets, theirs, move |b| {
            b["Env"] = json!([format!("KEY={env}")])
        })
        .of("proof-b", "redis"),
        twin("secret-in-other-args", Secrets, theirs, move |b| {
            b["Cmd"] = json!(["/bin/sh", "-c", "exec sleep 600", argument])
        })
        .of("proof-b", "redis"),
        twin("secret-in-other-log", Secrets, theirs, move |b| {
            // in parts, so that only the log has it whole
            let (x, y) = log.split_at(20);
            b["Cmd"] = json!(["/bin/sh", "-c", format!("echo {x}\"\"{y}; exec sleep 600")]);
        })
        .of("proof-b", "redis"),
        twin("secret-in-own-label", Secrets, own, move |b| {
            b["Labels"]["note"] = json!(own_label)
        }),
        twin("secret-in-own-args", Secrets, own, move |b| {
            b["Cmd"] = json!(["/bin/sh", "-c", "exec sleep 600", own_argument])
        }),
        twin("secret-in-own-log", Secrets, "in its log", say(own_log)),
        twin("unplanned-secret-in-env", Secrets, own, move |b| {
            b["Env"] = json!([format!("KEY={own_env}")])
        }),
    ]
}

fn servers(a: &StackConfig) -> Vec<Twin> {
    use Layer::Vectors;
    let secret = |name: &str| a.secrets.get(name).unwrap().expose_secret().to_owned();
    let folder = Lab::base("twin");
    std::fs::create_dir_all(&folder).unwrap();
    let qdrant = |name: &'static str, file: &str, key: &str, tried| {
        let path = folder.join(file);
        std::fs::write(&path, format!("service:\n  api_key: \"{key}\"\n")).unwrap();
        let mounted = mount(path.display().to_string(), "/qdrant/config/local.yaml");
        let change = move |b: &mut Value| {
            mounted(b);
            b["Image"] = json!("localhost/aiplat/qdrant:v1.19.0-unprivileged");
            for field in ["Entrypoint", "Cmd"] {
                b.as_object_mut().unwrap().remove(field);
            }
            b["HostConfig"]["Tmpfs"] = json!({"/qdrant/storage": "mode=1777", "/qdrant/snapshots": "mode=1777", "/tmp": "mode=1777"});
            let mounts = b["HostConfig"]["Mounts"].as_array_mut().unwrap();
            mounts.retain(|m| !m["Target"].as_str().unwrap().starts_with("/qdrant/s"));
            b["Env"] = json!([
                "QDRANT__STORAGE__STORAGE_PATH=/qdrant/storage",
                "QDRANT__STORAGE__SNAPSHOTS_PATH=/qdrant/snapshots"
            ]);
        };
        twin(name, Vectors, tried, change).of("proof-b", "qdrant")
    };
    let redis = |name: &'static str, words: Vec<String>, tried| {
        let change = move |b: &mut Value| {
            b["Image"] = json!("localhost/aiplat/valkey:8.1.8");
            b["Entrypoint"] = json!(["valkey-server"]);
            b["Cmd"] = json!(words);
            b["WorkingDir"] = json!("/");
        };
        twin(name, Vectors, tried, change).of("proof-b", "redis")
    };
    let open = ["--protected-mode", "no", "--save", ""]
        .map(str::to_owned)
        .to_vec();
    let shared = [
        open.clone(),
        vec!["--requirepass".to_owned(), secret("redis_password")],
    ]
    .concat();
    vec![
        qdrant("store-without-key", "empty.yaml", "", "no key"),
        qdrant(
            "store-with-the-other-s-key",
            "shared.yaml",
            &secret("qdrant_api_key"),
            "each of its",
        ),
        redis("cache-without-password", open, "no key"),
        redis("cache-with-the-other-s-password", shared, "each of its"),
    ]
}

pub(super) async fn run(lab: &Lab, score: &mut Score) {
    let (a, b) = (lab.config("proof-a"), lab.config("proof-b"));
    let raw = lab.bed().raw;
    let mut twins = process();
    twins.extend(files(&b));
    twins.extend(ports_and_resources());
    twins.extend(secrets(&a));
    twins.extend(servers(&a));
    twins.push(twin(
        "nothing-broken",
        Layer::Collisions,
        "everything that runs",
        |_| {},
    ));
    let mut bodies = Vec::new();
    for twin in &twins {
        let config = if twin.stack == "proof-a" { &a } else { &b };
        let mut body = hardened(lab, config, twin.service).await;
        (twin.change)(&mut body);
        bodies.push((format!("{}-twin-{}", twin.stack, twin.name), body));
    }
    stream::iter(&bodies)
        .for_each_concurrent(4, |(name, body)| start(&raw, name, body))
        .await;
    let layers = [
        Layer::Process,
        Layer::Files,
        Layer::Ports,
        Layer::Vectors,
        Layer::Secrets,
        Layer::Resources,
        Layer::Collisions,
    ];
    let report = lab.verify(&["proof-a", "proof-b"], &layers).await;
    stream::iter(&bodies)
        .for_each_concurrent(4, |(name, _)| remove(&raw, name))
        .await;
    for (twin, (name, _)) in twins.iter().zip(&bodies) {
        // only the whole stack's inventory speaks of a container that has nothing wrong but its name
        let who = if twin.layer == Layer::Collisions {
            twin.stack.to_owned()
        } else {
            format!("({name})")
        };
        score.judge(twin.name, &report, &wanted(twin.layer, who, twin.tried));
    }
    let control: Wanted = wanted(Layer::Process, "twin-nothing-broken", "");
    let accused: Vec<String> = report
        .of(Verdict::Breach)
        .filter(|c| {
            (c.from.contains(&control.who) || c.to.contains(&control.who))
                && c.layer != Layer::Vectors
        })
        .map(|c| format!("{} {} -> {}: {}", c.layer, c.from, c.to, c.seen))
        .collect();
    assert!(
        accused.is_empty(),
        "a container with nothing wrong is accused: {accused:#?}\n{}",
        render::text(&report, false).len()
    );
}
