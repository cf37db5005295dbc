//! One plain HTTP request to a container's address.

use std::net::SocketAddr;

use aiplat_core::spec::HttpRequest;
use aiplat_core::text::Text;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::Outcome;

/// How much of an answer's body is read where nothing else is said, bytes.
const BODY: usize = 64 * 1024;

/// How much of an answer is repeated in words.
const REPEATED: usize = 160;

/// A request.
pub(crate) struct HttpCall<'a> {
    /// Where to.
    pub(crate) to: SocketAddr,
    /// Method in capitals.
    pub(crate) method: &'a str,
    /// Path with leading slash.
    pub(crate) path: &'a str,
    /// Further headers.
    pub(crate) headers: &'a [(String, Text)],
    /// JSON body.
    pub(crate) body: Option<&'a Text>,
}

impl<'a> HttpCall<'a> {
    /// A request as a service file describes it.
    pub(crate) fn of(to: SocketAddr, request: &'a HttpRequest) -> Self {
        Self {
            to,
            method: &request.method,
            path: &request.path,
            headers: &request.headers,
            body: request.body.as_ref(),
        }
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    /// Status.
    pub(crate) status: u16,
    /// The body, as much of it as was to be read.
    pub(crate) body: String,
}

impl HttpAnswer {
    /// The beginning of the body on one line, for a message.
    pub(crate) fn excerpt(&self) -> String {
        let line = self.body.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(REPEATED) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line,
        }
    }
}

/// Sends a request and reads the answer. The error is in words for people, and holds nothing of the request.
pub(crate) async fn call(call: HttpCall<'_>) -> Result<HttpAnswer, String> {
    call_within(call, BODY).await
}

/// The same, with room for so many bytes of the answer's body.
pub(crate) async fn call_within(call: HttpCall<'_>, room: usize) -> Result<HttpAnswer, String> {
    let HttpCall {
        to,
        method,
        path,
        headers,
        body,
    } = call;
    let stream = TcpStream::connect(to)
        .await
        .map_err(|error| format!("connecting to port {}: {error}", to.port()))?;
    let spoken = |error: hyper::Error| format!("no HTTP answer from port {}: {error}", to.port());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(spoken)?;
    // many services refuse a host name that they do not know; this one they all do
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", format!("localhost:{}", to.port()))
        .header("user-agent", concat!("aiplat/", env!("CARGO_PKG_VERSION")))
        .header("connection", "close");
    for (name, value) in headers {
        request = request.header(name, value.expose());
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let content = body.map_or_else(Bytes::new, |body| Bytes::from(body.expose().to_owned()));
    let request = request
        .body(Full::new(content))
        .map_err(|_| "the request is malformed".to_owned())?;

    let exchange = async {
        let answer = sender.send_request(request).await.map_err(spoken)?;
        let status = answer.status().as_u16();
        let mut incoming = answer.into_body();
        let mut kept = Vec::new();
        while let Some(frame) = incoming.frame().await {
            if let Ok(data) = frame.map_err(spoken)?.into_data() {
                let left = room.saturating_sub(kept.len()).min(data.len());
                kept.extend_from_slice(&data[..left]);
            }
            if kept.len() >= room {
                break;
            }
        }
        Ok(HttpAnswer {
            status,
            body: String::from_utf8_lossy(&kept).into_owned(),
        })
    };
    // the connection is driven beside the exchange and ends with it: nothing is left running
    let mut exchange = std::pin::pin!(exchange);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        _ = &mut connection => exchange.await,
    }
}

/// Whether a GET is answered as a ready service answers it.
pub(super) async fn ready(to: SocketAddr, path: &str, status: u16, body: Option<&str>) -> Outcome {
    let answer = match call(HttpCall {
        to,
        method: "GET",
        path,
        headers: &[],
        body: None,
    })
    .await
    {
        Ok(answer) => answer,
        Err(words) => return Outcome::NotYet(words),
    };
    if answer.status != status {
        let excerpt = answer.excerpt();
        let said = if excerpt.is_empty() {
            String::new()
        } else {
            format!(": {excerpt}")
        };
        return Outcome::NotYet(format!(
            "`{path}` answered {}, expected {status}{said}",
            answer.status
        ));
    }
    match body {
        Some(wanted) if !answer.body.contains(wanted) => Outcome::NotYet(format!(
            "`{path}` answered without `{wanted}`: {}",
            answer.excerpt()
        )),
        _ => Outcome::Ready,
    }
}

/// A name as part of a path: everything but letters, digits and `-_.~` is escaped.
pub(crate) fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |mut all, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            all.push(char::from(byte));
        } else {
            all.push_str(&format!("%{byte:02X}"));
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_part_of_a_path() {
        assert_eq!(escaped("ai__docs-1.x"), "ai__docs-1.x");
        assert_eq!(escaped("a b/ü?"), "a%20b%2F%C3%BC%3F");
    }
}
