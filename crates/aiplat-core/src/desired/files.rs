//! A service's configuration files, their check, and how a running service takes them.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::{Check, Context, ReloadPlan};
use crate::catalogue::{Identity, MountKind, Service};
use crate::render::RenderError;
use crate::spec::{
    ContainerSpec, DirectorySpec, EngineHealth, FileSpec, Gate, NetworkMode, Reload, ReloadAction,
    RunOnce, label,
};
use crate::text::{Text, hex};

/// A configuration file with or without secrets: only the service's own user reads it.
const FILE_MODE: u32 = 0o400;

/// The service's configuration, rendered.
pub(super) fn rendered(
    context: &Context<'_>,
    service: &Service,
) -> Result<Vec<FileSpec>, Vec<RenderError>> {
    let folder = context.config_dir(service);
    let owner = context.owner(service);
    let store = context.config.vector_store();
    let wired = match service.vector.get(store) {
        aiplat_vectordb::Wiring::Env { files, .. } => files.as_slice(),
        _ => &[],
    };
    let files = service.files.iter().map(|f| (&f.template, &f.path));
    let mut done = Vec::new();
    let mut problems = Vec::new();
    for (template, path) in files.chain(wired.iter().map(|f| (&f.template, &f.path))) {
        let text = context.catalogue.template(template).unwrap_or_default();
        match context.renderer.text(service, template, text) {
            Ok(rendered) => {
                done.push(FileSpec {
                    path: folder.join(path),
                    content: rendered,
                    owner,
                    mode: FILE_MODE,
                });
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(done)
    } else {
        Err(problems)
    }
}

/// The passwd and group line of the service's user: an arbitrary UID has neither in the image.
pub(super) fn identity(context: &Context<'_>, service: &Service) -> Vec<FileSpec> {
    if service.run.identity == Identity::Root {
        return Vec::new();
    }
    let owner = context.owner(service);
    let folder = context.config_dir(service);
    let home = service.run.home.as_deref().unwrap_or("/");
    let passwd = format!(
        "svc:x:{}:{}:{}:{home}:/bin/sh\n",
        owner.uid, owner.gid, service.title
    );
    let group = format!("svc:x:{}:\n", owner.gid);
    [("passwd", passwd), ("group", group)]
        .map(|(name, text)| FileSpec {
            path: folder.join(name),
            content: Text::plain(text),
            owner,
            mode: 0o444,
        })
        .into()
}

/// The marker of the data's format, beside the data and outside every mount.
pub(super) fn format_marker(context: &Context<'_>, service: &Service) -> Option<FileSpec> {
    let store = context.config.vector_store();
    let format = service
        .data
        .variant
        .get(&store)
        .or(service.data.format.as_ref())?;
    let keeps = service
        .mounts
        .iter()
        .any(|m| m.kind == MountKind::Data && m.of.is_none());
    keeps.then(|| FileSpec {
        path: context
            .config
            .path("data")
            .join(service.name.as_str())
            .join(".aiplat-format"),
        content: Text::plain(format!("{format}\n")),
        owner: context.owner(service),
        mode: 0o444,
    })
}

/// One fingerprint over all of a service's configuration; secrets stand in it as keyed fingerprints.
pub(super) fn fingerprint(files: &[FileSpec]) -> String {
    let json = serde_json::to_vec(files).expect("files have only string keys");
    hex(&Sha256::digest(json)[..8])
}

/// The check of the configuration: the same files in a folder beside, read by a container without a network.
pub(super) fn check(
    context: &Context<'_>,
    service: &Service,
    rendered: &[FileSpec],
    container: &ContainerSpec,
) -> Option<Check> {
    let validate = service.validate.as_ref()?;
    let folder = context.config_dir(service);
    let staging = context
        .config
        .path("config")
        .join(format!("{}.next", service.name));
    let moved = |path: &Path| {
        path.strip_prefix(&folder)
            .map_or_else(|_| path.to_path_buf(), |rest| staging.join(rest))
    };
    let owner = context.owner(service);
    let staged: Vec<_> = rendered
        .iter()
        .map(|f| FileSpec {
            path: moved(&f.path),
            ..f.clone()
        })
        .collect();
    let mut directories: Vec<_> = staged
        .iter()
        .flat_map(|f| {
            f.path
                .ancestors()
                .skip(1)
                .take_while(|a| a.starts_with(&staging))
        })
        .map(|path| DirectorySpec {
            path: path.to_path_buf(),
            owner,
            mode: 0o750,
        })
        .collect();
    directories.sort_by_key(|d| (d.path.components().count(), d.path.clone()));
    directories.dedup();
    let argv = |words: &[String]| words.iter().map(|w| Text::plain(w.clone())).collect();
    let mut labels = container.labels.clone();
    labels.remove(label::SERVICE);
    labels.insert(label::PURPOSE.to_owned(), "check".to_owned());
    let writable: Vec<_> = container.binds.iter().filter(|b| !b.read_only).collect();
    // a check must leave nothing behind: what the service may write to is memory here
    let scratch = writable.iter().map(|b| crate::spec::Tmpfs {
        target: b.target.clone(),
        bytes: 64 << 20,
        exec: false,
        mode: 0o700,
        owner,
    });
    let run = ContainerSpec {
        name: format!("{}.check", container.name).parse().ok()?,
        entrypoint: validate.entrypoint.as_deref().map(argv),
        command: Some(argv(&validate.command)),
        network: NetworkMode::None,
        ports: Vec::new(),
        gpus: Vec::new(),
        binds: container
            .binds
            .iter()
            .filter(|b| b.read_only)
            .map(|b| crate::spec::Bind {
                source: moved_bind(&b.source, &folder, &moved),
                ..b.clone()
            })
            .collect(),
        tmpfs: container.tmpfs.iter().cloned().chain(scratch).collect(),
        engine_health: EngineHealth {
            test: Vec::new(),
            ..container.engine_health.clone()
        },
        labels,
        config_fingerprint: None,
        ..container.clone()
    };
    Some(Check {
        directories,
        run: RunOnce {
            container: run,
            staged: staged.iter().map(|f| f.path.clone()).collect(),
            purpose: format!("check the configuration of {}", service.name),
            deadline_seconds: 60,
        },
        staged,
    })
}

/// Configuration comes from the staged copy; passwd and group stay where they are.
fn moved_bind(
    source: &Path,
    folder: &Path,
    moved: &impl Fn(&Path) -> std::path::PathBuf,
) -> std::path::PathBuf {
    let identity = ["passwd", "group"]
        .iter()
        .any(|name| source == folder.join(name));
    if identity {
        source.to_path_buf()
    } else {
        moved(source)
    }
}

/// The reload of a running service, with the record of which configuration it has.
pub(super) fn reload(
    context: &Context<'_>,
    service: &Service,
    fingerprint: &str,
    gate: &Gate,
) -> Option<ReloadPlan> {
    let table = service.reload.as_ref()?;
    let action = match (&table.exec, &table.signal) {
        (Some(argv), _) => ReloadAction::Exec(argv.clone()),
        (None, Some(signal)) => ReloadAction::Signal(signal.clone()),
        (None, None) => return None,
    };
    let owner = context.owner(service);
    Some(ReloadPlan {
        reload: Reload {
            service: service.name.clone(),
            container: context.config.container(&service.name),
            user: owner,
            action,
            gate: gate.clone(),
        },
        force: table.force.clone(),
        done: FileSpec {
            path: context.config_dir(service).join(".loaded"),
            content: Text::plain(format!("{fingerprint}\n")),
            owner,
            mode: 0o444,
        },
    })
}
