//! The smallest HTTP/1.1 client that does: one request, one answer, over TCP or a socket file.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Only `http://host[:port][/path]` is understood.
    #[error("expected a URL of the form `http://host[:port][/path]`")]
    Url,
    /// The connection failed.
    #[error("no answer")]
    Connection(#[from] std::io::Error),
    /// What came back is no HTTP.
    #[error("expected an HTTP answer")]
    Answer,
}

/// An answer: status and body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// `content-type`, or empty.
    pub content_type: String,
    /// The whole body, chunks joined.
    pub body: Vec<u8>,
}

/// What to ask.
#[derive(Debug, Clone)]
pub struct Ask<'a> {
    /// The method.
    pub method: &'a str,
    /// The URL.
    pub url: &'a str,
    /// Header lines.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
    /// For each read and write.
    pub timeout: Duration,
    /// A socket file to use instead of the URL's host.
    pub socket: Option<&'a Path>,
}

impl<'a> Ask<'a> {
    /// A GET with five seconds.
    pub fn get(url: &'a str) -> Self {
        let timeout = Duration::from_secs(5);
        Self {
            method: "GET",
            url,
            headers: &[],
            body: &[],
            timeout,
            socket: None,
        }
    }

    /// Asks.
    pub fn send(&self) -> Result<Answer, ClientError> {
        let rest = self.url.strip_prefix("http://").ok_or(ClientError::Url)?;
        let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        let mut head = format!(
            "{} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.method,
            self.body.len()
        );
        for (name, value) in self.headers {
            head.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        message.extend_from_slice(self.body);
        if let Some(socket) = self.socket {
            let stream = UnixStream::connect(socket)?;
            stream.set_read_timeout(Some(self.timeout))?;
            return exchange(stream, &message);
        }
        let with_port = if authority.contains(':') {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        let mut last = ClientError::Url;
        for address in with_port.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, self.timeout) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(self.timeout))?;
                    return exchange(stream, &message);
                }
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }
}

fn exchange(mut stream: impl Read + Write, message: &[u8]) -> Result<Answer, ClientError> {
    stream.write_all(message)?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all)?;
    parse(&all).ok_or(ClientError::Answer)
}

fn parse(all: &[u8]) -> Option<Answer> {
    let end = all.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&all[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let (mut chunked, mut content_type) = (false, String::new());
    for line in lines {
        let (name, value) = line.split_once(':')?;
        if name.eq_ignore_ascii_case("transfer-encoding") {
            chunked = value.to_ascii_lowercase().contains("chunked");
        } else if name.eq_ignore_ascii_case("content-type") {
            value.trim().clone_into(&mut content_type);
        }
    }
    let body = &all[end + 4..];
    let body = if chunked { join(body)? } else { body.to_vec() };
    Some(Answer {
        status,
        content_type,
        body,
    })
}

fn join(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line])
            .ok()?
            .split(';')
            .next()?
            .trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(out);
        }
        let from = line + 2;
        out.extend_from_slice(rest.get(from..from + size)?);
        rest = rest.get(from + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_and_chunked_answers_are_read() {
        let plain = parse(b"HTTP/1.1 204 No Content\r\nContent-Type: a/b\r\n\r\n").unwrap();
        assert_eq!((plain.status, plain.content_type.as_str()), (204, "a/b"));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n";
        assert_eq!(parse(chunked).unwrap().body, b"abcde");
        assert!(parse(b"nonsense").is_none());
    }
}
