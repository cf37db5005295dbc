//! The program itself: started as an image starts it, asked over loopback, told to stop.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use aiplat_standin::client::{Answer, Ask};
use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_aiplat-standin");

/// A stand-in of a test, ended with it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn start(root: &Path, service: &str, env: &[(&str, &str)]) -> Running {
    let mut command = Command::new(PROGRAM);
    command
        .env_clear()
        .env("STANDIN_FOR", service)
        .env("STANDIN_ROOT", root);
    command
        .env("STANDIN_LISTEN_AFTER_MS", "0")
        .env("STANDIN_READY_AFTER_MS", "0");
    command.envs(env.iter().copied()).stderr(Stdio::null());
    Running(command.spawn().unwrap())
}

/// A port nobody listens at; the stand-in takes it a moment later.
fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
        .to_string()
}

/// Asks until something answers, at most ten seconds.
fn wait_for(url: &str) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match Ask::get(url).send() {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < deadline, "{url}: {error}"),
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

fn called(name: &str, args: &[&str], env: &[(&str, &str)]) -> Output {
    let dir = tempfile::tempdir().unwrap();
    let link = dir.path().join(name);
    std::os::unix::fs::symlink(PROGRAM, &link).unwrap();
    Command::new(link)
        .args(args)
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

#[test]
fn it_says_on_every_answer_that_it_is_a_stand_in() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let _running = start(dir.path(), "plain", &[("PORT", &port)]);
    let url = format!("http://127.0.0.1:{port}/");
    assert!(
        String::from_utf8(wait_for(&url).body)
            .unwrap()
            .contains("stand-in")
    );
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream
        .write_all(b"GET /none HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("HTTP/1.1 404"), "{text}");
    assert!(text.contains("x-aiplat-stand-in: plain"), "{text}");
}

#[test]
fn qdrant_keeps_its_key_over_the_wire() {
    let (dir, port, grpc) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let env = [
        ("QDRANT__SERVICE__HTTP_PORT", port.as_str()),
        ("QDRANT__SERVICE__GRPC_PORT", grpc.as_str()),
        ("QDRANT__SERVICE__API_KEY", "k"),
    ];
    let _running = start(dir.path(), "qdrant", &env);
    let base = format!("http://127.0.0.1:{port}");
    assert_eq!(wait_for(&format!("{base}/readyz")).status, 200);
    let url = format!("{base}/collections/c");
    let body = json!({"vectors": {"size": 2, "distance": "Cosine"}}).to_string();
    let with = |key: &str| {
        let headers = [("api-key".to_owned(), key.to_owned())];
        let ask = Ask {
            method: "PUT",
            headers: &headers,
            body: body.as_bytes(),
            ..Ask::get(&url)
        };
        ask.send().unwrap().status
    };
    assert_eq!((with("wrong"), with("k"), with("k")), (401, 200, 409));
}

#[test]
fn the_tailscale_command_asks_the_daemon_over_its_socket() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let address = format!("127.0.0.1:{port}");
    let env = [
        ("TS_AUTHKEY", "tskey-auth-x"),
        ("TS_ENABLE_HEALTH_CHECK", "true"),
        ("TS_LOCAL_ADDR_PORT", address.as_str()),
        ("TS_SOCKET", "/s.sock"),
        ("STANDIN_ONLINE_AFTER_MS", "0"),
    ];
    let _running = start(dir.path(), "tailscale", &env);
    assert_eq!(wait_for(&format!("http://{address}/healthz")).status, 200);
    let root = dir.path().to_str().unwrap();
    let command = |socket: &str| {
        let socket = format!("--socket={socket}");
        called(
            "tailscale",
            &[&socket, "status", "--json"],
            &[("STANDIN_ROOT", root)],
        )
    };
    let status = command("/s.sock");
    assert!(
        String::from_utf8(status.stdout)
            .unwrap()
            .contains(r#""Online": true"#)
    );
    assert!(!command("/another.sock").status.success());
    let script =
        "tailscale --socket=/s.sock status --json --peers=false | grep -q '\"Online\": true'";
    assert!(
        called("sh", &["-c", script], &[("STANDIN_ROOT", root)])
            .status
            .success()
    );
}

#[test]
fn websockets_come_back() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let _running = start(dir.path(), "plain", &[("PORT", &port)]);
    wait_for(&format!("http://127.0.0.1:{port}/healthz"));
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream
        .write_all(
            b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        .unwrap();
    // a masked `hi`, then the close
    stream
        .write_all(b"\x81\x82\0\0\0\0hi\x88\x80\0\0\0\0")
        .unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    assert!(
        all.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&all)
    );
    assert!(all.ends_with(b"\x81\x02hi\x88\x00"), "{all:?}");
}

#[test]
fn it_stops_at_once_and_well() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let mut running = start(dir.path(), "plain", &[("PORT", &port)]);
    wait_for(&format!("http://127.0.0.1:{port}/healthz"));
    let started = Instant::now();
    let killed = Command::new("kill")
        .args(["-TERM", &running.0.id().to_string()])
        .status()
        .unwrap();
    assert!(killed.success());
    assert_eq!(running.0.wait().unwrap().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_refusal_is_told_and_fails() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(PROGRAM);
    command
        .env_clear()
        .env("STANDIN_FOR", "n8n")
        .env("STANDIN_ROOT", dir.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("HOME"));
}

#[test]
fn health_checks_fail_where_nobody_answers() {
    let url = format!("http://127.0.0.1:{}/", free_port());
    assert!(!called("wget", &["-qO-", &url], &[]).status.success());
    let output = Command::new(PROGRAM)
        .args(["--check", &url])
        .output()
        .unwrap();
    assert!(!output.status.success());
}

#[test]
fn hogs_hold_what_they_are_told_to() {
    for (flag, words) in [
        ("--hog-memory", "holding 3 MiB"),
        ("--hog-pids", "holding 3 processes"),
    ] {
        let mut child = Running(
            Command::new(PROGRAM)
                .args([flag, "3"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap(),
        );
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line.trim_end(), words);
        Command::new("kill")
            .args(["-TERM", &child.0.id().to_string()])
            .status()
            .unwrap();
        child.0.wait().unwrap();
    }
}
