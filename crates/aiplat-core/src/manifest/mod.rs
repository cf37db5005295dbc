//! The manifest, `${BASE_DIR}/config/.env`: read without losing a byte, changed without losing one that was not meant.
//!
//! Comments, order, blank lines, `export`, quoting, CRLF, a byte order mark, duplicates and a missing last newline
//! survive every rewrite. Writing the file atomically and under a lock is not done here: this module does no I/O.
//!
//! ```
//! use aiplat_core::manifest::Manifest;
//!
//! let mut manifest = Manifest::parse("# mine\nBASE_DIR='/mnt/data' # the disk\n").expect("well formed");
//! assert_eq!(manifest.get("BASE_DIR").map(|v| v.expose()), Some("/mnt/data"));
//! manifest.set("BASE_DIR", "/mnt/data2").expect("a valid key");
//! assert_eq!(manifest.to_text(), "# mine\nBASE_DIR='/mnt/data2' # the disk\n");
//! ```
//!
//! # How a file is read
//!
//! Three readers meet this file: this parser, `docker compose` (its dotenv package) and a POSIX shell
//! (`set -a; . .env`). In the table, "same" means that the reader gives the value named in the first column.
//!
//! | written | read here as | compose | shell |
//! |---|---|---|---|
//! | `K=plain` of `A-Z a-z 0-9 _ - . / : , @ % + =` | `plain` | same | same |
//! | `K=` | empty | same | same |
//! | `export K=v` | as without `export` | same | same |
//! | `K=v # note` | `v` | same | same |
//! | `K=v#x`, `K=#x` | `v#x`, `#x` | same | same |
//! | `K='…'`, over several lines too | the text, literally | same, unless it ends in an odd number of `\` | same |
//! | `K="…"` with `\\` `\"` `\$`, over several lines too | the text, escapes undone | same | same |
//! | `K=${A}/x`, `K="${A}/x"`, `A` set further up | `A`'s value, then `/x` | same, unless its environment has another `A` | same |
//! | `K='${A}'` | `${A}` | same | same |
//! | a later line sets `K` again | the last one holds (and is a warning) | same | same |
//! | CRLF line ends | not part of the value | same for unquoted values | part of the value |
//! | `K = v`, `K= v` | `v` | same | runs `v` as a command |
//! | `K=two words` | `two words` | same | runs `words` as a command |
//! | `K= # note` | empty | `# note` | empty |
//! | unquoted `\`, `"`, `'`, `&`, `;`, `~`… inside a value | themselves | same | the shell's syntax |
//! | `$NAME`, `$$`, `$(…)`, a lone `$`, unquoted or in double quotes | themselves | expanded, `$$` is `$` | expanded |
//! | `` \` `` in double quotes | `` ` `` | both characters | same |
//! | `\n` `\t` `\a`… in double quotes | both characters | the control character | same |
//! | `${A}` where `A` is set further down | `A`'s value | what the environment has, or empty | likewise |
//! | `K='a\'b'` | refused | `a'b` | unterminated |
//!
//! Where the readers differ, the column "read here as" holds for aiplat; [`Manifest::differences`] names the lines.
//! Not read at all, each a problem with its line: a line that is no assignment (a lone `K` or `export K`, `K: v`), a
//! key that is not `[A-Za-z_][A-Za-z0-9_]*`, a quote that is not closed, text right behind a closing quote, a NUL,
//! and among references: `${` that is not `${KEY}` (such as `${KEY:-x}`), a `KEY` that this file does not set, a
//! circle, more than 8 references deep, or a value of more than 4096 bytes made by references.
//!
//! Trimming around unquoted values is of all Unicode white space, as compose does it.
//!
//! # How a value is written
//!
//! [`Manifest::set`] keeps the place, the quoting style and the comment of the line where the new value allows it.
//! Otherwise it takes the first of plain, single quotes, double quotes that all three readers read alike. One kind of
//! value has no such form: with a backtick in it and also a `'` or an odd number of `\` at its end. It is
//! written in double quotes, which the shell and this parser read alike ([`portable`] tells).

mod differences;
mod edit;
mod line;
mod parse;
mod quoting;
mod references;
mod syntax;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

pub use edit::EditError;
pub(crate) use edit::assignment;
pub use quoting::portable;
pub use syntax::Syntax;
pub use value::Value;

use crate::settings::{Problems, Warning, WarningKind};
use line::Line;

/// A manifest in memory: all its bytes, and what each key says.
#[derive(Clone, Default)]
pub struct Manifest {
    bom: bool,
    lines: Vec<Line>,
    effective: BTreeMap<String, Effective>,
}

/// The entry that holds for a key, and its value with references resolved.
#[derive(Clone)]
struct Effective {
    index: usize,
    value: Value,
}

impl Manifest {
    /// Reads a manifest. Fails with all problems at once, by line, never with a value.
    pub fn parse(text: &str) -> Result<Self, Problems> {
        parse::parse(text)
    }

    /// [`Manifest::parse`] for bytes, since a file may hold anything. What is not UTF-8 is a problem with its line.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, Problems> {
        match std::str::from_utf8(bytes) {
            Ok(text) => parse::parse(text),
            Err(error) => {
                let line = 1 + parse::newlines(&bytes[..error.valid_up_to()]);
                Err(Problems::from(vec![parse::problem(
                    line,
                    None,
                    Syntax::Utf8,
                )]))
            }
        }
    }

    /// The whole text, byte for byte as it was read but for what was changed. It holds secrets: it belongs into the
    /// file (mode 0600) and nowhere else, which is why there is no `Display`.
    pub fn to_text(&self) -> String {
        let bom = if self.bom { "\u{feff}" } else { "" };
        let mut text = String::from(bom);
        self.lines.iter().for_each(|line| line.write_to(&mut text));
        text
    }

    /// The value of `key`, with references resolved, or `None` where the key is not set.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.effective.get(key).map(|e| &e.value)
    }

    /// The line (from 1) of the entry that holds for `key`.
    pub fn line(&self, key: &str) -> Option<usize> {
        self.effective.get(key).map(|e| {
            let before = self.lines[..e.index].iter();
            1 + before.map(Line::newlines).sum::<usize>()
        })
    }

    /// The keys that are set, sorted, each once.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.effective.keys().map(String::as_str)
    }

    /// Keys and values in the order of the file; a duplicate key comes once, where its last entry stands.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        let mut order: Vec<_> = self.effective.iter().collect();
        order.sort_by_key(|(_, e)| e.index);
        order.into_iter().map(|(key, e)| (key.as_str(), &e.value))
    }

    /// Whether no key is set.
    pub fn is_empty(&self) -> bool {
        self.effective.is_empty()
    }

    /// One warning for each entry that a later one of the same key makes ineffective.
    pub fn warnings(&self) -> Vec<Warning> {
        let numbers = self.line_numbers();
        self.entries()
            .filter_map(|(index, entry)| {
                let holds = self.effective[&entry.key].index;
                let kind = WarningKind::Duplicate {
                    kept: numbers[holds],
                };
                let line = Some(numbers[index]);
                (holds != index).then(|| Warning {
                    key: entry.key.clone(),
                    line,
                    kind,
                })
            })
            .collect()
    }

    /// One warning for each effective entry that a shell or `docker compose` reads differently.
    pub fn differences(&self) -> Vec<Warning> {
        let numbers = self.line_numbers();
        self.entries()
            .filter(|&(index, entry)| self.effective[&entry.key].index == index)
            .filter(|&(index, entry)| !differences::same_everywhere(self, index, entry))
            .map(|(index, entry)| Warning {
                key: entry.key.clone(),
                line: Some(numbers[index]),
                kind: WarningKind::ReadDifferently,
            })
            .collect()
    }

    fn entries(&self) -> impl Iterator<Item = (usize, &line::Entry)> {
        self.lines
            .iter()
            .enumerate()
            .filter_map(|(index, line)| Some((index, line.entry()?)))
    }

    /// The line, from 1, on which each statement starts.
    fn line_numbers(&self) -> Vec<usize> {
        let mut next = 1;
        let start = |line: &Line| {
            let start = next;
            next += line.newlines();
            start
        };
        self.lines.iter().map(start).collect()
    }
}

/// Prints keys only: comments and ineffective lines may hold secrets as well as values do.
impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("keys", &self.effective.keys())
            .finish_non_exhaustive()
    }
}
