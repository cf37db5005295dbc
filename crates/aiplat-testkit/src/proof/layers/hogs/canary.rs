//! The container that a hog runs in: an image of the stack's own, the limits that the engine holds for one of its
//! services, and the prober with its libraries mounted in, so that nothing is needed in the image.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use aiplat_core::spec::label;
use serde_json::{Value, json};

use crate::proof::prober::{Entry, Hog, Prober};
use crate::proof::raw::Raw;
use crate::proof::{Member, Scene, Stack};

/// The purpose on its label.
const PURPOSE: &str = "hog";
/// Where the program lies in it.
const INSIDE: &str = "/.aiplat-hog";
/// Seconds after which it ends by itself, whoever was to end it.
const SECONDS: u64 = 20;

/// What of the engine's account of a service is a limit.
const LIMITS: [&str; 15] = [
    "Memory",
    "MemorySwap",
    "MemoryReservation",
    "MemorySwappiness",
    "NanoCpus",
    "CpuShares",
    "CpuPeriod",
    "CpuQuota",
    "CpusetCpus",
    "CpusetMems",
    "PidsLimit",
    "BlkioWeight",
    "Ulimits",
    "CgroupParent",
    "CgroupnsMode",
];

/// The prober, with what the kernel's loader needs to start it anywhere.
#[derive(Debug)]
pub(super) struct Program {
    /// By the name that it has inside.
    files: BTreeMap<String, PathBuf>,
    command: Vec<String>,
}

impl Program {
    /// Looks at what a prober that runs has mapped.
    pub(super) async fn find(prober: &[OsString]) -> Result<Self, String> {
        let standing = Prober::start(prober, &Entry::default())
            .await
            .map_err(|e| e.to_string())?;
        let maps = standing
            .pid()
            .and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/maps")).ok());
        standing.end().await;
        let maps = maps.ok_or("what the prober is made of cannot be read")?;
        let program = prober.first().map(std::fs::canonicalize);
        let Some(Ok(program)) = program else {
            return Err("the prober is no longer where it was started from".to_owned());
        };
        let mut files = BTreeMap::new();
        let mut loader = None;
        for line in maps
            .lines()
            .filter(|l| l.split(' ').nth(1).is_some_and(|p| p.contains('x')))
        {
            let Some(path) = line.find('/').map(|at| PathBuf::from(&line[at..])) else {
                continue;
            };
            let Some(name) = path.file_name().map(|n| n.to_string_lossy().into_owned()) else {
                continue;
            };
            if name.starts_with("ld-") {
                loader = Some(name.clone());
            }
            files.insert(name, path);
        }
        let name = program
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let inside = |name: &str| format!("{INSIDE}/{name}");
        let mut command = Vec::new();
        if let Some(loader) = loader {
            command = vec![
                inside(&loader),
                "--library-path".to_owned(),
                INSIDE.to_owned(),
            ];
        }
        command.push(inside(&name));
        command.extend(
            prober
                .iter()
                .skip(1)
                .map(|w| w.to_string_lossy().into_owned()),
        );
        files.insert(name, program);
        Ok(Self { files, command })
    }
}

/// A hog's container, while it runs.
#[derive(Debug)]
pub(super) struct Canary {
    id: String,
    /// Its first process.
    pub(super) pid: u32,
}

impl Canary {
    pub(super) async fn start(
        scene: &Scene<'_>,
        stack: &Stack,
        member: &Member,
        hog: Hog,
        program: &Program,
    ) -> Result<Self, String> {
        let raw = &scene.bed.raw;
        let name = format!("aiplat-hog-{}-{}", stack.config.id, scene.run);
        let body = body(stack, member, hog, program)?.to_string();
        let said = |e: crate::proof::RawError| format!("the hog's container: {e}");
        let made = raw
            .post(&format!("/containers/create?name={name}"), Some(&body))
            .await
            .map_err(said)?;
        let id = text(&made, "/Id").ok_or("the engine made a hog's container without an id")?;
        let started = async {
            raw.post(&format!("/containers/{id}/start"), None)
                .await
                .map_err(said)?;
            let seen = raw
                .get(&format!("/containers/{id}/json"))
                .await
                .map_err(said)?;
            let seen: Value = serde_json::from_str(&seen).map_err(|e| e.to_string())?;
            let pid = seen
                .pointer("/State/Pid")
                .and_then(Value::as_u64)
                .unwrap_or(0);
            u32::try_from(pid)
                .ok()
                .filter(|p| *p > 0)
                .ok_or_else(|| "the hog ended before it could be looked at".to_owned())
        };
        match started.await {
            Ok(pid) => Ok(Self { id, pid }),
            Err(words) => {
                remove(raw, &id).await;
                Err(words)
            }
        }
    }

    /// Whether its first process is still there.
    pub(super) fn runs(&self, scene: &Scene<'_>) -> bool {
        let path = scene
            .bed
            .host
            .proc
            .join(self.pid.to_string())
            .join("cgroup");
        std::fs::read_to_string(path).is_ok_and(|text| text.contains(&self.id))
    }

    pub(super) async fn remove(self, scene: &Scene<'_>) {
        remove(&scene.bed.raw, &self.id).await;
    }
}

async fn remove(raw: &Raw, id: &str) {
    // one that ended by itself removes itself
    let _ = raw
        .delete(&format!("/containers/{id}?force=true&v=true"))
        .await;
}

fn text(json: &str, pointer: &str) -> Option<String> {
    let value: Value = serde_json::from_str(json).ok()?;
    value.pointer(pointer)?.as_str().map(str::to_owned)
}

fn body(stack: &Stack, member: &Member, hog: Hog, program: &Program) -> Result<Value, String> {
    let seen: Value = serde_json::from_str(&member.inspect).map_err(|e| e.to_string())?;
    let mut host = json!({
        "AutoRemove": true,
        "NetworkMode": "none",
        "ReadonlyRootfs": true,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "IpcMode": "private",
        // whatever the kernel runs out of, the hog goes first
        "OomScoreAdj": 1000,
        "Mounts": program.files.iter().map(|(name, path)| json!({
            "Type": "bind", "Source": path, "Target": format!("{INSIDE}/{name}"), "ReadOnly": true,
        })).collect::<Vec<_>>(),
    });
    // as the engine holds them, not as they were planned
    for limit in LIMITS {
        if let Some(value) = seen.pointer(&format!("/HostConfig/{limit}")) {
            host[limit] = value.clone();
        }
    }
    let config = &stack.config;
    Ok(json!({
        "Image": member.detail.image_id,
        "Entrypoint": program.command,
        "Cmd": [hog.order(SECONDS)],
        "User": format!("{}:{}", member.spec.user.uid, member.spec.user.gid),
        "WorkingDir": "/",
        "Env": [],
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {
            label::STACK: config.name().as_str(),
            label::STACK_ID: config.id.as_str(),
            label::BASE_DIR: config.base_dir(),
            label::PURPOSE: PURPOSE,
        },
        "HostConfig": host,
    }))
}

/// Removes the hogs of runs that were killed, in the stacks under proof, and says which.
pub(in crate::proof) async fn sweep(scene: &Scene<'_>) -> Vec<String> {
    let mut removed = Vec::new();
    let ours = scene.observed.containers.iter().filter(|c| {
        c.label(label::PURPOSE) == Some(PURPOSE)
            && scene.stacks.iter().any(|s| c.belongs_to(&s.config.id))
    });
    for container in ours {
        remove(&scene.bed.raw, &container.id).await;
        removed.push(container.name.clone());
    }
    removed
}
