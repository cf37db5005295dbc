//! The engine's API with nothing around it: one connection a request.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::Result;

/// An engine at a socket.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    socket: PathBuf,
}

impl Api {
    /// The engine at `unix:///path`.
    pub(crate) fn at(address: &str) -> Result<Self> {
        let socket = address.strip_prefix("unix://");
        let socket = socket.ok_or_else(|| format!("expected unix:///path, not `{address}`"))?;
        Ok(Self {
            socket: Path::new(socket).to_owned(),
        })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.ask("GET", path, None).await
    }

    /// One request; anything but success is a failure with the engine's own words. No content is `null`.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driven = tokio::spawn(connection);
        let content = body.map_or_else(Bytes::new, |b| Bytes::from(b.to_string()));
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "engine")
            .header("connection", "close")
            .header("content-type", "application/json")
            .body(Full::new(content))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let bytes = answer.into_body().collect().await?.to_bytes();
        driven.abort();
        if !status.is_success() && status.as_u16() != 304 {
            let words = String::from_utf8_lossy(&bytes);
            return Err(format!("{method} {path}: {status}: {}", words.trim()).into());
        }
        Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

/// A value for a query.
pub(crate) fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}
