//! Specs that the tests of this crate share.

use aiplat_apparmor::{Kind, ProfileName, ProfileSpec, Writable};

/// A spec of `kind` with the mounts such a service has.
pub(crate) fn example(kind: Kind) -> ProfileSpec {
    let name = ProfileName::for_service("ai_platform", kind.as_str()).unwrap();
    let mut spec = ProfileSpec::new(name, kind);
    let data: &[&str] = match kind {
        Kind::Default => &["/var/lib/postgresql/data"],
        Kind::OpenClaw => &["/home/node/.openclaw", "/workspace"],
        Kind::Tailscale { .. } => &["/var/lib/tailscale"],
    };
    spec.writable = data
        .iter()
        .map(|path| Writable::data(path.parse().unwrap()))
        .collect();
    spec
}
