//! The vector store: a snapshot of each collection over its own interface, fetched and removed again.

use std::path::Path;

use aiplat_core::backup::{Alias, Collection, QdrantContents};
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::body::Frame;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Store, StoreError};
use crate::engine::Engine;
use crate::probe::escaped;

/// The secret that opens it.
const KEY: &str = "qdrant_api_key";
/// An answer in JSON is shorter.
const LONGEST: usize = 16 << 20;
/// Bytes read of a file at a time.
const PIECE: usize = 128 << 10;
/// Parts a request body into its fields; no snapshot's content is looked at for it, the lengths are told.
const BOUNDARY: &str = "aiplat-7d1f0c5e9b2a4d6f";

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

impl<E: Engine> Store<'_, E> {
    /// Fetches a snapshot of every collection into files of `folder`, which stands for `prefix` in the archive.
    pub(crate) async fn snapshots(
        &self,
        folder: &Path,
        prefix: &str,
    ) -> Result<QdrantContents, StoreError> {
        let listed = self.get("/collections", "list its collections").await?;
        let mut names: Vec<String> = listed["result"]["collections"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|c| c["name"].as_str().map(str::to_owned))
            .collect();
        names.sort();
        let mut collections = Vec::new();
        for (number, name) in names.into_iter().enumerate() {
            let file = format!("{number}.snapshot");
            let before = self.points(&name).await?;
            self.snapshot(&name, &folder.join(&file)).await?;
            let after = self.points(&name).await?;
            collections.push(Collection {
                name,
                file: format!("{prefix}/{file}"),
                before: before.min(after),
                after: before.max(after),
            });
        }
        let listed = self.get("/aliases", "list its aliases").await?;
        let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
        let aliases = listed["result"]["aliases"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|a| Alias {
                alias: text(&a["alias_name"]),
                collection: text(&a["collection_name"]),
            })
            .collect();
        Ok(QdrantContents {
            collections,
            aliases,
        })
    }

    async fn snapshot(&self, collection: &str, to: &Path) -> Result<(), StoreError> {
        let what = format!("make a snapshot of collection `{collection}`");
        let path = format!("/collections/{}/snapshots", escaped(collection));
        let made = self.json("POST", &path, &what, None).await?;
        let name = made["result"]["name"].as_str().unwrap_or_default();
        if name.is_empty() || name.contains('/') {
            return Err(self.refused(what, "an answer without the snapshot's name"));
        }
        let one = format!("{path}/{}", escaped(name));
        let fetched = self.fetch(&one, &what, to).await;
        // whether it was fetched or not: it takes the store's own room
        let removed = self.json("DELETE", &one, &what, None).await;
        fetched?;
        removed.map(drop)
    }

    /// Points of a collection now, counted exactly.
    pub(crate) async fn points(&self, collection: &str) -> Result<u64, StoreError> {
        let what = format!("count the points of collection `{collection}`");
        let path = format!("/collections/{}/points/count", escaped(collection));
        let body = json!({"exact": true});
        let answer = self.json("POST", &path, &what, Some(&body)).await?;
        answer["result"]["count"]
            .as_u64()
            .ok_or_else(|| self.refused(what, "an answer without a number"))
    }

    /// Puts every collection in place of whatever has its name.
    pub(crate) async fn recover(
        &self,
        contents: &QdrantContents,
        tree: &Path,
    ) -> Result<(), StoreError> {
        for collection in &contents.collections {
            let what = format!("take collection `{}` back", collection.name);
            let path = format!("/collections/{}", escaped(&collection.name));
            // one that an interrupted run left half made
            self.json("DELETE", &path, &what, None).await?;
            let path = format!("{path}/snapshots/upload?priority=snapshot&wait=true");
            let body = self.form(&tree.join(&collection.file)).await?;
            let kind = format!("multipart/form-data; boundary={BOUNDARY}");
            let answer = self.send("POST", &path, &what, Some((&kind, body))).await?;
            self.read(answer, &what).await?;
        }
        let actions: Vec<Value> = contents
            .aliases
            .iter()
            .map(|a| json!({"create_alias": {"alias_name": a.alias, "collection_name": a.collection}}))
            .collect();
        if !actions.is_empty() {
            let body = json!({"actions": actions});
            let what = "take its aliases back";
            self.json("POST", "/collections/aliases", what, Some(&body))
                .await?;
        }
        Ok(())
    }

    async fn get(&self, path: &str, what: &str) -> Result<Value, StoreError> {
        self.json("GET", path, what, None).await
    }

    async fn json(
        &self,
        method: &str,
        path: &str,
        what: &str,
        body: Option<&Value>,
    ) -> Result<Value, StoreError> {
        let body = body.map(|body| ("application/json", full(body.to_string())));
        let answer = self.send(method, path, what, body).await?;
        let text = self.read(answer, what).await?;
        serde_json::from_slice(&text).map_err(|e| self.refused(what, &e.to_string()))
    }

    /// The whole body of an answer that says that it was done.
    async fn read(
        &self,
        answer: Response<hyper::body::Incoming>,
        what: &str,
    ) -> Result<Vec<u8>, StoreError> {
        let status = answer.status();
        let mut text = Vec::new();
        let mut body = BodyStream::new(answer.into_body());
        while let Some(frame) = body.next().await {
            let frame = frame.map_err(|e| self.refused(what, &e.to_string()))?;
            if let Ok(data) = frame.into_data() {
                text.extend_from_slice(&data);
            }
            if text.len() > LONGEST {
                return Err(self.refused(what, "an answer that is too long"));
            }
        }
        if status.is_success() {
            return Ok(text);
        }
        let text = String::from_utf8_lossy(&text);
        let text: String = text.chars().take(300).collect();
        Err(self.refused(what, &format!("status {}: {text}", status.as_u16())))
    }

    async fn fetch(&self, path: &str, what: &str, to: &Path) -> Result<(), StoreError> {
        let answer = self.send("GET", path, what, None).await?;
        if !answer.status().is_success() {
            return self.read(answer, what).await.map(drop);
        }
        let mut options = tokio::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let opened = options.open(to).await;
        let mut file = opened.map_err(StoreError::file("write", to))?;
        let mut body = BodyStream::new(answer.into_body());
        while let Some(frame) = body.next().await {
            let frame = frame.map_err(|e| self.refused(what, &e.to_string()))?;
            if let Ok(data) = frame.into_data() {
                let written = file.write_all(&data).await;
                written.map_err(StoreError::file("write", to))?;
            }
        }
        file.sync_all().await.map_err(StoreError::file("write", to))
    }

    async fn send(
        &self,
        method: &str,
        path: &str,
        what: &str,
        body: Option<(&str, Body)>,
    ) -> Result<Response<hyper::body::Incoming>, StoreError> {
        let failed = |words: String| self.refused(what, &words);
        let stream = TcpStream::connect(self.at)
            .await
            .map_err(|e| failed(e.to_string()))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|e| failed(e.to_string()))?;
        // ends by itself with the exchange
        tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("localhost:{}", self.at.port()))
            .header("connection", "close")
            .header("api-key", self.secret(KEY).expose());
        if let Some((kind, _)) = &body {
            request = request.header("content-type", *kind);
        }
        let body = body.map_or_else(|| full(String::new()), |(_, body)| body);
        let request = request
            .body(body)
            .map_err(|_| failed("the request is malformed".to_owned()))?;
        sender
            .send_request(request)
            .await
            .map_err(|e| failed(e.to_string()))
    }

    /// A file as a form's only field.
    async fn form(&self, path: &Path) -> Result<Body, StoreError> {
        let opened = File::open(path).await;
        let file = opened.map_err(StoreError::file("read", path))?;
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"snapshot\"; filename=\"restored.snapshot\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{BOUNDARY}--\r\n");
        let pieces = futures_util::stream::unfold(Some(file), |file| async move {
            let mut file = file?;
            let mut piece = vec![0; PIECE];
            match file.read(&mut piece).await {
                Ok(0) => None,
                Ok(read) => {
                    piece.truncate(read);
                    Some((Ok(Bytes::from(piece)), Some(file)))
                }
                Err(error) => Some((Err(error), None)),
            }
        });
        let one = |text: String| futures_util::stream::iter([Ok(Bytes::from(text))]);
        let all = one(head).chain(pieces).chain(one(tail));
        Ok(StreamBody::new(Box::pin(
            all.map(|piece: std::io::Result<Bytes>| piece.map(Frame::data)),
        ))
        .boxed_unsync())
    }
}

fn full(text: String) -> Body {
    Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed_unsync()
}
