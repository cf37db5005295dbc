//! "This user is the tenant": a stack's values from a user id.

use std::collections::BTreeMap;

use super::{Domain, HostPort, Uid};

/// How many ports a stack's block has.
pub const BLOCK: u16 = 12;

/// The first user id of an ordinary user.
const FIRST_UID: u32 = 1000;

/// Values that `setup --from-user` starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// By manifest key.
    pub values: BTreeMap<String, String>,
    /// Where the block of host ports would best start; `None` where that leaves the range of ports. A preference:
    /// it is no value, so that a taken block is no error but the next free one is used.
    pub first_port: Option<HostPort>,
}

/// Why there is no preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PresetError {
    /// The user is a system user, or the first user, whose stack needs no preset.
    #[error("expected a user id from 1001 to 65534")]
    Uid,
    /// `tenant-<uid>.<domain>` is too long.
    #[error("expected a domain with room for `tenant-<uid>.` in front")]
    Domain,
}

/// The preset of the user, below `domain`. The group is not in it: it follows from the user.
pub fn from_user(uid: Uid, domain: &Domain) -> Result<Preset, PresetError> {
    let id = uid.get();
    if id <= FIRST_UID {
        return Err(PresetError::Uid);
    }
    let domain: Domain = format!("tenant-{id}.{domain}")
        .parse()
        .map_err(|_| PresetError::Domain)?;
    let values = [
        ("BASE_DIR", format!("/mnt/data-tenant-{id}")),
        ("DOMAIN_NAME", domain.to_string()),
        ("DOCKER_NETWORK", format!("ai-platform-{id}")),
        ("STACK_USER_UID", id.to_string()),
    ];
    let first = 5000 + (id - FIRST_UID) * 100;
    Ok(Preset {
        values: values
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
        first_port: HostPort::new(first + u32::from(BLOCK) - 1).and_then(|_| HostPort::new(first)),
    })
}
