//! What settings must be to each other.

use std::collections::BTreeMap;

use super::reader::Reader;
use super::{Expected, Layers, Settings, Source, Uid, Warning, WarningKind};

pub(super) fn check(settings: &Settings, reader: &mut Reader<'_>) {
    let openclaw = &settings.openclaw_uid;
    if openclaw
        .get()
        .is_some_and(|uid| uid == *settings.stack_user_uid.get())
    {
        reader.refuse("OPENCLAW_UID", openclaw.source(), Expected::OtherUid);
    }
    let openclaw = &settings.openclaw_gid;
    if openclaw
        .get()
        .is_some_and(|gid| gid == *settings.stack_user_gid.get())
    {
        reader.refuse("OPENCLAW_GID", openclaw.source(), Expected::OtherGid);
    }
    let mut owners = BTreeMap::new();
    for (key, port) in &settings.ports {
        if let Some(other) = owners.insert(*port.get(), key) {
            let expected = Expected::OwnPort {
                other: other.clone(),
            };
            reader.refuse(key, port.source(), expected);
        }
    }
}

pub(super) fn warnings(settings: &Settings, layers: &Layers) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |key: &str, source, kind| {
        warnings.push(Warning {
            key: key.to_owned(),
            line: layers.line(key, source),
            kind,
        });
    };
    let addresses = [
        ("BIND_ADDRESS", &settings.bind_address),
        ("FRONT_DOOR_ADDRESS", &settings.front_door_address),
    ];
    for (key, address) in addresses {
        if address.get().is_unspecified() && address.is_given() {
            warn(key, address.source(), WarningKind::Wildcard);
        }
    }
    let unusable = layers
        .invoking_user
        .is_some_and(|(uid, _)| Uid::new(uid).is_none());
    if unusable && !settings.stack_user_uid.is_given() {
        warn("STACK_USER_UID", Source::Default, WarningKind::InvokingUser);
    }
    warnings
}
