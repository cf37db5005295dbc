//! What is written into a stack's manifest: every value that was decided, so that the next run decides nothing anew.

use std::collections::BTreeMap;

use crate::allocation::Allocation;
use crate::catalogue::Catalogue;
use crate::manifest::{EditError, Manifest};
use crate::settings::{KnownKeys, Settings, template};

/// All keys that mean something with this catalogue.
pub fn known_keys(catalogue: &Catalogue) -> KnownKeys {
    let mut known = KnownKeys::default();
    for service in catalogue.services() {
        known = known.with_service(&service.name);
        for key in service.ports.iter().filter_map(|p| p.key.as_ref()) {
            known = known.with_port(key.clone());
        }
    }
    catalogue.secret_keys().fold(known, KnownKeys::with_secret)
}

/// The manifest's text: a documented new one, or the old one with what changed changed and nothing else.
///
/// # Errors
/// A value that no manifest can hold.
pub fn manifest(
    old: Option<&Manifest>,
    settings: &Settings,
    allocation: &Allocation,
    known: &KnownKeys,
) -> Result<String, EditError> {
    let values = values(settings, allocation);
    let Some(old) = old else {
        return template::render(&values, known);
    };
    let mut next = old.clone();
    let comment = "Decided by aiplat, and reserved on this host:";
    // what stood there may have been a service's that was purged
    next.drop_empty_section(comment);
    next.append_section(
        comment,
        values
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str())),
    )?;
    Ok(next.to_text())
}

/// Every value that was decided or given, secrets excepted.
fn values(settings: &Settings, allocation: &Allocation) -> BTreeMap<String, String> {
    let s = settings;
    let fixed = [
        ("BASE_DIR", s.base_dir.get().to_string()),
        ("DOMAIN_NAME", s.domain_name.get().to_string()),
        ("LOCALHOST", s.localhost.get().to_string()),
        ("BIND_ADDRESS", s.bind_address.get().to_string()),
        ("FRONT_DOOR_ADDRESS", s.front_door_address.get().to_string()),
        ("PUBLISH", s.publish.get().to_string()),
        ("STACK_USER_UID", allocation.uid.to_string()),
        ("STACK_USER_GID", allocation.gid.to_string()),
        ("OPENCLAW_UID", allocation.openclaw_uid.to_string()),
        ("OPENCLAW_GID", allocation.openclaw_gid.to_string()),
        ("DOCKER_NETWORK", s.docker_network.get().to_string()),
        ("STACK_SUBNET", allocation.subnet.to_string()),
        ("CONTAINER_PREFIX", s.container_prefix.get().to_string()),
        ("VECTOR_DB", s.vector_db.get().to_string()),
        ("OLLAMA_MODEL", s.ollama_model.get().to_string()),
        ("EMBEDDING_MODEL", s.embedding_model.get().to_string()),
        (
            "EMBEDDING_DIMENSIONS",
            s.embedding_dimensions.get().to_string(),
        ),
        ("APPARMOR", s.apparmor.get().to_string()),
        (
            "APPARMOR_PROFILE_DIR",
            s.apparmor_profile_dir.get().to_string(),
        ),
        ("TAILSCALE_HOSTNAME", s.tailscale_hostname.get().to_string()),
    ];
    let store_names = &s.store_names;
    let optional = [
        (
            "STORE_NAMES",
            (store_names.get() != s.docker_network.get()).then(|| store_names.get().to_string()),
        ),
        (
            "ACME_EMAIL",
            s.acme_email.get().as_ref().map(ToString::to_string),
        ),
        (
            "STACK_CPUS",
            s.stack_cpus.get().as_ref().map(ToString::to_string),
        ),
        (
            "STACK_MEMORY",
            s.stack_memory.get().as_ref().map(ToString::to_string),
        ),
        (
            "STACK_PIDS",
            s.stack_pids.get().as_ref().map(ToString::to_string),
        ),
        (
            "STACK_DISK",
            s.stack_disk.get().as_ref().map(ToString::to_string),
        ),
        (
            "STACK_GPUS",
            s.stack_gpus.get().as_ref().map(ToString::to_string),
        ),
        (
            "IMAGE_REGISTRY",
            s.image_registry.get().as_ref().map(ToString::to_string),
        ),
        ("ACME_CA", s.acme_ca.get().as_ref().map(ToString::to_string)),
        (
            "ACME_CA_ROOT",
            s.acme_ca_root.get().then(|| "true".to_owned()),
        ),
        (
            "OWN_CERTIFICATE",
            s.own_certificate.get().then(|| "true".to_owned()),
        ),
        (
            "DENY_ETC_PASSWD",
            s.deny_etc_passwd.get().then(|| "true".to_owned()),
        ),
        (
            "SERVICES",
            s.services.get().as_ref().map(|names| {
                names
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join(",")
            }),
        ),
    ];
    let images = s
        .images
        .iter()
        .map(|(name, image)| (KnownKeys::image_key(name), image.get().to_string()));
    let ports = allocation
        .ports
        .iter()
        .map(|(key, port)| (key.clone(), port.to_string()));
    fixed
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .chain(
            optional
                .into_iter()
                .filter_map(|(key, value)| Some((key.to_owned(), value?))),
        )
        .chain(images)
        .chain(ports)
        .collect()
}
