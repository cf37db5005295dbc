//! A socket in front of the engine's that writes down what is asked. Only for runs whose time is not taken.

mod requests;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use requests::Requests;

use crate::Result;

/// What was asked so far.
type Record = Arc<Mutex<Vec<String>>>;

/// A recording socket. Its threads live as long as the process.
#[derive(Debug)]
pub(crate) struct Proxy {
    socket: PathBuf,
    record: Record,
}

impl Proxy {
    /// Listens at `socket` in front of the engine at `unix:///path`.
    pub(crate) fn before(address: &str, socket: PathBuf) -> Result<Self> {
        let engine = address.strip_prefix("unix://");
        let engine = PathBuf::from(engine.ok_or("expected unix:///path")?);
        if socket.exists() {
            std::fs::remove_file(&socket)?;
        }
        let listener = UnixListener::bind(&socket)?;
        let record = Record::default();
        let kept = record.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // a client whose engine is gone is hung up on, which tells it
                let _ = serve(client, &engine, kept.clone());
            }
        });
        Ok(Self { socket, record })
    }

    /// Its address, for a client.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// What was asked since the last time, and how often.
    pub(crate) fn taken(&self) -> BTreeMap<String, usize> {
        let all = std::mem::take(&mut *self.record.lock().unwrap_or_else(PoisonError::into_inner));
        let mut counted = BTreeMap::new();
        for request in all {
            *counted.entry(plain(&request)).or_default() += 1;
        }
        counted
    }
}

fn serve(client: UnixStream, engine: &Path, record: Record) -> std::io::Result<()> {
    let engine = UnixStream::connect(engine)?;
    let (from_engine, to_client) = (engine.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let mut requests = Requests::default();
        pump(client, engine, |bytes| {
            let found = requests.feed(bytes);
            record
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(found);
        });
    });
    std::thread::spawn(move || pump(from_engine, to_client, |_| {}));
    Ok(())
}

/// Hands on until one side ends; that end is handed on too.
fn pump(mut from: UnixStream, mut to: UnixStream, mut see: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 {
            break;
        }
        see(&buffer[..read]);
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A request without version, query and ids.
fn plain(request: &str) -> String {
    let (method, path) = request.split_once(' ').unwrap_or((request, ""));
    let path = path.split('?').next().unwrap_or_default();
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty())
        .enumerate()
        .filter(|(at, part)| *at > 0 || !(part.starts_with("v1.")))
        .map(|(_, part)| part)
        .collect();
    let known = |part: &&str| {
        part.len() < 30
            && !part.contains("bench")
            && part.chars().all(|c| c.is_ascii_lowercase() || c == '_')
    };
    let parts: Vec<&str> = parts
        .iter()
        .map(|part| if known(part) { *part } else { "…" })
        .collect();
    format!("{method} /{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_without_what_makes_each_its_own() {
        let cases = [
            ("GET /v1.41/containers/json?all=1", "GET /containers/json"),
            ("POST /containers/0123abc/start", "POST /containers/…/start"),
            ("HEAD /_ping", "HEAD /_ping"),
            ("GET /v1.41/networks/bench-1", "GET /networks/…"),
        ];
        for (request, told) in cases {
            assert_eq!(plain(request), told);
        }
    }

    #[test]
    fn what_goes_through_is_recorded_and_unchanged() {
        let dir = tempfile::tempdir().unwrap();
        let (engine, own) = (dir.path().join("engine"), dir.path().join("own"));
        let listener = UnixListener::bind(&engine).unwrap();
        let served = std::thread::spawn(move || {
            let mut seen = String::new();
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"answer").unwrap();
            stream.read_to_string(&mut seen).unwrap();
            seen
        });
        let proxy = Proxy::before(&format!("unix://{}", engine.display()), own.clone()).unwrap();
        let mut client = UnixStream::connect(own).unwrap();
        client.write_all(b"GET /_ping HTTP/1.1\r\n\r\n").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "answer");
        assert_eq!(served.join().unwrap(), "GET /_ping HTTP/1.1\r\n\r\n");
        assert_eq!(proxy.taken(), BTreeMap::from([("GET /_ping".into(), 1)]));
        assert!(proxy.taken().is_empty());
    }
}
