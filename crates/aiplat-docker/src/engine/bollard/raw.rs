//! An attached command with a terminal: its bytes as they are.
//!
//! Without a terminal an engine puts a head before each piece of output; with one it sends the bytes bare. The client
//! library tells the two apart by the first byte, and takes a piece that begins with a byte of 0 to 2 (what a terminal
//! program may well write) for a head: bytes are lost, or it waits for more that never come. So this one request is
//! sent on a connection of its own.

use std::pin::Pin;

use bollard::errors::Error;
use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::upgrade::Upgraded;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UnixStream};

use super::{Bollard, fault};
use crate::chain::chain;
use crate::engine::{Answer, EngineError, ExecPiece};

/// Bytes of output that are taken at once.
const PIECE: usize = 8 * 1024;

type Both = TokioIo<Upgraded>;

/// A connection of either kind.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Bollard {
    /// Starts a command with a terminal that was made before, and answers both ends of it.
    pub(super) async fn start_bare(
        &self,
        exec: &str,
        what: &str,
    ) -> Answer<(ReadHalf<Both>, WriteHalf<Both>)> {
        let unreachable = |error: &dyn std::error::Error| EngineError::Unreachable {
            address: self.address.clone(),
            words: chain(error),
        };
        let wire = self.wire().await.map_err(|error| unreachable(&error))?;
        let made = http1::handshake(TokioIo::new(wire)).await;
        let (mut sender, connection) = made.map_err(|error| unreachable(&error))?;
        tokio::spawn(connection.with_upgrades());
        let version = self.docker.client_version();
        let (major, minor) = (version.major_version, version.minor_version);
        let body = json!({"Detach": false, "Tty": true}).to_string();
        let request = Request::post(format!("/v{major}.{minor}/exec/{exec}/start"))
            .header("Host", "engine")
            .header("Connection", "Upgrade")
            .header("Upgrade", "tcp")
            .header("Content-Type", "application/json")
            .body(Full::new(Bytes::from(body)));
        let request = request.map_err(|error| unreachable(&error))?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| unreachable(&error))?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let both = hyper::upgrade::on(answer).await;
            let both = both.map_err(|error| unreachable(&error))?;
            return Ok(tokio::io::split(TokioIo::new(both)));
        }
        let status_code = answer.status().as_u16();
        let body = answer.into_body().collect().await;
        let body = body.map_err(|error| unreachable(&error))?.to_bytes();
        let told: Value = serde_json::from_slice(&body).unwrap_or_default();
        let message = told["message"].as_str().unwrap_or_default().to_owned();
        let refused = Error::DockerResponseServerError {
            status_code,
            message,
        };
        Err(fault::typed(&refused, what, &self.address))
    }

    async fn wire(&self) -> std::io::Result<Box<dyn Wire>> {
        if let Some(path) = self.address.strip_prefix("unix://") {
            return Ok(Box::new(UnixStream::connect(path).await?));
        }
        let rest = self.address.split_once("://").map_or("", |(_, rest)| rest);
        Ok(Box::new(
            TcpStream::connect(rest.trim_end_matches('/')).await?,
        ))
    }
}

/// What is read, as it comes, until the end.
pub(super) fn pieces(
    read: ReadHalf<Both>,
    address: String,
) -> Pin<Box<dyn Stream<Item = Answer<ExecPiece>> + Send>> {
    let read = futures_util::stream::unfold(Some(read), move |read| {
        let address = address.clone();
        async move {
            let mut read = read?;
            let mut bytes = BytesMut::with_capacity(PIECE);
            match read.read_buf(&mut bytes).await {
                Ok(0) => None,
                Ok(_) => {
                    let bytes = bytes.freeze();
                    let stderr = false;
                    Some((Ok(ExecPiece { stderr, bytes }), Some(read)))
                }
                Err(error) => {
                    let words = chain(&error);
                    Some((Err(EngineError::Unreachable { address, words }), None))
                }
            }
        }
    });
    Box::pin(read)
}
