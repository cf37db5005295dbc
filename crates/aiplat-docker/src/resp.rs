//! As much of Redis' protocol as a probe and a backup speak.

use std::fmt;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// An answer longer than this is not one of ours.
const LONGEST: usize = 1 << 20;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    Text(String),
    Error(String),
    List(Vec<Self>),
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(words) | Self::Error(words) => f.write_str(words),
            Self::List(all) => write!(f, "a list of {}", all.len()),
        }
    }
}

/// A session.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    pub(crate) async fn open(to: SocketAddr) -> std::io::Result<Self> {
        Ok(Self(BufReader::new(TcpStream::connect(to).await?)))
    }

    /// Asks, and reads the answer.
    pub(crate) async fn ask(&mut self, words: &[&str]) -> std::io::Result<Reply> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        self.0.write_all(&bytes).await?;
        self.reply().await
    }

    async fn reply(&mut self) -> std::io::Result<Reply> {
        let line = self.line().await?;
        let (kind, rest) = line.split_at_checked(1).unwrap_or(("", ""));
        Ok(match kind {
            "+" | ":" => Reply::Text(rest.to_owned()),
            "-" => Reply::Error(rest.to_owned()),
            "$" => Reply::Text(self.bulk(rest).await?),
            "*" => {
                let count: usize = rest.parse().unwrap_or(0);
                let mut all = Vec::new();
                for _ in 0..count.min(64) {
                    all.push(Box::pin(self.reply()).await?);
                }
                Reply::List(all)
            }
            _ => return Err(std::io::Error::other("not the cache's protocol")),
        })
    }

    async fn line(&mut self) -> std::io::Result<String> {
        let mut bytes = Vec::new();
        self.0.read_until(b'\n', &mut bytes).await?;
        if bytes.is_empty() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned())
    }

    async fn bulk(&mut self, length: &str) -> std::io::Result<String> {
        let Ok(length) = length.parse::<usize>() else {
            return Ok(String::new());
        };
        if length > LONGEST {
            return Err(std::io::Error::other("an answer that is too long"));
        }
        let mut bytes = vec![0; length + 2];
        self.0.read_exact(&mut bytes).await?;
        bytes.truncate(length);
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
