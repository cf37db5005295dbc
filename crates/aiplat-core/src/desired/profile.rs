//! A service's `AppArmor` profile, from its own mounts.

use aiplat_apparmor::{Capability, ContainerPath, ProfileName, ProfileSpec, Writable};

use super::{APPARMOR_SYSTEM_DIR, Context, DesiredProblem};
use crate::catalogue::{Allowance, MountKind, Service};
use crate::spec::ProfileFile;

/// The profile's name; at most 63 characters for every valid stack and service name.
pub(super) fn name(
    context: &Context<'_>,
    service: &Service,
) -> Result<ProfileName, DesiredProblem> {
    ProfileName::for_service(context.config.name().as_str(), service.name.as_str())
        .map_err(|e| problem(service, &e))
}

pub(super) fn file(
    context: &Context<'_>,
    service: &Service,
) -> Result<ProfileFile, DesiredProblem> {
    let name = name(context, service)?;
    let mut spec = ProfileSpec::new(name.clone(), service.apparmor.profile);
    let allows = |allowance: &Allowance| service.exceptions.iter().any(|e| e.allow == *allowance);
    let mounts = service
        .mounts
        .iter()
        .filter(|m| !m.read_only && m.kind != MountKind::Config)
        .map(|m| (&m.target, m.exec));
    let tmpfs = service.tmpfs.iter().map(|t| (&t.target, t.exec));
    for (target, exec) in mounts.chain(tmpfs) {
        let path: ContainerPath = target.parse().map_err(|e| problem(service, &e))?;
        let exec = exec && allows(&Allowance::Exec(target.clone()));
        spec.writable.push(Writable { path, exec });
    }
    for exception in &service.exceptions {
        if let Allowance::Capability(name) = &exception.allow {
            let capability: Capability = name.parse().map_err(|e| problem(service, &e))?;
            spec.capabilities.push(capability);
        }
    }
    spec.gpu = !context.gpus(service).is_empty();
    spec.writable_root = allows(&Allowance::WritableRoot);
    spec.deny_passwd = *context.config.settings.deny_etc_passwd.get();
    let directory = context.config.settings.apparmor_profile_dir.get();
    Ok(ProfileFile {
        text: spec.profile().to_string(),
        source: std::path::Path::new(directory.as_str()).join(name.as_str()),
        system: std::path::Path::new(APPARMOR_SYSTEM_DIR).join(name.as_str()),
        name: name.to_string(),
    })
}

fn problem(service: &Service, error: &dyn std::error::Error) -> DesiredProblem {
    DesiredProblem::Profile {
        service: service.name.clone(),
        what: error.to_string(),
    }
}
