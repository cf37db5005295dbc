//! Websockets, as far as a proxy in front has to be tried: whoever connects gets his frames back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The longest frame that is sent back, in bytes.
const LONGEST: u64 = 1 << 20;
/// RFC 6455, section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The kinds of frame that matter here.
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The value of `Sec-WebSocket-Accept` for a client's key.
pub fn accept(key: &str) -> String {
    BASE64.encode(Sha1::digest(format!("{key}{GUID}")))
}

/// Sends every frame back until the client closes or breaks the rules.
pub async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head).await?;
        let length = match head[1] & 0x7f {
            126 => u64::from(stream.read_u16().await?),
            127 => stream.read_u64().await?,
            short => u64::from(short),
        };
        // a client has to mask what it sends
        if head[1] & 0x80 == 0 || length > LONGEST {
            return Ok(());
        }
        let mut mask = [0; 4];
        stream.read_exact(&mut mask).await?;
        let mut payload = vec![0; usize::try_from(length).unwrap_or(0)];
        stream.read_exact(&mut payload).await?;
        payload
            .iter_mut()
            .zip(mask.iter().cycle())
            .for_each(|(byte, mask)| *byte ^= mask);
        let kind = head[0] & 0x0f;
        let first = if kind == PING {
            (head[0] & 0xf0) | PONG
        } else {
            head[0]
        };
        stream.write_all(&frame(first, &payload)).await?;
        stream.flush().await?;
        if kind == CLOSE {
            return stream.shutdown().await;
        }
    }
}

/// A frame as a server sends it: without a mask.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length), _) if length < 126 => out.push(length),
        (_, Ok(length)) => {
            out.push(126);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(127);
            out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_answered_as_in_the_rfc() {
        assert_eq!(
            accept("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[tokio::test]
    async fn frames_come_back_until_the_close() {
        let (client, server) = tokio::io::duplex(1 << 12);
        let echoing = tokio::spawn(echo(server));
        let (mut reading, mut writing) = tokio::io::split(client);
        let masked = |first: u8, text: &[u8]| {
            let length = u8::try_from(text.len()).unwrap();
            let mut out = vec![first, 0x80 | length, 1, 2, 3, 4];
            out.extend(
                text.iter()
                    .zip([1, 2, 3, 4].iter().cycle())
                    .map(|(byte, mask)| byte ^ mask),
            );
            out
        };
        writing.write_all(&masked(0x81, b"hello")).await.unwrap();
        writing.write_all(&masked(0x89, b"p")).await.unwrap();
        writing.write_all(&masked(0x88, b"")).await.unwrap();
        let mut back = Vec::new();
        reading.read_to_end(&mut back).await.unwrap();
        assert_eq!(back, b"\x81\x05hello\x8a\x01p\x88\x00");
        echoing.await.unwrap().unwrap();
    }

    #[test]
    fn long_payloads_have_their_length_in_more_bytes() {
        assert_eq!(frame(0x82, &[0; 125])[..2], [0x82, 125]);
        assert_eq!(frame(0x82, &[0; 126])[..4], [0x82, 126, 0, 126]);
        assert_eq!(frame(0x82, &vec![0; 70_000])[..2], [0x82, 127]);
    }
}
