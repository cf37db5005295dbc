//! The keys that services bring.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::KEYS;
use crate::names::ServiceName;

/// Keys that are known beside those of [`KEYS`]; the catalogue tells them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownKeys {
    images: BTreeMap<String, ServiceName>,
    ports: BTreeSet<String>,
    secrets: BTreeSet<String>,
}

impl KnownKeys {
    /// Adds a service's `IMAGE_<SERVICE>`.
    #[must_use]
    pub fn with_service(mut self, service: &ServiceName) -> Self {
        self.images
            .insert(Self::image_key(service), service.clone());
        self
    }

    /// Adds a host port's key; one that [`KEYS`] has may be added too.
    #[must_use]
    pub fn with_port(mut self, key: impl Into<String>) -> Self {
        self.ports.insert(key.into());
        self
    }

    /// Adds a secret's key.
    #[must_use]
    pub fn with_secret(mut self, key: impl Into<String>) -> Self {
        self.secrets.insert(key.into());
        self
    }

    /// The key that replaces a service's image: `IMAGE_OPEN_WEBUI` for `open-webui`.
    pub fn image_key(service: &ServiceName) -> String {
        format!("IMAGE_{}", service.identifier().to_ascii_uppercase())
    }

    pub(super) fn images(&self) -> impl Iterator<Item = (&str, &ServiceName)> {
        // a service named `registry` must not take the mirror's key
        let own = |key: &str| super::keys::find(key).is_none();
        self.images
            .iter()
            .map(|(key, name)| (key.as_str(), name))
            .filter(move |(key, _)| own(key))
    }

    /// Keys of host ports, those of the table first.
    pub(super) fn ports(&self) -> impl Iterator<Item = &str> {
        let table = KEYS
            .iter()
            .filter(|k| k.group == super::keys::Group::Ports)
            .map(|k| k.name);
        let own = |key: &&str| super::keys::find(key).is_none();
        table.chain(self.ports.iter().map(String::as_str).filter(own))
    }

    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }

    /// Whether the key's value is a secret.
    pub fn is_secret(&self, key: &str) -> bool {
        self.secrets.contains(key) || super::keys::find(key).is_some_and(|key| key.secret)
    }

    /// Every key that means something.
    pub fn names(&self) -> BTreeSet<&str> {
        let table = KEYS.iter().map(|key| key.name);
        table
            .chain(self.images.keys().map(String::as_str))
            .chain(self.ports())
            .chain(self.secrets())
            .collect()
    }
}
