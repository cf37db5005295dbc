//! What the text of a manifest must be.

/// What was expected where a manifest cannot be read. None of them carries text of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Syntax {
    /// The file is not UTF-8 from this line on.
    #[error("text in UTF-8")]
    Utf8,
    /// The line has a NUL, which no process environment can hold.
    #[error("text without a NUL character")]
    NoNul,
    /// The line is neither an assignment nor a comment nor blank.
    #[error("`KEY=value`, a comment that starts with `#`, or a blank line")]
    Assignment,
    /// The key does not fit the grammar that shells and compose share.
    #[error("a key of letters, digits and `_` that does not start with a digit")]
    Key,
    /// A quote that opens on this line is not closed, or is closed by the next quote of a later line.
    #[error("a closing quote for the one that opens on this line")]
    ClosingQuote,
    /// Text follows a closing quote.
    #[error("the end of the line, or a space and a comment, after the closing quote")]
    AfterQuote,
    /// `${` without a key and `}`.
    #[error("`${{KEY}}` with a key of this file; `$` itself goes into single quotes")]
    Reference,
    /// `${KEY}` where the file does not set `KEY`.
    #[error("`${{KEY}}` of a key that this file sets; `$` itself goes into single quotes")]
    KnownReference,
    /// A value refers to itself, directly or through others.
    #[error("references that do not lead back to their own key")]
    NoCircle,
    /// References nest too deeply.
    #[error("references at most 8 deep")]
    Depth,
    /// A value made by references is too long.
    #[error("a value of at most 4096 bytes where it has references")]
    Length,
}
