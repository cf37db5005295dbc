//! The three bodies, from tables.

mod tables;
mod writable;

use crate::rule::{Body, Family, Peer, Perms, Rule, Section, SocketKind, Verdict};
use crate::{Capability, Kind, Pattern, ProfileSpec};

/// The rules of `spec`, section by section.
pub(crate) fn rules(spec: &ProfileSpec) -> Vec<Rule> {
    let mut rules = Vec::new();
    image(spec, &mut rules);
    writable::rules(spec, &mut rules);
    if spec.writable_root {
        known(&mut rules, Section::Writable, &tables::WRITE_ROOT);
    }
    devices(spec, &mut rules);
    guards(spec, &mut rules);
    capabilities(spec, &mut rules);
    network(spec, &mut rules);
    processes(spec, &mut rules);
    rules
}

fn push(rules: &mut Vec<Rule>, id: impl Into<String>, section: Section, body: Body) {
    rules.push(Rule {
        id: id.into(),
        section,
        body,
    });
}

fn known(rules: &mut Vec<Rule>, section: Section, row: &tables::Row) {
    let tables::Row {
        id,
        verdict,
        owner,
        pattern,
        perms,
    } = *row;
    let pattern = Pattern::known(pattern);
    push(
        rules,
        id,
        section,
        Body::File {
            verdict,
            owner,
            pattern,
            perms,
        },
    );
}

fn all(rules: &mut Vec<Rule>, section: Section, rows: &[tables::Row]) {
    for row in rows {
        known(rules, section, row);
    }
}

fn image(spec: &ProfileSpec, rules: &mut Vec<Rule>) {
    match spec.kind {
        Kind::Default => {
            all(rules, Section::Image, &tables::READ_ALL);
        }
        Kind::OpenClaw | Kind::Tailscale { .. } => {
            all(rules, Section::Image, &tables::READ_STRICT);
            let mut readable: Vec<_> = spec.readable.iter().collect();
            readable.sort();
            readable.dedup();
            for path in readable {
                let (pattern, verdict) = (Pattern::tree(path), Verdict::Allow);
                let body = Body::File {
                    verdict,
                    owner: false,
                    pattern,
                    perms: Perms::R,
                };
                push(rules, format!("read:{path}"), Section::Image, body);
            }
        }
    }
    known(rules, Section::Root, &tables::ROOT);
}

fn devices(spec: &ProfileSpec, rules: &mut Vec<Rule>) {
    all(rules, Section::Devices, &tables::DEVICES);
    if spec.gpu {
        all(rules, Section::Devices, &tables::GPU);
    }
    if spec.kind == (Kind::Tailscale { tun: true }) {
        all(rules, Section::Devices, &tables::TUN);
    }
}

fn guards(spec: &ProfileSpec, rules: &mut Vec<Rule>) {
    let lifted = |row: &tables::Row| spec.writable_root && row.id == tables::SHADOW_GUARD;
    for row in tables::GUARDS.iter().filter(|row| !lifted(row)) {
        known(rules, Section::Guards, row);
    }
    if spec.deny_passwd {
        known(rules, Section::Guards, &tables::PASSWD);
    }
}

fn capabilities(spec: &ProfileSpec, rules: &mut Vec<Rule>) {
    use Capability::{NetAdmin, NetRaw, SysModule};
    let mut allowed = spec.capabilities.clone();
    // tailscaled probes for these: the quiet denials keep the log readable
    let denied: &[Capability] = match spec.kind {
        Kind::Default | Kind::OpenClaw => &[],
        Kind::Tailscale { tun: false } => &[NetAdmin, NetRaw, SysModule],
        Kind::Tailscale { tun: true } => {
            allowed.extend([NetAdmin, NetRaw]);
            &[SysModule]
        }
    };
    allowed.retain(|capability| !capability.is_never_granted());
    allowed.sort();
    allowed.dedup();
    let rows = allowed
        .into_iter()
        .map(|capability| (capability, Verdict::Allow, "cap"))
        .chain(
            denied
                .iter()
                .map(|capability| (*capability, Verdict::DenyQuietly, "no-cap")),
        );
    for (capability, verdict, word) in rows {
        let id = format!("{word}:{capability}");
        push(
            rules,
            id,
            Section::Capabilities,
            Body::Capability {
                verdict,
                capability,
            },
        );
    }
}

fn network(spec: &ProfileSpec, rules: &mut Vec<Rule>) {
    let mut add = |id: &str, verdict, family, kind| {
        push(
            rules,
            id,
            Section::Network,
            Body::Network {
                verdict,
                family,
                kind,
            },
        );
    };
    for (id, family, kind) in tables::NETWORK {
        add(id, Verdict::Allow, family, Some(kind));
    }
    match spec.kind {
        Kind::Default | Kind::OpenClaw => {}
        Kind::Tailscale { tun: false } => {
            add("no-net:packet", Verdict::DenyQuietly, Family::Packet, None);
        }
        Kind::Tailscale { tun: true } => {
            add(
                "net:inet-raw",
                Verdict::Allow,
                Family::Inet,
                Some(SocketKind::Raw),
            );
            add(
                "net:inet6-raw",
                Verdict::Allow,
                Family::Inet6,
                Some(SocketKind::Raw),
            );
            add(
                "net:packet-raw",
                Verdict::Allow,
                Family::Packet,
                Some(SocketKind::Raw),
            );
            add(
                "net:packet-dgram",
                Verdict::Allow,
                Family::Packet,
                Some(SocketKind::Dgram),
            );
        }
    }
}

fn processes(spec: &ProfileSpec, rules: &mut Vec<Rule>) {
    let own = || Peer::Profile(spec.name.clone());
    let mut add = |id: &str, body| push(rules, id, Section::Processes, body);
    add(
        "signal:own",
        Body::Signal {
            send: true,
            peer: own(),
        },
    );
    add(
        "signal:unconfined",
        Body::Signal {
            send: false,
            peer: Peer::Unconfined,
        },
    );
    add(
        "signal:runtime-paths",
        Body::Signal {
            send: false,
            peer: Peer::RuntimePaths,
        },
    );
    add(
        "signal:runtime-names",
        Body::Signal {
            send: false,
            peer: Peer::RuntimeNames,
        },
    );
    add("ptrace:own", Body::Ptrace { peer: own() });
}
