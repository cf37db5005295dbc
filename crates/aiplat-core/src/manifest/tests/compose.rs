//! `docker compose` reads what we write.
//!
//! Compose itself is no part of a unit test; this is its dotenv reading in a few lines, made from its documented and
//! observed behaviour: quotes end at the first unescaped quote, a backslash before the quote is dropped, in double
//! quotes escapes are undone and `$$` and `$NAME` and `${NAME}` are expanded, unquoted values end at ` #`.

use super::super::{Manifest, portable};
use super::any_value;
use proptest::prelude::*;

/// The value of the single entry `K=…`.
fn compose(text: &str) -> Option<String> {
    let value = text
        .strip_prefix("K=")?
        .trim_start_matches([' ', '\t', '\r']);
    if let Some(quote @ ('\'' | '"')) = value.chars().next() {
        let (inner, rest) = quoted(&value[1..], quote)?;
        let rest = rest.trim_start();
        let ended = rest.is_empty() || rest.starts_with('#');
        ended.then_some(())?;
        if quote == '"' {
            expand(&unescape(&inner))
        } else {
            Some(inner)
        }
    } else {
        let line = value.lines().next().unwrap_or_default();
        expand(line.split(" #").next().unwrap_or_default().trim_end())
    }
}

fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let (mut inner, mut escaped) = (String::new(), false);
    for (index, c) in text.char_indices() {
        match (escaped, c) {
            (false, c) if c == quote => return Some((inner, &text[index + 1..])),
            (false, '\\') => escaped = true,
            (true, c) => {
                if c != quote {
                    inner.push('\\');
                }
                inner.push(c);
                escaped = false;
            }
            (false, c) => inner.push(c),
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let (mut out, mut chars) = (String::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('\\', Some('$')) => out.push_str("$$"),
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some('"')) => out.push('"'),
            ('\\', Some('\\')) => out.push('\\'),
            // the other control escapes: any text that is not the value
            ('\\', Some('a' | 'b' | 'c' | 'f' | 'r' | 't' | 'v' | '0')) => out.push('\u{1}'),
            _ => {
                out.push(c);
                continue;
            }
        }
        chars.next();
    }
    out
}

/// Without any variables set.
fn expand(text: &str) -> Option<String> {
    let (mut out, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = match after.chars().next() {
            Some('$') => {
                out.push('$');
                &after[1..]
            }
            Some('{') => after.split_once('}')?.1,
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                after.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_')
            }
            _ => return None,
        };
    }
    out.push_str(rest);
    Some(out)
}

#[test]
fn the_page_is_true() {
    let table = [
        ("K=v # note\n", Some("v")),
        ("K=v#x\n", Some("v#x")),
        ("K= # note\n", Some("# note")),
        ("K=two words\r\n", Some("two words")),
        ("K='a\\'b'\n", Some("a'b")),
        ("K='a\\'\n", None),
        ("K=\"a\\\\b\\\"c\\$d\"\n", Some("a\\b\"c$d")),
        ("K=\"a\\nb\"\n", Some("a\nb")),
        ("K=\"\\`\"\n", Some("\\`")),
        ("K=a$$b$HOME\n", Some("a$b")),
    ];
    for (text, value) in table {
        assert_eq!(compose(text).as_deref(), value, "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn compose_reads_what_we_write(value in any_value()) {
        let mut manifest = Manifest::default();
        manifest.set("K", &value).expect("no NUL");
        let seen = compose(&manifest.to_text());
        if portable(&value) {
            prop_assert_eq!(seen, Some(value));
        } else {
            prop_assert_ne!(seen, Some(value));
        }
    }
}
