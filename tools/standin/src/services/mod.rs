//! The services that are imitated: one module and one row each.

pub mod anythingllm;
pub mod dify;
pub mod flowise;
pub mod grafana;
pub mod n8n;
pub mod ollama;
pub mod openclaw;
pub mod openwebui;
pub mod plain;
pub mod qdrant;
pub mod rustfs;
pub mod signal;
pub mod tailscale;
pub mod weaviate;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;

use crate::peers::mac;
use crate::serve::Opened;
use crate::world::{Refusal, World};

/// One imitated service.
pub struct Row {
    /// The name that `STANDIN_FOR` selects it by.
    pub name: &'static str,
    /// What its image sets, as lines of a Dockerfile.
    pub image: &'static [&'static str],
    /// Checks settings and folders, in the order of the real one, and says where to listen.
    pub open: fn(&World) -> Result<Opened, Refusal>,
}

/// All rows.
pub const ROWS: &[Row] = &[
    anythingllm::ROW,
    dify::API,
    dify::PLUGIN_DAEMON,
    dify::SANDBOX,
    dify::SSRF_PROXY,
    dify::WEB,
    flowise::ROW,
    grafana::ROW,
    n8n::ROW,
    ollama::ROW,
    openclaw::ROW,
    openwebui::ROW,
    plain::ROW,
    qdrant::ROW,
    rustfs::ROW,
    signal::ROW,
    tailscale::ROW,
    weaviate::ROW,
];

/// The row of this name.
pub fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// What signing in hands out: good for this instance alone, since it comes from its own secret.
fn session(secret: &str) -> String {
    BASE64.encode(mac(secret.as_bytes(), &[b"session of a stand-in"]))
}

/// Cosine similarity; 0 where a vector has no length.
fn cosine(left: &[f64], right: &[f64]) -> f64 {
    let dot: f64 = left
        .iter()
        .zip(right)
        .map(|(left, right)| left * right)
        .sum();
    let length = |vector: &[f64]| {
        vector
            .iter()
            .map(|number| number * number)
            .sum::<f64>()
            .sqrt()
    };
    let lengths = length(left) * length(right);
    if lengths > 0.0 { dot / lengths } else { 0.0 }
}
