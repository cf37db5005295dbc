//! Secrets rotated on running stacks, judged by clients of the test's own.

mod apps;
mod ask;
mod full_disk;
mod given;
mod killed;
mod whole;
mod worse;

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::stack::Stack;

/// Every secret of the stack, by the name of its file.
fn secrets(stack: &Stack<'_>) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(stack.base.join("config/secrets")).unwrap();
    files
        .flatten()
        .map(|file| {
            let value = std::fs::read_to_string(file.path()).unwrap();
            (
                file.file_name().into_string().unwrap(),
                value.trim().to_owned(),
            )
        })
        .collect()
}

/// No copy of an old or a next value lies about.
#[track_caller]
fn settled(stack: &Stack<'_>) {
    let left: Vec<_> = secrets(stack)
        .into_keys()
        .filter(|name| name.contains('.'))
        .collect();
    assert_eq!(left, [""; 0]);
}

/// None of these values stands in any of these texts.
#[track_caller]
fn tells_none<'a>(values: impl IntoIterator<Item = &'a String>, what: &str, text: &str) {
    for value in values {
        assert!(
            value.len() < 12 || !text.contains(value.as_str()),
            "{what} tells a secret"
        );
    }
}

/// Every file below a directory, except the secrets' own and the configuration that holds them by design.
fn journals(base: &Path) -> String {
    let read = |name: &str| std::fs::read_to_string(base.join(name)).unwrap_or_default();
    ["config/journal.jsonl", "config/audit.jsonl", "config/.env"]
        .map(read)
        .concat()
}
