//! What each store accepts as a name, as functions that a newtype or a test can ask.

use std::fmt;
use std::net::Ipv4Addr;

/// A name that a store would not accept. Carries no value, since a name may come from a secret's
/// place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct InvalidName {
    /// What was expected, in words.
    pub expected: &'static str,
}

/// The grammar of one store's names: collection, class, table or database.
#[derive(Clone, Copy)]
pub struct Grammar {
    /// What the store calls the named thing: `collection`, `class`, `identifier`.
    pub noun: &'static str,
    /// The rule in words, used in errors.
    pub expected: &'static str,
    /// The longest name, in bytes.
    pub max_bytes: usize,
    accepts: fn(&str) -> bool,
}

impl Grammar {
    /// Whether the store accepts `name`.
    pub fn accepts(&self, name: &str) -> bool {
        name.len() <= self.max_bytes && (self.accepts)(name)
    }

    /// The same as a result, for `?`.
    pub fn check(&self, name: &str) -> Result<(), InvalidName> {
        if self.accepts(name) {
            Ok(())
        } else {
            Err(InvalidName {
                expected: self.expected,
            })
        }
    }
}

impl fmt::Debug for Grammar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Grammar({}: {})", self.noun, self.expected)
    }
}

/// Qdrant collections (server source 1.19, `INVALID_NAME_CHARS`): nearly anything, but each is a
/// folder on disk, so `.` and `..` are refused here too.
pub const QDRANT: Grammar = Grammar {
    noun: "collection",
    expected: "1 to 255 bytes without any of `< > : \" / \\ | ? *` or a control character, and not `.` or `..`",
    max_bytes: 255,
    accepts: |name| {
        !name.is_empty()
            && name != "."
            && name != ".."
            && !name
                .chars()
                .any(|c| c.is_control() || "<>:\"/\\|?*".contains(c))
    },
};

/// Weaviate classes (server source 1.39): `^[A-Z][_0-9A-Za-z]{0,254}$`. A lower-case first letter
/// would be raised silently, so it is refused here.
pub const WEAVIATE: Grammar = Grammar {
    noun: "class",
    expected: "a capital letter, then up to 254 of `A-Z a-z 0-9 _`",
    max_bytes: 255,
    accepts: |name| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    },
};

/// `PostgreSQL` identifiers that need no quotes: at most 63 bytes (`NAMEDATALEN` - 1, silently cut
/// beyond), lower case, and no `pg_`, which is reserved for roles and schemas.
pub const SQL: Grammar = Grammar {
    noun: "identifier",
    expected: "a lower-case letter or `_`, then up to 62 of `a-z 0-9 _`, not starting with `pg_`",
    max_bytes: 63,
    accepts: |name| {
        name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && !name.starts_with("pg_")
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    },
};

/// `PostgreSQL` extensions as they are named in practice: `vector`, `pg_trgm`, `uuid-ossp`.
pub const EXTENSION: Grammar = Grammar {
    noun: "extension",
    expected: "a lower-case letter, then up to 62 of `a-z 0-9 _ -`",
    max_bytes: 63,
    accepts: |name| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
    },
};

/// Chroma collections and databases (server source 1.5.9): 3 to 512, ends alphanumeric, no `..`,
/// not an IPv4 address.
pub const CHROMA: Grammar = Grammar {
    noun: "collection",
    expected: "3 to 512 of `a-z A-Z 0-9 . _ -`, a letter or digit at both ends, no `..`, not an IP address",
    max_bytes: 512,
    accepts: |name| {
        let ends = |c: char| c.is_ascii_alphanumeric();
        name.len() >= 3
            && name.starts_with(ends)
            && name.ends_with(ends)
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            && !name.contains("..")
            && name.parse::<Ipv4Addr>().is_err()
    },
};
