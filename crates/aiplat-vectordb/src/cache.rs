//! Rules about single services that follow from the store, as data.

use serde::Serialize;

use crate::stores::StoreKind;

/// Where `LiteLLM` keeps its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheKind {
    /// Answers to questions that mean the same, in Qdrant.
    QdrantSemantic,
    /// Answers to the same question, in Redis.
    Redis,
}

impl CacheKind {
    /// `cache_params.type` in `LiteLLM`'s configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QdrantSemantic => "qdrant-semantic",
            Self::Redis => "redis",
        }
    }

    /// Why this one.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::QdrantSemantic => {
                "LiteLLM's semantic cache speaks to Qdrant; it needs an embedding model of the model list and its \
                 exact vector size"
            }
            Self::Redis => {
                "LiteLLM has no semantic cache for this store, so equal questions are answered from Redis"
            }
        }
    }
}

/// The cache that `LiteLLM` gets.
pub const fn litellm_cache(kind: StoreKind) -> CacheKind {
    kind.spec().litellm_cache
}

/// Why Dify has no Chroma: the words of its service file.
pub const DIFY_REFUSES_CHROMA: &str =
    "pins the chromadb client 0.5.20, which fails against a 1.x server; choose another store";
