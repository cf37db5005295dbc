//! The four vector stores of aiplat as data: what each is, how its names are formed, how a service
//! is wired to it, and what must be made inside it first. No input or output, no engine, no secret's
//! value.
//!
//! A service file says in its `[vector]` table how the service uses each store. That table, the
//! stack's name and the chosen store give everything else:
//!
//! ```
//! use std::borrow::Cow;
//! use aiplat_vectordb::{StoreKind, Wiring, WiringTable, provisioning};
//!
//! let table: WiringTable = toml::from_str(r#"
//!     qdrant.env   = { QDRANT_URI = "{{ vector.url }}", QDRANT_API_KEY = "{{ vector.key }}" }
//!     pgvector.env = { PGVECTOR_DB_URL = "{{ vector.dsn }}" }
//!     weaviate.in_app = "type host, port and key in the app's settings"
//!     chroma.none = "its client is too old for a 1.x server"
//! "#)?;
//!
//! // what the templates see, and what in it is secret
//! let context = table.context(StoreKind::Pgvector, "ai_platform", "openwebui").ok_or("unused")?;
//! let variables = context.variables();
//! let (_, dsn) = variables.iter().find(|(name, _)| *name == "dsn").ok_or("no dsn")?;
//! let dsn = dsn.text();
//! assert!(dsn.is_secret());
//! assert_eq!(
//!     dsn.to_string(),
//!     "postgresql://ai_platform__openwebui:<pgvector_key_openwebui>@postgres:5432/ai_platform__openwebui",
//! );
//! assert!(dsn.reveal(|_| Some(Cow::from("p@ss")))?.contains(":p%40ss@"));
//!
//! // what must be there before the service starts
//! assert_eq!(provisioning(&context).len(), 1);
//! // a store that is not used says why
//! assert!(matches!(table.get(StoreKind::Chroma), Wiring::None { reason } if !reason.is_empty()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A store is one row, [`StoreSpec`], in one file of `stores/`, registered by one line. Tests run
//! over the register, so a new store is tested without a test being written.

mod cache;
mod context;
pub mod grammar;
mod matrix;
mod names;
mod provision;
mod secret;
mod spec;
mod stores;
mod text;
mod wiring;

pub use cache::{CacheKind, DIFY_REFUSES_CHROMA, litellm_cache};
pub use context::{StoreContext, Var, stack_secret};
pub use grammar::{Grammar, InvalidName};
pub use matrix::render_matrix;
pub use names::{
    ChromaName, ClassName, CollectionName, ExtensionName, SqlIdent, StackNames, StoreNames,
    names_for,
};
pub use provision::{
    Holding, HttpProvision, Method, Own, Provision, SqlProvision, SqlStatement, SqlTarget,
    StoreUser, holdings, provisioning, store_users,
};
pub use secret::{KeyFormat, KeyProblem, KeyScope, KeySpec, SecretRef};
pub use spec::{AuthModel, Provisioning, StoreSpec};
pub use stores::{StoreKind, UnknownStore};
pub use text::{Encoding, Part, RevealError, Text};
pub use wiring::{Entry, Wiring, WiringError, WiringFile, WiringProblem, WiringTable};
