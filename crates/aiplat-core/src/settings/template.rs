//! The documented manifest of a new stack.

use std::collections::BTreeMap;

use super::KnownKeys;
use super::keys::{KEYS, Key};
use crate::manifest::{EditError, assignment};

const HEAD: &str = "\
# The manifest of one aiplat stack: `KEY=value` lines, comments and blank lines, all kept when aiplat rewrites it.
# Values are literal; `${KEY}` is another key's value. Values with blanks, `$`, quotes or `#` go into single quotes.
# A command-line flag goes before the process environment, that before this file, and this file before the default.
# A key without a value counts as not given. Secrets are in files of their own under `config/secrets/`.
";

/// The text of a manifest with every key of the table, grouped, each with what it is for. Keys of `values` are set;
/// the others stand there as comments, to be filled in. `values` that the table does not have come last. Secrets,
/// those of `known` too, are never written.
///
/// Fails on a key or value that no manifest can hold.
pub fn render(values: &BTreeMap<String, String>, known: &KnownKeys) -> Result<String, EditError> {
    let mut blocks = vec![HEAD.to_owned()];
    let mut group = None;
    for key in KEYS {
        if group != Some(key.group) {
            group = Some(key.group);
            blocks.push(format!("\n\n# ==== {} ====\n", key.group.title()));
        }
        let value = values.get(key.name).filter(|_| !known.is_secret(key.name));
        blocks.push(entry(key, value)?);
    }
    let others = |key: &str| super::keys::find(key).is_none() && !known.is_secret(key);
    let mut others = values.iter().filter(|(key, _)| others(key)).peekable();
    if others.peek().is_some() {
        blocks.push("\n\n# ==== Of single services, and others ====\n\n".to_owned());
    }
    for (key, value) in others {
        blocks.push(assignment(key, value)? + "\n");
    }
    Ok(blocks.concat())
}

fn entry(key: &Key, value: Option<&String>) -> Result<String, EditError> {
    let assignment = match value {
        Some(value) => assignment(key.name, value)?,
        None => format!("#{}=", key.name),
    };
    let default = key.default.words();
    Ok(format!(
        "\n# {}.\n# Default: {default}.\n{assignment}\n",
        capital(key.about)
    ))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}
