//! What works, but was perhaps not meant.

use std::fmt;

/// Something to tell the operator, about a key and never with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The key.
    pub key: String,
    /// The manifest's line, from 1, where it is about one.
    pub line: Option<usize>,
    /// What it is.
    pub kind: WarningKind,
}

/// What a warning is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WarningKind {
    /// A later line sets the key again, and holds.
    #[error("is set again in line {kept}, which holds")]
    Duplicate {
        /// The line that holds.
        kept: usize,
    },
    /// The key is unknown and close to a known one.
    #[error("is not known; did you mean `{meant}`?")]
    Misspelt {
        /// The known key.
        meant: String,
    },
    /// A shell or compose would read another value.
    #[error(
        "is read differently by a shell or `docker compose`; write the value in single quotes without blanks around `=`"
    )]
    ReadDifferently,
    /// Everything can reach what binds there, containers of other stacks too.
    #[error(
        "binds to every address of the host, where every other stack's containers can reach it too"
    )]
    Wildcard,
    /// The default would be the invoking user, whose id cannot be used.
    #[error("is not given, and the invoking user's id is out of range; 1000 is used")]
    InvokingUser,
}

/// ``line 7: `GRAFNA_PORT` is not known; did you mean `GRAFANA_PORT`?``
impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        write!(f, "`{}` {}", self.key, self.kind)
    }
}
