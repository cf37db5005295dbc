//! Whether a line means the same to a shell, to `docker compose` and here.

use super::Manifest;
use super::line::Entry;
use super::quoting::{Quote, is_plain, trailing_backslashes};

pub(super) fn same_everywhere(manifest: &Manifest, index: usize, entry: &Entry) -> bool {
    let earlier = |key: &str| manifest.effective.get(key).is_some_and(|e| e.index < index);
    entry.equals == "="
        && blank_to_all(&entry.lead.replacen("export", "", 1))
        && blank_to_all(entry.tail.split('#').next().unwrap_or_default())
        && entry.references().all(earlier)
        && match entry.quote {
            Quote::Plain => plain(entry),
            Quote::Single => {
                trailing_backslashes(&entry.raw[..entry.raw.len() - 1]).is_multiple_of(2)
            }
            Quote::Double => double(&entry.raw[1..entry.raw.len() - 1]),
        }
}

/// A shell takes a carriage return and Unicode's blanks for text.
fn blank_to_all(text: &str) -> bool {
    text.chars().all(|c| matches!(c, ' ' | '\t' | '\n'))
}

fn plain(entry: &Entry) -> bool {
    // compose takes a comment right behind the `=` for the value
    let commented = entry.tail.contains('#');
    // within a word, `#` starts no comment
    let plain = |c: char| is_plain(c) || c == '#';
    without_references(&entry.raw).chars().all(plain) && !(entry.raw.is_empty() && commented)
}

fn double(inner: &str) -> bool {
    let mut rest = inner;
    while let Some(at) = rest.find(['\\', '$', '`']) {
        let special = &rest[at..];
        let read = match special.as_bytes() {
            [b'\\', b'\\' | b'"' | b'$', ..] => 2,
            [b'$', b'{', ..] => special.find('}').map_or(special.len(), |end| end + 1),
            _ => return false,
        };
        rest = &special[read..];
    }
    true
}

fn without_references(raw: &str) -> String {
    let mut text = String::new();
    let mut rest = raw;
    while let Some((before, reference)) = rest.split_once("${") {
        text.push_str(before);
        rest = reference.split_once('}').map_or("", |(_, after)| after);
    }
    text + rest
}
