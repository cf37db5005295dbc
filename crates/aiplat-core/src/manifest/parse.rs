//! From text to lines, collecting every problem on the way.

use super::line::{Entry, Line};
use super::quoting::{Quote, is_key, pieces, quoted_length};
use super::{Manifest, Syntax, references};
use crate::settings::{Expected, Problem, Problems, Source};

pub(super) fn parse(text: &str) -> Result<Manifest, Problems> {
    let body = text.strip_prefix('\u{feff}');
    let (bom, mut rest) = (body.is_some(), body.unwrap_or(text));
    let (mut lines, mut problems, mut number) = (Vec::new(), Vec::new(), 1);
    while !rest.is_empty() {
        let line = physical(rest);
        let read = match statement(rest, line) {
            Ok((statement, length)) => {
                lines.push(statement);
                length
            }
            Err((key, syntax)) => {
                problems.push(problem(number, key, syntax));
                // go on with the next line, so that one open quote does not hide the rest
                line.len()
            }
        };
        number += newlines(&rest.as_bytes()[..read]);
        rest = &rest[read..];
    }
    let mut manifest = Manifest {
        bom,
        lines,
        effective: std::collections::BTreeMap::new(),
    };
    if problems.is_empty() {
        problems = match references::resolve(&manifest.lines) {
            Ok(effective) => {
                manifest.effective = effective;
                return Ok(manifest);
            }
            Err(found) => {
                let numbers = manifest.line_numbers();
                let told = |(index, key, syntax): references::Unresolved| {
                    problem(numbers[index], Some(key), syntax)
                };
                found.into_iter().map(told).collect()
            }
        };
    }
    Err(Problems::from(problems))
}

/// A problem of the manifest's text.
pub(super) fn problem(line: usize, key: Option<String>, syntax: Syntax) -> Problem {
    Problem {
        key,
        line: Some(line),
        source: Source::Manifest,
        expected: Expected::Syntax(syntax),
        hint: None,
    }
}

pub(super) fn newlines(bytes: &[u8]) -> usize {
    bytes.split(|&byte| byte == b'\n').count() - 1
}

/// The first line with its line end.
fn physical(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or(text)
}

fn is_blank(c: char) -> bool {
    c != '\n' && c.is_whitespace()
}

/// The length of the blanks that `text` starts with.
fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_blank).len()
}

type Refused = (Option<String>, Syntax);

/// The statement that `rest` starts with, and its length; `line` is its first line.
fn statement(rest: &str, line: &str) -> Result<(Line, usize), Refused> {
    if line.contains('\0') {
        return Err((None, Syntax::NoNul));
    }
    let content = line.trim_start();
    if content.is_empty() || content.starts_with('#') {
        return Ok((Line::Other(line.to_owned()), line.len()));
    }
    let lead = blanks(line) + export(content);
    let equals = lead + line[lead..].find('=').ok_or((None, Syntax::Assignment))?;
    let key = line[lead..equals].trim_end_matches(is_blank);
    if !is_key(key) {
        return Err((None, Syntax::Key));
    }
    let refused = |syntax| (Some(key.to_owned()), syntax);
    let mut value = equals + 1 + blanks(&line[equals + 1..]);
    let (raw, quote) = match line[value..].chars().next() {
        Some('\'') => (
            quoted(rest, value, line, Quote::Single).map_err(refused)?,
            Quote::Single,
        ),
        Some('"') => (
            quoted(rest, value, line, Quote::Double).map_err(refused)?,
            Quote::Double,
        ),
        first => {
            if matches!(first, None | Some('\n' | '#')) && value > equals + 1 {
                // nothing but blanks: they belong to the comment or the line's end
                value = equals + 1;
            }
            (plain(&line[value..]), Quote::Plain)
        }
    };
    let inner = if quote == Quote::Plain {
        raw
    } else {
        &raw[1..raw.len() - 1]
    };
    if inner.contains('\0') {
        return Err(refused(Syntax::NoNul));
    }
    let pieces = match quote {
        Quote::Single if inner.is_empty() => Vec::new(),
        Quote::Single => vec![super::line::Piece::Literal(inner.to_owned())],
        Quote::Plain | Quote::Double => pieces(inner, quote == Quote::Double).map_err(refused)?,
    };
    let tail = physical(&rest[value + raw.len()..]);
    if tail.contains('\0') {
        return Err(refused(Syntax::NoNul));
    }
    let entry = Entry {
        lead: line[..lead].to_owned(),
        key: key.to_owned(),
        equals: line[lead + key.len()..value].to_owned(),
        raw: raw.to_owned(),
        quote,
        pieces,
        tail: tail.to_owned(),
    };
    Ok((Line::Entry(entry), value + raw.len() + tail.len()))
}

/// The length of `export` and the blanks behind it; 0 for a key that merely starts so.
fn export(content: &str) -> usize {
    match content.strip_prefix("export") {
        // `export = x` sets a key of that name
        Some(after) if blanks(after) > 0 && !after.trim_start().starts_with('=') => {
            "export".len() + blanks(after)
        }
        _ => 0,
    }
}

/// An unquoted value: up to a comment or the line's end, without the blanks before that.
fn plain(text: &str) -> &str {
    let text = text.trim_end_matches('\n');
    let comment = if text.trim_start().starts_with('#') && blanks(text) > 0 {
        Some(0)
    } else {
        text.find(" #")
    };
    text[..comment.unwrap_or(text.len())].trim_end()
}

/// The quoted value at `start`, quotes included, provided that nothing but a comment follows it on its last line.
fn quoted<'a>(rest: &'a str, start: usize, line: &str, quote: Quote) -> Result<&'a str, Syntax> {
    let length = quoted_length(&rest[start..], quote).ok_or(Syntax::ClosingQuote)?;
    let after = physical(&rest[start + length..]);
    let comment = after.trim_start();
    if comment.is_empty() || (comment.starts_with('#') && blanks(after) > 0) {
        Ok(&rest[start..start + length])
    } else if start + length > line.len() {
        // closed by a later line's own quote, most likely
        Err(Syntax::ClosingQuote)
    } else {
        Err(Syntax::AfterQuote)
    }
}
