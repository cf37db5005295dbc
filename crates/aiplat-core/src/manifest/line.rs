//! The pieces of a file, which put together are the file again.

use super::quoting::Quote;

/// A statement: one line, or several where a quoted value holds newlines.
#[derive(Clone)]
pub(super) enum Line {
    /// A comment or blank line, with its line end.
    Other(String),
    /// An assignment.
    Entry(Entry),
}

/// `lead` `key` `equals` `raw` `tail`, in this order, are the text.
#[derive(Clone)]
pub(super) struct Entry {
    /// Indentation and `export `.
    pub(super) lead: String,
    pub(super) key: String,
    /// `=` with the blanks around it.
    pub(super) equals: String,
    /// The value as written, with its quotes.
    pub(super) raw: String,
    pub(super) quote: Quote,
    /// What `raw` means.
    pub(super) pieces: Vec<Piece>,
    /// Blanks, comment and line end.
    pub(super) tail: String,
}

/// A part of a value.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    /// `${KEY}`
    Reference(String),
}

impl Line {
    pub(super) fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Entry(entry) => Some(entry),
            Self::Other(_) => None,
        }
    }

    /// Whether it is this comment, of one line, and nothing else.
    pub(super) fn is_comment(&self, comment: &str) -> bool {
        match self {
            Self::Other(text) => text.trim().strip_prefix("# ") == Some(comment),
            Self::Entry(_) => false,
        }
    }

    fn parts(&self) -> [&str; 5] {
        match self {
            Self::Other(text) => [text, "", "", "", ""],
            Self::Entry(e) => [&e.lead, &e.key, &e.equals, &e.raw, &e.tail],
        }
    }

    pub(super) fn write_to(&self, text: &mut String) {
        text.extend(self.parts());
    }

    pub(super) fn newlines(&self) -> usize {
        self.parts()
            .iter()
            .map(|part| super::parse::newlines(part.as_bytes()))
            .sum()
    }

    /// Whether a newline ends it, so that another line can follow.
    pub(super) fn ended(&self) -> bool {
        self.last().ends_with('\n')
    }

    pub(super) fn last(&self) -> &str {
        match self {
            Self::Other(text) => text,
            Self::Entry(e) => &e.tail,
        }
    }

    pub(super) fn push(&mut self, end: &str) {
        match self {
            Self::Other(text) => text.push_str(end),
            Self::Entry(e) => e.tail.push_str(end),
        }
    }
}

impl Entry {
    /// The keys this value refers to.
    pub(super) fn references(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Reference(key) => Some(key.as_str()),
            Piece::Literal(_) => None,
        })
    }
}
