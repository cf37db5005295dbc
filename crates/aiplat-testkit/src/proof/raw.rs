//! The engine's own words, whole: what an inspection really says, with everything that our own types leave out.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// Longest time for one request.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most bytes of an answer.
const MOST: u64 = 64 << 20;

/// The engine's interface as text.
#[derive(Debug, Clone)]
pub struct Raw {
    address: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RawError {
    /// The engine did not answer.
    #[error("the engine did not answer `{path}`: {source}")]
    Io {
        /// What was asked.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// It answered with an error.
    #[error("the engine answered `{path}` with {status}: {words}")]
    Status {
        /// What was asked.
        path: String,
        /// HTTP status.
        status: u16,
        /// Its words.
        words: String,
    },
}

impl Raw {
    /// For the engine at an address that [`aiplat_docker::engine::Bollard::connect`] took.
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
        }
    }

    /// Asks for something.
    ///
    /// # Errors
    /// [`RawError`].
    pub async fn get(&self, path: &str) -> Result<String, RawError> {
        self.request("GET", path, None).await
    }

    /// Sends something; `body` is JSON.
    ///
    /// # Errors
    /// [`RawError`].
    pub async fn post(&self, path: &str, body: Option<&str>) -> Result<String, RawError> {
        self.request("POST", path, body).await
    }

    /// Removes something.
    ///
    /// # Errors
    /// [`RawError`].
    pub async fn delete(&self, path: &str) -> Result<String, RawError> {
        self.request("DELETE", path, None).await
    }

    async fn request(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<String, RawError> {
        let io = |source| RawError::Io {
            path: path.to_owned(),
            source,
        };
        let body = body.unwrap_or_default();
        // the older protocol: the answer comes whole and ends with the connection
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let asked = async {
            if let Some(socket) = self.address.strip_prefix("unix://") {
                exchange(UnixStream::connect(socket).await?, &head, body).await
            } else {
                let plain = self.address.split("://").last().unwrap_or_default();
                exchange(
                    TcpStream::connect(plain.trim_end_matches('/')).await?,
                    &head,
                    body,
                )
                .await
            }
        };
        let answer = timeout(PATIENCE, asked)
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(io)?;
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|s| s.parse().ok())
            .unwrap_or(0);
        if (200..400).contains(&status) {
            return Ok(text.to_owned());
        }
        Err(RawError::Status {
            path: path.to_owned(),
            status,
            words: text.trim().chars().take(300).collect(),
        })
    }
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    head: &str,
    body: &str,
) -> std::io::Result<String> {
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
