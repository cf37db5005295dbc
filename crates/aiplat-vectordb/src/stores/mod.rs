//! The register of stores: one line here, one file beside it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::spec::StoreSpec;

macro_rules! stores {
    ($($(#[$doc:meta])* $variant:ident = $module:ident;)+) => {
        $(mod $module;)+

        /// A vector store, as `VECTOR_DB` names it.
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "lowercase")]
        pub enum StoreKind {
            $($(#[$doc])* $variant,)+
        }

        impl StoreKind {
            /// Every store, in the order of this list.
            pub const ALL: [Self; [$(Self::$variant),+].len()] = [$(Self::$variant),+];

            /// The store's row.
            pub const fn spec(self) -> &'static StoreSpec {
                match self {
                    $(Self::$variant => &$module::SPEC,)+
                }
            }

            /// All of them in words, for errors: each in backticks.
            pub(crate) fn words() -> String {
                Self::ALL.map(|kind| format!("`{kind}`")).join(", ")
            }

            /// As `VECTOR_DB` and a service file write it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => stringify!($module),)+
                }
            }
        }
    };
}

stores! {
    /// Qdrant.
    Qdrant = qdrant;
    /// `PostgreSQL` with the pgvector extension.
    Pgvector = pgvector;
    /// Weaviate.
    Weaviate = weaviate;
    /// Chroma 1.x.
    Chroma = chroma;
}

/// Not one of the stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}", StoreKind::words())]
pub struct UnknownStore;

impl FromStr for StoreKind {
    type Err = UnknownStore;

    fn from_str(text: &str) -> Result<Self, UnknownStore> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownStore)
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
