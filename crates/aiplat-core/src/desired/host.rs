//! Directories, the stack's own files, its network, firewall and cgroup.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::catalogue::{Catalogue, Identity, Mount, MountKind, Service};
use crate::config::{SecretNeed, StackConfig, Stage, needed};
use crate::names::SecretName;
use crate::observed::EngineFacts;
use crate::spec::{
    CgroupSpec, DirectorySpec, FIREWALL_CHAIN, FileSpec, FirewallSpec, NetworkSpec, Owner,
    QuotaSpec, label, project,
};
use crate::text::Text;

/// Mode of the stack's directories: the owner's group may look, nobody else.
const DIRECTORY_MODE: u32 = 0o750;

/// Where a mount comes from on the host.
pub(super) fn mount_source(config: &StackConfig, service: &Service, mount: &Mount) -> PathBuf {
    let owner = mount.of.as_ref().unwrap_or(&service.name).as_str();
    let base = match mount.kind {
        MountKind::Data => Path::new("data").join(owner),
        MountKind::Logs => Path::new("logs").join(owner),
        MountKind::Config => Path::new("config").join(owner),
        MountKind::Caddy => PathBuf::from("caddy"),
        MountKind::Certs => Path::new("ssl/certs").join(config.domain()),
    };
    let path = config.path(base);
    if matches!(mount.source.as_str(), "" | ".") {
        path
    } else {
        path.join(&mount.source)
    }
}

/// All directories, parents first, each owned by the service that uses it.
pub(super) fn directories(
    config: &StackConfig,
    services: &[&Service],
    catalogue: &Catalogue,
) -> Vec<DirectorySpec> {
    let stack = config.owner(Identity::Stack);
    let mut owners: BTreeMap<PathBuf, Owner> = BTreeMap::new();
    for fixed in [
        "config",
        "config/secrets",
        "data",
        "logs",
        "apparmor",
        "caddy",
        "ssl",
        "ssl/certs",
    ] {
        owners.insert(config.path(fixed), stack);
    }
    owners.insert(config.path("ssl/certs").join(config.domain()), stack);
    let mut want = |path: PathBuf, owner: Owner| {
        let missing: Vec<PathBuf> = path
            .ancestors()
            .take_while(|a| a.starts_with(config.base_dir()) && *a != config.base_dir())
            .filter(|a| !owners.contains_key(*a))
            .map(Path::to_path_buf)
            .collect();
        for path in missing {
            owners.insert(path, owner);
        }
    };
    for service in services {
        let owner = config.owner(service.run.identity);
        want(config.path("config").join(service.name.as_str()), owner);
        let files: BTreeSet<_> = service
            .files
            .iter()
            .map(|f| {
                config
                    .path("config")
                    .join(service.name.as_str())
                    .join(&f.path)
            })
            .collect();
        for file in &files {
            if let Some(parent) = file.parent() {
                want(parent.to_path_buf(), owner);
            }
        }
        for mount in &service.mounts {
            let source = mount_source(config, service, mount);
            let shared = mount.of.as_ref().and_then(|name| catalogue.get(name));
            let owner = shared.map_or(owner, |s| config.owner(s.run.identity));
            if !files.contains(&source) && mount.kind != MountKind::Certs {
                want(source, owner);
            }
        }
    }
    let mut all: Vec<_> = owners
        .into_iter()
        .map(|(path, owner)| DirectorySpec {
            path,
            owner,
            mode: DIRECTORY_MODE,
        })
        .collect();
    all.sort_by_key(|d| (d.path.components().count(), d.path.clone()));
    all
}

/// The stack's identity and its secrets, each in a file of its own that one user can read.
pub(super) fn files(config: &StackConfig, catalogue: &Catalogue) -> Vec<FileSpec> {
    let stack = config.owner(Identity::Stack);
    let key = config.secrets.fingerprint_key();
    let identity = FileSpec {
        path: config.path("config/stack-id"),
        content: Text::plain(format!("{}\n", config.id)),
        owner: stack,
        mode: 0o600,
    };
    // an operator may have written secrets into it
    let manifest = FileSpec {
        path: config.path("config/.env"),
        content: Text::secret("<manifest>", config.manifest.clone().into(), &key),
        owner: stack,
        mode: 0o600,
    };
    let needs = needed(
        &config.settings,
        config.name(),
        &config.selection,
        catalogue,
    );
    let file = |need: &SecretNeed, path: PathBuf, value: &SecretString| FileSpec {
        content: Text::secret(format!("<secret:{}>", need.name), value.clone(), &key),
        path,
        owner: config.owner(need.reader),
        mode: 0o400,
    };
    // the other value of a secret on its way is on disk before the one in force is replaced
    let beside = needs.iter().filter_map(|need| {
        let flight = config.secrets.flight(need.name.as_str())?;
        let path = companion(config, &need.name, flight.stage);
        Some(file(need, path, &flight.other))
    });
    let secrets = needs.iter().filter_map(|need| {
        let value = config.secrets.get(need.name.as_str())?;
        let path = config.path("config/secrets").join(need.name.as_str());
        Some(file(need, path, value))
    });
    [identity, manifest]
        .into_iter()
        .chain(beside)
        .chain(secrets)
        .collect()
}

/// The file of the other value of a secret that is on its way.
pub(super) fn companion(config: &StackConfig, name: &SecretName, stage: Stage) -> PathBuf {
    let file = format!("{name}.{}", stage.suffix());
    config.path("config/secrets").join(file)
}

/// Labels that every object of the stack carries.
pub(super) fn labels(config: &StackConfig) -> BTreeMap<String, String> {
    [
        (label::STACK, config.name().to_string()),
        (label::STACK_ID, config.id.to_string()),
        (label::BASE_DIR, config.base_dir().display().to_string()),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value))
    .collect()
}

pub(super) fn network(config: &StackConfig) -> NetworkSpec {
    let subnet = config.allocation.subnet;
    NetworkSpec {
        name: config.name().to_string(),
        subnet,
        gateway: subnet.hosts().next().unwrap_or_else(|| subnet.network()),
        bridge: config.id.bridge(),
        labels: labels(config),
    }
}

pub(super) fn firewall(config: &StackConfig) -> FirewallSpec {
    FirewallSpec {
        bridge: config.id.bridge(),
        chain: FIREWALL_CHAIN.to_owned(),
    }
}

pub(super) fn cgroup(config: &StackConfig, engine: &EngineFacts) -> Option<CgroupSpec> {
    let s = &config.settings;
    Some(CgroupSpec {
        parent: config.cgroup_parent(&engine.cgroup_driver)?,
        memory_bytes: s.stack_memory.get().map(crate::settings::ByteSize::bytes),
        milli_cpus: s.stack_cpus.get().map(|c| u64::from(c.thousandths())),
        pids: s.stack_pids.get().map(crate::settings::Pids::get),
    })
}

pub(super) fn quota(config: &StackConfig) -> QuotaSpec {
    let limit = config.settings.stack_disk.get();
    QuotaSpec {
        base_dir: config.base_dir().to_path_buf(),
        project: project(config.allocation.uid),
        bytes: limit.map(crate::settings::ByteSize::bytes),
    }
}
