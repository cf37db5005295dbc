//! Quotes: reading what is between them, and choosing those that all readers read alike.

use super::line::Piece;
use super::syntax::Syntax;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quote {
    Plain,
    Single,
    Double,
}

/// `[A-Za-z_][A-Za-z0-9_]*`
pub(super) fn is_key(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().all(word) && text.chars().next().is_some_and(|c| !c.is_ascii_digit())
}

/// Characters that mean themselves to a shell, to compose and here, wherever in an unquoted value they stand.
pub(super) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_-./:,@%+=".contains(c)
}

/// What `text` means where `${KEY}` is a reference; in double quotes, `escapes` are undone.
pub(super) fn pieces(text: &str, escapes: bool) -> Result<Vec<Piece>, Syntax> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        if let Some(reference) = rest.strip_prefix("${") {
            let (key, tail) = reference.split_once('}').ok_or(Syntax::Reference)?;
            if !is_key(key) {
                return Err(Syntax::Reference);
            }
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(Piece::Reference(key.to_owned()));
            rest = tail;
        } else if escapes && c == '\\' && after.starts_with(['\\', '"', '$', '`']) {
            literal.push_str(&after[..1]);
            rest = &after[1..];
        } else {
            literal.push(c);
            rest = after;
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// The length in bytes of a quoted value, quotes included, or `None` where it is not closed.
pub(super) fn quoted_length(text: &str, quote: Quote) -> Option<usize> {
    let end = if quote == Quote::Single { '\'' } else { '"' };
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == end {
            return Some(index + 1);
        } else {
            escaped = quote == Quote::Double && c == '\\';
        }
    }
    None
}

/// Whether a shell, `docker compose` and this parser all read `value` alike as [`super::Manifest::set`] writes it.
pub fn portable(value: &str) -> bool {
    fits(value, Quote::Plain) || fits(value, Quote::Single) || fits(value, Quote::Double)
}

/// Whether all readers read `value` alike in this style.
pub(super) fn fits(value: &str, quote: Quote) -> bool {
    match quote {
        Quote::Plain => value.chars().all(is_plain),
        // compose takes `\'` for a quote that is not the end
        Quote::Single => !value.contains('\'') && trailing_backslashes(value).is_multiple_of(2),
        // a shell runs what is in backticks, and compose has no escape for them
        Quote::Double => !value.contains('`'),
    }
}

/// How many `\` end the text.
pub(super) fn trailing_backslashes(text: &str) -> usize {
    text.len() - text.trim_end_matches('\\').len()
}

/// `value` as it is written: in the `preferred` style if that fits, else in the first that does.
pub(super) fn write(value: &str, preferred: Quote) -> (String, Quote) {
    let quote = [preferred, Quote::Plain, Quote::Single]
        .into_iter()
        .find(|&quote| fits(value, quote))
        .unwrap_or(Quote::Double);
    let raw = match quote {
        Quote::Plain => value.to_owned(),
        Quote::Single => format!("'{value}'"),
        Quote::Double => {
            let mut raw = String::from("\"");
            for c in value.chars() {
                if matches!(c, '\\' | '"' | '$' | '`') {
                    raw.push('\\');
                }
                raw.push(c);
            }
            raw + "\""
        }
    };
    (raw, quote)
}
