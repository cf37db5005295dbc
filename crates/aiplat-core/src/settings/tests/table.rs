//! The table of keys, and the documented manifest made of it.

use std::collections::BTreeSet;

use super::super::keys::{KEYS, KeyDefault, find};
use super::super::{Settings, template};
use super::{known, manifest, map};
use crate::manifest::Manifest;

#[test]
fn rows_are_complete_and_in_groups() {
    let mut names = BTreeSet::new();
    for row in KEYS {
        assert!(names.insert(row.name), "{} twice", row.name);
        assert!(
            !row.about.is_empty() && !row.about.ends_with('.'),
            "{}",
            row.name
        );
        assert!(!row.default.words().is_empty(), "{}", row.name);
        assert!(!row.expected.to_string().is_empty());
    }
    assert!(KEYS.is_sorted_by_key(|row| row.group));
}

#[test]
fn every_row_is_read() {
    // a value that no key accepts must be refused for each row but secrets of free form
    for row in KEYS {
        let layers = manifest(&format!("{}='not / valid: \u{e9}'\n", row.name));
        let problems = Settings::resolve(&layers, &known()).expect_err(row.name);
        let of_row = |p: &super::super::Problem| p.key.as_deref() == Some(row.name);
        let problem = problems.all().iter().find(|p| of_row(p)).expect(row.name);
        let path = row.name == "BASE_DIR" || row.name == "APPARMOR_PROFILE_DIR";
        assert!(path || problem.expected == row.expected, "{}", row.name);
    }
}

#[test]
fn the_documented_manifest_round_trips() {
    let values = map(&[
        ("BASE_DIR", "/mnt/data2"),
        ("SERVICES", "litellm, qdrant"),
        ("GRAFANA_PORT", "5101"),
        ("IMAGE_GRAFANA", "me/grafana:1"),
        ("TAILSCALE_AUTH_KEY", "tskey-secret"),
        ("POSTGRES_PASSWORD", "secret"),
    ]);
    let text = template::render(&values, &known()).expect("valid keys");
    assert!(
        !text.contains("secret\n") && !text.contains("tskey"),
        "secrets are not written"
    );
    let read = Manifest::parse(&text).expect("can be read");
    assert_eq!(read.to_text(), text);
    assert!(read.differences().is_empty() && read.warnings().is_empty());
    let keys: Vec<_> = read
        .iter()
        .map(|(key, value)| (key, value.expose()))
        .collect();
    let expected = [
        ("BASE_DIR", "/mnt/data2"),
        ("SERVICES", "litellm, qdrant"),
        ("GRAFANA_PORT", "5101"),
        ("IMAGE_GRAFANA", "me/grafana:1"),
    ];
    assert_eq!(keys, expected);
    for row in KEYS {
        assert!(text.contains(row.name), "{}", row.name);
        assert!(text.lines().any(|line| {
            line.trim_start_matches('#')
                .starts_with(&format!("{}=", row.name))
        }));
    }
}

#[test]
fn a_manifest_of_all_defaults_says_what_an_empty_one_says() {
    let fixed = |row: &super::super::keys::Key| match row.default {
        KeyDefault::Value(value) => Some((row.name.to_owned(), value.to_owned())),
        KeyDefault::Derived(_) | KeyDefault::Unset(_) => None,
    };
    let text = template::render(&KEYS.iter().filter_map(fixed).collect(), &known()).expect("valid");
    let (settings, warnings) = Settings::resolve(&manifest(&text), &known()).expect("valid");
    assert!(warnings.is_empty());
    assert!(settings.base_dir.is_given());
    assert!(find("NO_SUCH_KEY").is_none());
}

#[test]
fn a_key_that_no_file_can_hold_is_an_error() {
    assert!(template::render(&map(&[("not a key", "x")]), &known()).is_err());
}
