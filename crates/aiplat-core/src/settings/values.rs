//! Values whose types are others', and defaults that follow from other settings.

use std::net::Ipv4Addr;

use aiplat_vectordb::StoreKind;
use secrecy::SecretString;

use super::{DnsLabel, Domain, Expected, Gid, Layers, Uid};
use crate::names::{ServiceName, StackName};

pub(super) fn address(text: &str) -> Result<Ipv4Addr, Expected> {
    let address: Option<Ipv4Addr> = text.parse().ok();
    // nothing can listen on these
    let bindable = |a: &Ipv4Addr| !a.is_multicast() && !a.is_broadcast();
    address.filter(bindable).ok_or(Expected::BindAddress)
}

pub(super) fn stack_name(text: &str) -> Result<StackName, Expected> {
    text.parse().map_err(|_| Expected::StackName)
}

pub(super) fn vector_db(text: &str) -> Result<StoreKind, Expected> {
    text.to_ascii_lowercase()
        .parse()
        .map_err(|_| Expected::VectorDb)
}

/// Names in the order given, each once.
pub(super) fn services(text: &str) -> Result<Vec<ServiceName>, Expected> {
    let mut names: Vec<ServiceName> = Vec::new();
    for word in text
        .split(|c: char| c == ',' || c.is_whitespace())
        .filter(|word| !word.is_empty())
    {
        let name = word.parse().map_err(|_| Expected::Services)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    // nothing but commas
    if names.is_empty() {
        Err(Expected::Services)
    } else {
        Ok(names)
    }
}

pub(super) fn auth_key(text: &str) -> Result<SecretString, Expected> {
    if text.chars().all(|c| c.is_ascii_graphic()) {
        Ok(text.into())
    } else {
        Err(Expected::AuthKey)
    }
}

/// `openclaw-<domain>` as a label.
pub(super) fn node_name(domain: &Domain) -> DnsLabel {
    DnsLabel::from_words(&format!("openclaw-{domain}")).expect("it starts with a letter")
}

/// The invoking user's group where `uid` is that user. Else the group of the user's own number: groups are shared
/// by nobody then, and files of mode 0750 stay within the stack.
pub(super) fn group_of(layers: &Layers, uid: Uid) -> Gid {
    let own = Gid::new(uid.get()).expect("users and groups have the same range");
    match layers.invoking_user {
        Some((user, group)) if user == uid.get() => Gid::new(group).unwrap_or(own),
        _ => own,
    }
}
