//! A command with a terminal: an engine sends its bytes bare, whatever they are.

use aiplat_docker::engine::{Bollard, Engine, EngineError, ExecRequest, TerminalSize, UserOf};
use futures_util::StreamExt;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::socket::Socket;

fn request() -> ExecRequest {
    ExecRequest {
        argv: vec!["sh".to_owned()],
        user: UserOf::Container,
        stdin: true,
        terminal: Some(TerminalSize {
            rows: 24,
            columns: 80,
        }),
    }
}

/// Heads that are none, a lone byte at the end, and one piece whose head promises more than comes.
const PIECES: [&[u8]; 5] = [
    b"\x01\x00\x00\x00\x00\x00\x00\x02plain after what looks like a head\r\n",
    b"\x02",
    b"\x00\x1b[0m",
    b"text without an end of line",
    b"\x01\x00\x00\x00\xff\xff\xff\xff",
];

/// An engine by hand: the answers, and then the pieces as they are.
async fn engine(listener: UnixListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream));
    }
}

async fn answer(stream: UnixStream) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let lower = line.to_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if first.is_empty() {
                first.clone_from(&line);
            }
            if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let json = if first.contains("/start") {
            break;
        } else if first.contains("/version") {
            json!({ "Version": "99.0", "ApiVersion": "1.41", "MinAPIVersion": "1.12" })
        } else {
            json!({ "Id": "0011" })
        };
        let (text, status) = (json.to_string(), "HTTP/1.1 200 OK");
        let head = format!(
            "{status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            text.len()
        );
        let whole = head + &text;
        stream.write_all(whole.as_bytes()).await.unwrap();
    }
    let switched = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    stream.write_all(switched).await.unwrap();
    for piece in PIECES {
        stream.write_all(piece).await.unwrap();
        stream.flush().await.unwrap();
        // so that each is read by itself
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let mut typed = [0; 2];
    stream.read_exact(&mut typed).await.unwrap();
    stream.write_all(&typed).await.unwrap();
}

#[tokio::test]
async fn every_byte_of_a_terminal_passes_as_it_is_both_ways() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("engine.sock");
    tokio::spawn(engine(UnixListener::bind(&path).unwrap()));
    let address = format!("unix://{}", path.display());
    let engine = Bollard::connect(&address).await.unwrap();
    let mut attached = engine.exec_attach("1", &request()).await.unwrap();
    attached.input.write_all(b"\x01\x03").await.unwrap();
    attached.input.flush().await.unwrap();
    let mut seen = Vec::new();
    let reading = async {
        while let Some(piece) = attached.output.next().await {
            let piece = piece.unwrap();
            assert!(!piece.stderr, "a terminal has one output");
            seen.extend_from_slice(&piece.bytes);
        }
    };
    let patience = std::time::Duration::from_secs(20);
    let ended = tokio::time::timeout(patience, reading).await;
    let expected = [PIECES.concat(), b"\x01\x03".to_vec()].concat();
    assert_eq!(
        String::from_utf8_lossy(&seen),
        String::from_utf8_lossy(&expected)
    );
    assert!(ended.is_ok(), "the end of the output was not seen");
}

#[tokio::test]
async fn a_refusal_is_told_in_the_engines_words() {
    let created = json!({ "Id": "0011" });
    let words = json!({ "message": "container 1 is paused" });
    let socket = Socket::new(
        "1.41",
        &[
            ("POST /containers/1/exec", 201, created),
            ("POST /exec/0011/start", 409, words),
        ],
    );
    let engine = socket.connect().await;
    let refused = engine.exec_attach("1", &request()).await.unwrap_err();
    let expected = EngineError::Refused {
        what: "run a command in container `1`".to_owned(),
        status: 409,
        words: "container 1 is paused".to_owned(),
    };
    assert_eq!(refused.to_string(), expected.to_string());
    let start = socket.asked().pop().unwrap();
    assert_eq!(start.body, json!({ "Detach": false, "Tty": true }));
}
