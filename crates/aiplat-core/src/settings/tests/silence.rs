//! No value in any output, whatever layer it is from and whether it is valid.

use proptest::prelude::*;

use super::super::{Layers, Settings};
use super::{known, map};
use crate::manifest::Manifest;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn nothing_shows_a_value(
        key in prop::sample::select(known().names().into_iter().map(str::to_owned).collect::<Vec<_>>()),
        layer in 0..3,
        shape in prop::sample::select(vec!["@", "/@", "/mnt/@", "@.@", "@/@:@", " @", "@@x.y", "1@", "@ @", "\u{e9}@"]),
    ) {
        // letters that no key and no word of ours has in a row
        let canary = "zqxcanary";
        let value = shape.replace('@', canary);
        let mut manifest = Manifest::default();
        let pairs = map(&[(&key, &value)]);
        let mut layers = Layers::default();
        match layer {
            0 => layers.flags = pairs,
            1 => layers.environment = pairs,
            _ => {
                manifest.set(&key, &value).expect("a key");
                layers.manifest = manifest;
            }
        }
        let result = Settings::resolve(&layers, &known());
        let shown = match result {
            Ok((settings, warnings)) => format!("{settings:?} {warnings:?}"),
            Err(problems) => {
                let hints: Vec<_> = problems.all().iter().map(|p| p.hint).collect();
                format!("{problems:?} {problems} {hints:?}")
            }
        };
        prop_assert!(!shown.contains(canary), "{}", shown);
        let shown = format!("{layers:?}");
        prop_assert!(!shown.contains(canary), "{}", shown);
    }

    #[test]
    fn no_value_panics(key in prop::sample::select(super::super::keys::KEYS.iter().map(|k| k.name).collect::<Vec<_>>()), value in any::<String>()) {
        let layers = Layers { flags: map(&[(key, &value)]), ..Layers::default() };
        let _ = Settings::resolve(&layers, &known());
    }
}
