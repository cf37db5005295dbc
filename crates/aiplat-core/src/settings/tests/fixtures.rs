//! `fixtures/manifests/settings`: whole files with the problems and warnings they have.

use std::fs;
use std::path::Path;

use super::super::{Layers, Settings};
use super::known;
use crate::manifest::Manifest;

/// Beside each `NAME.env`, `NAME.said` has its problems, each with its hint, or else its warnings.
#[test]
fn all_that_is_wrong_is_said() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/manifests/settings");
    let mut seen = 0;
    for entry in fs::read_dir(&folder).expect("the folder is there") {
        let path = entry.expect("listed").path();
        if path.extension().is_none_or(|extension| extension != "env") {
            continue;
        }
        seen += 1;
        let text = fs::read_to_string(&path).expect("readable");
        let manifest = Manifest::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let layers = Layers {
            manifest,
            ..Layers::default()
        };
        let said: Vec<String> = match Settings::resolve(&layers, &known()) {
            Ok((_, warnings)) => warnings.iter().map(|w| format!("warning: {w}")).collect(),
            Err(problems) => problems
                .into_iter()
                .map(|p| match p.hint {
                    Some(hint) => format!("{p}\n  hint: {hint}"),
                    None => p.to_string(),
                })
                .collect(),
        };
        let expected = fs::read_to_string(path.with_extension("said")).unwrap_or_default();
        assert_eq!(said.join("\n"), expected.trim_end(), "{}", path.display());
    }
    assert!(seen >= 3);
}
