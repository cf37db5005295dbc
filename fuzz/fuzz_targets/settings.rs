//! No text of any key panics, and every problem names its key.
#![no_main]

use aiplat_core::manifest::Manifest;
use aiplat_core::settings::{KnownKeys, Layers, Settings, keys::KEYS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut layers = Layers::default();
    // one line for each key of the table, in its order
    for (key, line) in KEYS.iter().zip(text.split('\n')) {
        layers
            .environment
            .insert(key.name.to_owned(), line.to_owned());
    }
    layers.manifest = Manifest::parse(&text).unwrap_or_default();
    match Settings::resolve(&layers, &KnownKeys::default()) {
        Ok((settings, warnings)) => drop(format!("{settings:?} {warnings:?}")),
        Err(problems) => assert!(problems.all().iter().all(|problem| problem.key.is_some())),
    }
});
