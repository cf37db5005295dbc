//! The register, held against labels and manifests, which are the truth.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use aiplat_core::allocation::{Register, Reservation, ReservedPort};
use aiplat_core::catalogue::Catalogue;
use aiplat_core::config::known_keys;
use aiplat_core::manifest::Manifest;
use aiplat_core::names::StackId;
use aiplat_core::observed::Observed;
use aiplat_core::settings::{Layers, Settings};
use aiplat_core::spec::{IpProtocol, label};

use crate::host::{Host, HostError, ManifestStore, RegisterStore};

/// The register as it must be: what the file says, without stacks that are gone, and with stacks that it forgot.
pub(super) fn reconciled<H: Host>(
    host: &H,
    state_dir: &Path,
    observed: &Observed,
    catalogue: &Catalogue,
) -> Result<Register, HostError> {
    let mut register = RegisterStore::new(state_dir).load()?.register;
    let labelled = labelled(observed);
    let ids: BTreeSet<&StackId> = labelled.iter().map(|(id, _)| id).collect();
    let unmounted = unmounted(host)?;
    // a stack is gone when neither its directory nor any of its objects knows it, and its volume is not just away
    register.stacks.retain(|r| {
        ids.contains(&r.stack_id)
            || unmounted.contains(&r.stack_id)
            || ManifestStore::new(&r.base_dir)
                .stack_id()
                .is_ok_and(|id| id.as_ref() == Some(&r.stack_id))
    });
    for (id, base_dir) in &labelled {
        if register.get(id).is_none()
            && let Some(reservation) = of_manifest(id, base_dir, catalogue)
        {
            register.put(reservation);
        }
    }
    Ok(register)
}

/// Stacks that had a volume of their own, which is not mounted.
fn unmounted<H: Host>(host: &H) -> Result<BTreeSet<StackId>, HostError> {
    let mut away = BTreeSet::new();
    for mark in host.marked_volumes()? {
        if mark.mount_point && !host.volume(&mark.base_dir)?.mount_point {
            away.insert(mark.stack_id);
        }
    }
    Ok(away)
}

/// Identities and directories that the engine's objects name.
fn labelled(observed: &Observed) -> BTreeSet<(StackId, PathBuf)> {
    let containers = observed.containers.iter().map(|c| &c.labels);
    let networks = observed.networks.iter().map(|n| &n.labels);
    containers
        .chain(networks)
        .filter_map(|labels| {
            let id = labels.get(label::STACK_ID)?.parse().ok()?;
            Some((id, PathBuf::from(labels.get(label::BASE_DIR)?)))
        })
        .collect()
}

/// What a stack's own manifest says it has reserved.
fn of_manifest(id: &StackId, base_dir: &Path, catalogue: &Catalogue) -> Option<Reservation> {
    let store = ManifestStore::new(base_dir);
    if store.stack_id().ok()?.as_ref() != Some(id) {
        return None;
    }
    let manifest = Manifest::parse(&store.read().ok()??).ok()?;
    let layers = Layers {
        manifest,
        ..Layers::default()
    };
    let (settings, _) = Settings::resolve(&layers, &known_keys(catalogue)).ok()?;
    Some(of_settings(id, &settings))
}

/// The reservation that fully decided settings stand for.
pub(super) fn of_settings(id: &StackId, settings: &Settings) -> Reservation {
    let (uid, gid) = (settings.stack_user_uid.get(), settings.stack_user_gid.get());
    let openclaw = (
        settings
            .openclaw_uid
            .get()
            .unwrap_or_else(|| uid.openclaw()),
        settings
            .openclaw_gid
            .get()
            .unwrap_or_else(|| gid.openclaw()),
    );
    Reservation {
        stack: settings.docker_network.get().clone(),
        stack_id: id.clone(),
        base_dir: PathBuf::from(settings.base_dir.get().as_str()),
        subnet: settings
            .stack_subnet
            .get()
            .map(aiplat_core::settings::StackSubnet::net)
            .unwrap_or_default(),
        uids: [uid.get(), openclaw.0.get()].into(),
        gids: [gid.get(), openclaw.1.get()].into(),
        ports: settings
            .ports
            .iter()
            .map(|(key, port)| ReservedPort {
                address: if key.starts_with("CADDY_") {
                    *settings.front_door_address.get()
                } else {
                    *settings.bind_address.get()
                },
                port: port.get().get(),
                protocol: IpProtocol::Tcp,
            })
            .collect(),
        gpus: aiplat_core::config::gpus(settings),
        container_prefix: settings.container_prefix.get().to_string(),
        domain: settings.domain_name.get().to_string(),
    }
}
