//! Twins on the host: modes, owners, links, files, limits, the firewall and the register.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use aiplat_core::spec::FirewallSpec;
use aiplat_docker::host::{Host, HostLock, RegisterStore};
use aiplat_testkit::proof::Layer;
use secrecy::ExposeSecret;

use super::super::lab::Lab;
use super::{Score, wanted};

/// What is done to the register.
type Change<'a> = &'a dyn Fn(&mut aiplat_core::allocation::Register);

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(super) async fn run(lab: &Lab, score: &mut Score) {
    modes(lab, score).await;
    links(lab, score).await;
    secrets(lab, score).await;
    limits(lab, score).await;
    register(lab, score).await;
    firewall(lab, score).await;
}

async fn check(lab: &Lab, score: &mut Score, name: &str, layer: Layer, who: &str, tried: &str) {
    let report = lab.verify(&["proof-a", "proof-b"], &[layer]).await;
    score.judge(name, &report, &wanted(layer, who, tried));
}

async fn modes(lab: &Lab, score: &mut Score) {
    let b = Lab::base("proof-b");
    for (name, path, wide, narrow) in [
        ("data-open-to-all", "data/redis", 0o777, 0o750),
        (
            "secret-open-to-all",
            "config/secrets/redis_password",
            0o444,
            0o400,
        ),
        ("manifest-open-to-all", "config/.env", 0o644, 0o600),
        ("directory-writable-by-all", "", 0o777, 0o755),
    ] {
        let path = b.join(path);
        let was = fs::metadata(&path).unwrap().permissions().mode() & 0o7777;
        mode(&path, wide);
        check(
            lab,
            score,
            name,
            Layer::Files,
            "proof-b",
            "owners and modes",
        )
        .await;
        mode(&path, if was == wide { narrow } else { was });
    }
    // the whole way open: what only a user of its own holds
    let way = ["config", "config/secrets", "config/secrets/redis_password"].map(|p| b.join(p));
    for path in &way {
        mode(path, if path.is_dir() { 0o755 } else { 0o444 });
    }
    check(
        lab,
        score,
        "the-way-to-a-secret-open",
        Layer::Files,
        "proof-a as user",
        "on the host itself",
    )
    .await;
    for path in way.iter().rev() {
        mode(path, if path.is_dir() { 0o750 } else { 0o400 });
    }
    let (ours, theirs) = (
        lab.config("proof-a").allocation,
        lab.config("proof-b").allocation,
    );
    let secrets = b.join("config/secrets");
    chown(&secrets, Some(ours.uid), Some(ours.gid)).unwrap();
    check(
        lab,
        score,
        "directory-of-the-other-s-user",
        Layer::Files,
        "proof-b",
        "owners and modes",
    )
    .await;
    chown(&secrets, Some(theirs.uid), Some(theirs.gid)).unwrap();
}

async fn links(lab: &Lab, score: &mut Score) {
    let here = Lab::base("proof-a").join("data/redis/data/seen");
    let there = Lab::base("proof-b").join("config/.env");
    symlink(&there, &here).unwrap();
    check(
        lab,
        score,
        "link-to-the-other",
        Layer::Files,
        "proof-b",
        "links and hard links",
    )
    .await;
    fs::remove_file(&here).unwrap();
    // of the manifest or a secret even opening the stack would be refused
    fs::hard_link(
        Lab::base("proof-b").join("config/redis/etc/valkey.conf"),
        &here,
    )
    .unwrap();
    check(
        lab,
        score,
        "hard-link-to-the-other",
        Layer::Files,
        "proof-b",
        "links and hard links",
    )
    .await;
    fs::remove_file(&here).unwrap();
}

async fn secrets(lab: &Lab, score: &mut Score) {
    let config = lab.config("proof-a");
    let key = config
        .secrets
        .get("redis_password")
        .unwrap()
        .expose_secret();
    for (name, path) in [
        ("secret-in-other-s-rendered-file", "config/redis/etc/note"),
        ("secret-in-other-s-log-file", "logs/note.log"),
        ("secret-in-other-s-backup", "backups/last.tar"),
        ("secret-in-other-s-data", "data/redis/data/note"),
    ] {
        let path = Lab::base("proof-b").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, format!("{}{key}\n", "x".repeat(5000))).unwrap();
        check(
            lab,
            score,
            name,
            Layer::Secrets,
            "proof-b",
            "files, logs and backups",
        )
        .await;
        fs::remove_file(&path).unwrap();
    }
    let journal = Lab::base("proof-a").join("config/journal.jsonl");
    let was = fs::read(&journal).unwrap_or_default();
    fs::write(&journal, [was.as_slice(), key.as_bytes()].concat()).unwrap();
    check(
        lab,
        score,
        "secret-in-our-journal",
        Layer::Secrets,
        "proof-a",
        "what we write",
    )
    .await;
    fs::write(&journal, was).unwrap();
}

async fn limits(lab: &Lab, score: &mut Score) {
    let id = lab.config("proof-a").id;
    let unified = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let (file, none) = if unified {
        (format!("/sys/fs/cgroup/aiplat-{id}/pids.max"), "max")
    } else {
        (format!("/sys/fs/cgroup/pids/aiplat-{id}/pids.max"), "max")
    };
    let was = fs::read_to_string(&file).unwrap();
    fs::write(&file, none).unwrap();
    check(
        lab,
        score,
        "limit-of-the-stack-lifted",
        Layer::Resources,
        "proof-a",
        "whole stack",
    )
    .await;
    fs::write(&file, was).unwrap();
}

async fn register(lab: &Lab, score: &mut Score) {
    let (a, b) = (lab.config("proof-a").id, lab.config("proof-b").id);
    let file = RegisterStore::new(&lab.places.state_dir);
    let save = |change: Change<'_>| {
        let lock =
            HostLock::wait(&lab.places.state_dir, std::time::Duration::from_secs(5)).unwrap();
        let mut register = file.load().unwrap().register;
        let before = register.clone();
        change(&mut register);
        file.save(&lock, &register).unwrap();
        before
    };
    let entry = |r: &aiplat_core::allocation::Register, id| r.get(id).cloned().unwrap();
    let twins: [(&str, Change<'_>); 4] = [
        ("no-reservation", &|r| r.remove(&a)),
        ("reserved-user-shared", &|r| {
            let mut theirs = entry(r, &b);
            theirs.uids = entry(r, &a).uids;
            r.put(theirs);
        }),
        ("reserved-subnet-shared", &|r| {
            let mut theirs = entry(r, &b);
            theirs.subnet = entry(r, &a).subnet;
            r.put(theirs);
        }),
        ("reserved-ports-shared", &|r| {
            let mut theirs = entry(r, &b);
            theirs.ports = entry(r, &a).ports;
            r.put(theirs);
        }),
    ];
    for (name, change) in twins {
        let before = save(change);
        check(
            lab,
            score,
            name,
            Layer::Ports,
            "proof-a",
            "entry in the register",
        )
        .await;
        save(&|r| *r = before.clone());
    }
}

async fn firewall(lab: &Lab, score: &mut Score) {
    let config = lab.config("proof-a");
    let spec = FirewallSpec {
        bridge: config.id.bridge(),
        chain: aiplat_core::spec::FIREWALL_CHAIN.to_owned(),
    };
    lab.host.unguard_bridge(&spec).unwrap();
    check(
        lab,
        score,
        "host-listeners-open",
        Layer::Network,
        "proof-a",
        "listener of ours on every address",
    )
    .await;
    lab.host.guard_bridge(&spec).unwrap();
}
