//! Requests and responses as plain data, so that every handler can be called without a socket.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::{Value, json};

/// What was asked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// Without the query, as sent.
    pub path: String,
    /// Decoded; of a name given twice the last one holds.
    pub query: BTreeMap<String, String>,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request as a test or a handler makes it.
    pub fn new(method: &str, target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let query = query
            .split('&')
            .filter(|part| !part.is_empty())
            .map(|part| {
                let (key, value) = part.split_once('=').unwrap_or((part, ""));
                (decode(key), decode(value))
            })
            .collect();
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query,
            ..Self::default()
        }
    }

    /// A GET.
    pub fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// The same with a header.
    #[must_use]
    pub fn header_set(mut self, name: &str, value: &str) -> Self {
        self.headers
            .insert(name.to_ascii_lowercase(), value.to_owned());
        self
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn with_json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into_bytes();
        self
    }

    /// A header by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The decoded parts of the path, without empty ones.
    pub fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decode)
            .collect()
    }

    /// The body as JSON; `null` where it is empty or no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The token of `Authorization: Bearer`.
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    }

    /// Name and password of `Authorization: Basic`.
    pub fn basic(&self) -> Option<(String, String)> {
        let (scheme, token) = self.header("authorization")?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(token.trim())
            .ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (user, password) = text.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }
}

/// What is answered.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Header names and values, content type included.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Response {
    /// An answer of this type.
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    /// JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json", body.to_string())
    }

    /// Plain text.
    pub fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain; charset=utf-8", body)
    }

    /// No body.
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Nothing of that path.
    pub fn not_found() -> Self {
        Self::json(404, &json!({"error": "not found", "stand_in": true}))
    }

    /// The front page, which says what this is.
    pub fn page(service: &str, lines: &[&str]) -> Self {
        let mut body = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><title>stand-in for {service}</title>\
             <style>body{{font:1rem/1.5 sans-serif;max-width:40rem;margin:4rem auto;padding:0 1rem}}</style>\
             <h1>A stand-in for {service}</h1><p>This is not {service}. It is a small program that keeps to \
             its ports, paths, folders and keys, where its image cannot be had.</p>"
        );
        for line in lines {
            body.push_str("<p>");
            body.push_str(line);
            body.push_str("</p>");
        }
        Self::new(200, "text/html; charset=utf-8", body)
    }

    /// Numbers in Prometheus's text format: one gauge that says a stand-in answers.
    pub fn metrics(service: &str, extra: &str) -> Self {
        let body = format!(
            "# HELP aiplat_stand_in a stand-in answers in place of the service\n# TYPE aiplat_stand_in gauge\n\
             aiplat_stand_in{{service=\"{service}\"}} 1\n{extra}"
        );
        Self::new(200, "text/plain; version=0.0.4; charset=utf-8", body)
    }

    /// The same with a header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The body as JSON, for tests.
    pub fn body_json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// Something that answers.
pub trait Service: Send + Sync + 'static {
    /// The answer to one request. Called off the event loop, so it may block.
    fn answer(&self, request: &Request) -> Response;
}

impl<F> Service for F
where
    F: Fn(&Request) -> Response + Send + Sync + 'static,
{
    fn answer(&self, request: &Request) -> Response {
        self(request)
    }
}

/// Percent-decoding; what is no valid escape stays as it is.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if let Some(byte) = escape {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_queries_are_decoded() {
        let request = Request::get("/collections/a%20b/x%zz?limit=3&q=a%2Fb");
        assert_eq!(request.segments(), ["collections", "a b", "x%zz"]);
        assert_eq!(request.query["q"], "a/b");
    }

    #[test]
    fn credentials_are_read() {
        let basic = Request::get("/").header_set("Authorization", "Basic YWRtaW46cDp3");
        assert_eq!(basic.basic(), Some(("admin".into(), "p:w".into())));
        assert_eq!(basic.bearer(), None);
        let bearer = Request::get("/").header_set("authorization", "bearer k");
        assert_eq!(bearer.bearer(), Some("k"));
    }
}
