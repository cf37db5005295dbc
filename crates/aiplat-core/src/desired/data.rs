//! Where a service keeps its data, and what that asks of its image.

use std::path::PathBuf;

use super::{Context, host};
use crate::catalogue::{MountKind, Service};
use crate::spec::{ContainerSpec, ImageGuard, VersionGuard};

/// The directories of its own that hold data.
pub(super) fn directories(context: &Context<'_>, service: &Service) -> Vec<PathBuf> {
    let own = service
        .mounts
        .iter()
        .filter(|m| matches!(m.kind, MountKind::Data | MountKind::Caddy))
        .filter(|m| m.of.is_none() && !m.read_only && !m.file);
    own.map(|m| host::mount_source(context.config, service, m))
        .collect()
}

/// What must hold of its image. The version on disk is filled in by whoever looks.
pub(super) fn guard(
    context: &Context<'_>,
    service: &Service,
    container: &ContainerSpec,
) -> ImageGuard {
    let data = &service.data;
    let own = context.config.path("data").join(service.name.as_str());
    let judged = data.format.is_some() || data.scratch.is_some();
    let mounted = container.binds.iter().map(|b| b.target.clone());
    let in_memory = container.tmpfs.iter().map(|t| t.target.clone());
    let scratch = data.scratch.iter().flatten().cloned();
    ImageGuard {
        service: service.name.clone(),
        covered: judged.then(|| mounted.chain(in_memory).chain(scratch).collect()),
        version: data.version.as_ref().map(|version| VersionGuard {
            file: own.join(&version.file),
            found: None,
            env: version.env.clone(),
            tag: version.tag.clone(),
            how: version.how.clone(),
        }),
    }
}
