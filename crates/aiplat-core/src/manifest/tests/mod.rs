//! What the module page promises, line by line and for all input.

mod compose;
mod editing;
mod fixtures;
mod properties;
mod reading;
mod shell;
mod silence;

use super::Manifest;
use proptest::prelude::*;

/// The value of `K` in a manifest that must parse.
fn value_of(text: &str) -> String {
    let manifest = Manifest::parse(text).unwrap_or_else(|e| panic!("{text:?}: {e}"));
    manifest
        .get("K")
        .unwrap_or_else(|| panic!("{text:?} sets no `K`"))
        .expose()
        .to_owned()
}

/// Text that looks enough like a manifest to get deep into the parser.
fn manifest_like() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "K", "A", "B_2", "=", " = ", "=", "'", "\"", "\\", "$", "${", "${A}", "${K}", "}", "#",
        " #", " ", "\t", "\n", "\n", "\r\n", "\r", "export ", "x", "a b", "`", "é", "\u{a0}",
        "\u{feff}", "\0", ";", "K='", "A=\"", "K=a", "A=${K}", "B_2=x\n",
    ]);
    prop::collection::vec(fragment, 0..40).prop_map(|parts| parts.concat())
}

/// A value as people and generators make them, hostile ones included; without NUL.
fn any_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9+/=_-]{0,40}",
        "[ -~\n\t\r]{0,20}",
        r#"['"\\$`#{}A= \n]{0,12}"#,
        "\\PC{0,20}",
    ]
}
