//! One newtype per grammar: holding one is the proof that the store accepts it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::body::Body;
use crate::grammar::{self, Grammar, InvalidName};

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $grammar:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// What the store accepts.
            pub const GRAMMAR: Grammar = $grammar;

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                Self::GRAMMAR.check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::GRAMMAR.check(&text).map(|()| Self(text))
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({:?})", stringify!($type), self.0)
            }
        }
    };
}

name_type!(
    /// A Qdrant collection.
    CollectionName, grammar::QDRANT
);
name_type!(
    /// A Weaviate class.
    ClassName, grammar::WEAVIATE
);
name_type!(
    /// A `PostgreSQL` role, database, schema or table that needs no quotes and gets them anyway.
    SqlIdent, grammar::SQL
);
name_type!(
    /// A Chroma tenant, database or collection.
    ChromaName, grammar::CHROMA
);

name_type!(
    /// A `PostgreSQL` extension.
    ExtensionName, grammar::EXTENSION
);

/// From a derived body and one of our own suffixes: fits by construction, which the property tests
/// hold.
macro_rules! derived {
    ($($type:ident = $shape:expr;)+) => {
        $(impl $type {
            pub(super) fn of(body: &Body, suffix: &'static str) -> Self {
                let shape: fn(String) -> String = $shape;
                Self(shape(format!("{}{suffix}", body.as_str())))
            }
        })+
    };
}

derived! {
    CollectionName = |body| body;
    ClassName = capitalised;
    SqlIdent = |body| body;
    ChromaName = |body| body;
}

impl SqlIdent {
    /// In double quotes, for a statement.
    pub fn quoted(&self) -> String {
        quoted(&self.0)
    }

    /// As a string literal, for a comparison with a catalogue column.
    pub fn literal(&self) -> String {
        format!("'{}'", self.0.replace('\'', "''"))
    }
}

impl ExtensionName {
    /// pgvector's.
    pub fn vector() -> Self {
        Self("vector".to_owned())
    }

    /// In double quotes, for a statement.
    pub fn quoted(&self) -> String {
        quoted(&self.0)
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn capitalised(mut text: String) -> String {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}
