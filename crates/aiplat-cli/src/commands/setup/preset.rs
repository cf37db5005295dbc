//! `--from-user`: one user's own values.

use std::collections::BTreeMap;

use aiplat_core::settings::preset::{BLOCK, from_user};
use aiplat_core::settings::{Domain, HostPort, Uid};
use aiplat_docker::host::{Host, HostQuestion};
use aiplat_docker::stack::{Inputs, register};

use super::given;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::session::Session;

/// Puts a user's values in, below what was given by flag or in the environment; a given domain is the one that the
/// user's own is made below.
pub(super) fn apply(session: &Session, user: &str, inputs: &mut Inputs) -> Result<(), Failure> {
    let invalid = |words: String| Failure::new(Exit::Invalid, format!("`--from-user`: {words}"));
    let uid = if user == "caller" {
        session.environment.invoking_user.map(|(uid, _)| uid)
    } else {
        user.parse().ok()
    };
    let uid = uid
        .and_then(Uid::new)
        .ok_or_else(|| invalid("expected a user id from 1001 to 65534".to_owned()))?;
    let parent = ["flag", "environment"]
        .into_iter()
        .zip([&inputs.flags, &inputs.environment])
        .find_map(|(_, layer)| layer.get("DOMAIN_NAME"))
        .map_or("ai.localhost", String::as_str);
    let parent: Domain = parent
        .parse()
        .map_err(|expected| invalid(format!("`DOMAIN_NAME`: expected {expected}")))?;
    let preset = from_user(uid, &parent).map_err(|error| invalid(error.to_string()))?;
    for (key, value) in preset.values {
        if key == "DOMAIN_NAME" || !given(inputs, &key) {
            inputs.flags.insert(key, value);
        }
    }
    if let Some(first) = preset.first_port {
        for (key, port) in block(session, first)? {
            if !given(inputs, &key) {
                inputs.flags.insert(key, port);
            }
        }
    }
    Ok(())
}

/// The user's block of ports where all of it is free; nothing where it is not, and the next free block is taken then.
fn block(session: &Session, first: HostPort) -> Result<BTreeMap<String, String>, Failure> {
    let facts = session.host().facts(&HostQuestion {
        base_dir: "/".into(),
        ..HostQuestion::default()
    })?;
    let reserved = register(&session.places())?;
    let first = first.get();
    let taken = |port: u16| {
        facts.listeners.iter().any(|l| l.port == port)
            || reserved
                .stacks
                .iter()
                .flat_map(|r| &r.ports)
                .any(|p| p.port == port)
    };
    if (first..first + BLOCK).any(taken) {
        return Ok(BTreeMap::new());
    }
    // the table's ports run from 5000 to 5011
    let ports = session
        .catalogue
        .services()
        .flat_map(|s| &s.ports)
        .filter_map(|port| {
            let place = port
                .default?
                .checked_sub(5000)
                .filter(|place| *place < BLOCK)?;
            Some((port.key.clone()?, (first + place).to_string()))
        });
    Ok(ports.collect())
}
