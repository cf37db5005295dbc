//! The one body behind every name: readable where it can be, hashed where it must.

use sha2::{Digest, Sha256};

/// Longest body in bytes: leaves three of `PostgreSQL`'s 63 for a suffix.
const MAX: usize = 60;
/// Hex digits of the hash: 64 bits, so that chance gives no collision on any host.
const HASH: usize = 16;
/// Longest readable parts of a hashed body; with the hash they stay below [`MAX`].
const STACK_MAX: usize = 26;
const SERVICE_MAX: usize = 14;

/// `<stack>__<service>`: `[a-z][a-z0-9_]*`, exactly one `__`, no `_` at either end, at most
/// [`MAX`] bytes, never `pg_` first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body(String);

impl Body {
    pub(super) fn of(stack: &str, service: &str) -> Self {
        let service_part = plain_service(service);
        if let (true, Some(service_part)) = (is_plain_stack(stack), service_part) {
            let body = format!("{stack}__{service_part}");
            if body.len() <= MAX {
                return Self(body);
            }
        }
        let hash = hash(&[stack, service]);
        Self(format!(
            "{}__{}_{hash}",
            readable_stack(stack),
            readable(service, SERVICE_MAX)
        ))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// One service alone, by the same rules.
pub(super) fn part(service: &str) -> String {
    match plain_service(service) {
        Some(part) if part.len() <= MAX => part,
        _ => format!("{}_{}", readable(service, SERVICE_MAX), hash(&[service])),
    }
}

/// Words of `[a-z0-9]` joined by single `joint`s, a letter first.
fn is_words(text: &str, joint: char) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split(joint).all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// A stack's name may hold `_` and `-`; only one of them can stay as it is, and `ai_platform` is
/// the default.
fn is_plain_stack(stack: &str) -> bool {
    is_words(stack, '_') && !is_reserved(stack)
}

/// Roles and schemas that begin with `pg_` belong to `PostgreSQL`.
fn is_reserved(text: &str) -> bool {
    text == "pg" || text.starts_with("pg_")
}

/// A service's name holds `-` but no `_`, so its hyphens can be written `_` without doubt. One that
/// ends like a hashed body is not plain, else it could pose as one.
fn plain_service(service: &str) -> Option<String> {
    let part = is_words(service, '-').then(|| service.replace('-', "_"))?;
    let posing = part
        .rsplit_once('_')
        .is_some_and(|(_, tail)| tail.len() == HASH && tail.bytes().all(|b| b.is_ascii_hexdigit()));
    (!posing).then_some(part)
}

fn readable_stack(stack: &str) -> String {
    let text = readable(stack, STACK_MAX - 1);
    // a digit cannot begin an identifier, `pg_` is reserved
    if text.starts_with(|c: char| c.is_ascii_digit()) || is_reserved(&text) {
        format!("s{text}")
    } else {
        text
    }
}

/// What of `text` can be read in a name: lower-case words joined by `_`, at most `max` bytes.
fn readable(text: &str, max: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() >= max {
            break;
        }
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    let out = out.trim_end_matches('_');
    if out.is_empty() {
        "x".to_owned()
    } else {
        out.to_owned()
    }
}

/// Each part is preceded by its length, so that no two lists of parts hash the same bytes.
fn hash(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut hex = String::with_capacity(HASH);
    for byte in hasher.finalize().iter().take(HASH / 2) {
        for nibble in [byte >> 4, byte & 0xf] {
            hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
        }
    }
    hex
}
