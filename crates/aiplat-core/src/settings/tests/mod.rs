//! What settings promise.

mod fixtures;
mod grammar;
mod layers;
mod misspelling;
mod presets;
mod problems;
mod silence;
mod table;

use std::collections::BTreeMap;

use super::{KnownKeys, Layers, Settings};
use crate::manifest::Manifest;

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn manifest(text: &str) -> Layers {
    Layers {
        manifest: Manifest::parse(text).expect("well formed"),
        ..Layers::default()
    }
}

/// What a catalogue with a few services would make known.
fn known() -> KnownKeys {
    let service = |name: &str| name.parse().expect("a service name");
    KnownKeys::default()
        .with_service(&service("grafana"))
        .with_service(&service("dify-api"))
        .with_port("GRAFANA_PORT")
        .with_port("MY_PORT")
        .with_secret("POSTGRES_PASSWORD")
        .with_secret("GRAFANA_ADMIN_PASSWORD")
}

/// The settings of a manifest that must be valid.
fn resolved(text: &str) -> Settings {
    Settings::resolve(&manifest(text), &known())
        .unwrap_or_else(|e| panic!("{text:?}: {e}"))
        .0
}
