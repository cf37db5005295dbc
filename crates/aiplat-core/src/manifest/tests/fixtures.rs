//! `fixtures/manifests`: whole files with what is to be said of them.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::Manifest;

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fixtures/manifests")
        .join(kind);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("listed").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "env"));
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// Beside each `NAME.env`, `NAME.values` has one line per key in file order, `KEY=value` with Rust's escapes; lines
/// `! …` are warnings, and lines `~ …` the differences to other readers.
#[test]
fn good_ones_are_read_as_written_beside() {
    for path in fixtures("good") {
        let text = fs::read_to_string(&path).expect("readable");
        let manifest = Manifest::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(manifest.to_text(), text, "{}", path.display());
        let values = manifest
            .iter()
            .map(|(key, v)| format!("{key}={}", v.expose().escape_debug()));
        let warnings = manifest.warnings().into_iter().map(|w| format!("! {w}"));
        let differences = manifest.differences().into_iter();
        let differences =
            differences.map(|w| format!("~ {:?} {}", w.line.unwrap_or_default(), w.key));
        let found: Vec<_> = values.chain(warnings).chain(differences).collect();
        let expected = fs::read_to_string(path.with_extension("values")).unwrap_or_default();
        assert_eq!(found.join("\n"), expected.trim_end(), "{}", path.display());
    }
}

/// Beside each `NAME.env`, `NAME.problems` has what is said of it.
#[test]
fn bad_ones_are_refused_with_all_problems() {
    for path in fixtures("bad") {
        let bytes = fs::read(&path).expect("readable");
        let problems = Manifest::parse_bytes(&bytes).expect_err("a bad manifest");
        let expected = fs::read_to_string(path.with_extension("problems")).unwrap_or_default();
        assert_eq!(
            problems.to_string(),
            expected.trim_end(),
            "{}",
            path.display()
        );
    }
}
