//! Redis' own greeting: AUTH, then PING.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::Outcome;

/// Whether the server lets us in with the password and answers PONG.
pub(super) async fn ready(to: SocketAddr, password: &str) -> Outcome {
    match greet(to, password).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::NotYet(format!("port {}: {error}", to.port())),
    }
}

async fn greet(to: SocketAddr, password: &str) -> std::io::Result<Outcome> {
    let mut stream = BufReader::new(TcpStream::connect(to).await?);
    if !password.is_empty() {
        stream.write_all(&request(&["AUTH", password])).await?;
        let said = line(&mut stream).await?;
        if !said.starts_with("+OK") {
            return Ok(Outcome::NotYet(format!("AUTH was answered `{said}`")));
        }
    }
    stream.write_all(&request(&["PING"])).await?;
    let said = line(&mut stream).await?;
    Ok(if said == "+PONG" {
        Outcome::Ready
    } else {
        Outcome::NotYet(format!("PING was answered `{said}`"))
    })
}

/// The server's answer to AUTH.
pub(crate) async fn auth(to: SocketAddr, password: &str) -> std::io::Result<String> {
    let mut stream = BufReader::new(TcpStream::connect(to).await?);
    stream.write_all(&request(&["AUTH", password])).await?;
    line(&mut stream).await
}

async fn line(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    stream.read_until(b'\n', &mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    Ok(text.trim_end().to_owned())
}

fn request(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}
