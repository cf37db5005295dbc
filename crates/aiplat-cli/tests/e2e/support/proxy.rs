//! A socket between the command and the engine that counts what is asked: the command's own count is not taken on trust.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::bed::Bed;

/// A recording socket.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) socket: PathBuf,
    asked: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    /// Listens in the test's own directory.
    pub(crate) fn before(bed: &Bed) -> Self {
        Self::altering(bed, "", "")
    }

    /// The same, which writes `to` over `from`, of the same length, in what the engine is asked.
    pub(crate) fn altering(bed: &Bed, from: &'static str, to: &'static str) -> Self {
        assert_eq!(from.len(), to.len(), "the length is told before");
        let change = (!from.is_empty()).then_some((from.as_bytes(), to.as_bytes()));
        let socket = bed.home.join("proxy.sock");
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (record, engine) = (asked.clone(), bed.engine.socket.clone());
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let engine = UnixStream::connect(&engine).unwrap();
                let (to, from) = (engine.try_clone().unwrap(), client.try_clone().unwrap());
                let record = record.clone();
                std::thread::spawn(move || pass(from, to, Some(&record), change));
                std::thread::spawn(move || pass(engine, client, None, None));
            }
        });
        Self { socket, asked }
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The request lines so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let text = String::from_utf8_lossy(&asked);
        text.lines()
            .filter(|line| line.ends_with(" HTTP/1.1"))
            .map(str::to_owned)
            .collect()
    }
}

fn pass(
    mut from: UnixStream,
    mut to: UnixStream,
    record: Option<&Mutex<Vec<u8>>>,
    change: Option<(&[u8], &[u8])>,
) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if let Some(record) = record {
            record.lock().unwrap().extend(&buffer[..read]);
        }
        if let Some((old, new)) = change {
            let last = read.saturating_sub(old.len());
            for at in 0..=last {
                if buffer[at..read].starts_with(old) {
                    buffer[at..at + new.len()].copy_from_slice(new);
                }
            }
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
