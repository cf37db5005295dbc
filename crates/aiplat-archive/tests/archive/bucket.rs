//! A bucket that fails. The server here is a stand-in, which answers what the test says and checks no signature; the real
//! protocol is tested with a real server in the command's tests.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use aiplat_archive::{
    ArchiveError, Attributes, Header, Key, Limits, Options, Reader, S3Keys, S3Place, Seal, Target,
    TargetError, Writer,
};
use serde_json::Value;

use crate::support::name;

#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Vec<u8>>,
    parts: BTreeMap<usize, Vec<u8>>,
    uploads: Vec<String>,
    /// What the next requests with this method and this in their address are answered with instead.
    faults: VecDeque<(&'static str, &'static str, Fault)>,
    seen: Vec<String>,
}

#[derive(Clone, Copy)]
enum Fault {
    Answer(&'static str),
    Close,
    /// Half of the object.
    Half,
}

struct StandIn {
    bucket: Arc<Mutex<Bucket>>,
    target: Target,
}

impl StandIn {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let bucket = Arc::new(Mutex::new(Bucket::default()));
        let shared = bucket.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = shared.clone();
                std::thread::spawn(move || while serve(&stream, &shared).is_some() {});
            }
        });
        let endpoint = format!("http://{address}");
        let place = S3Place::parse("s3://bucket/some/folder/", &endpoint, "here").unwrap();
        let keys = S3Keys {
            access: "id-of-key".to_owned(),
            secret: "very-secret".to_owned().into(),
            token: None,
        };
        Self {
            bucket,
            target: Target::s3(&place, &keys).unwrap(),
        }
    }

    fn fault(&self, method: &'static str, part: &'static str, fault: Fault) {
        self.bucket
            .lock()
            .unwrap()
            .faults
            .push_back((method, part, fault));
    }

    fn write(&self, bytes: usize) -> Result<aiplat_archive::Sidecar, ArchiveError> {
        let header = Header::new(&name(), "id", Value::Null);
        let mut writer = Writer::begin(
            &self.target,
            &name(),
            &Seal::Unencrypted,
            header,
            Options::default(),
        )?;
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 56) as u8
        })
        .take(bytes)
        .collect();
        writer.bytes("a", &Attributes::new(0o600, "stack"), &noise)?;
        writer.finish(Value::Null)
    }

    fn verify(&self) -> Result<String, ArchiveError> {
        let from = self.target.open(&name())?;
        let reader = Reader::open(from, &Key::Unencrypted, Limits::default())?;
        Ok(reader.verify()?.sha256)
    }
}

const NS: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

/// Answers one request; `None` when the connection is over.
fn serve(stream: &TcpStream, bucket: &Mutex<Bucket>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split(' ');
    let (method, address) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let header = header.trim_end().to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length: ") {
            length = value.parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut bucket = bucket.lock().unwrap();
    let (path, query) = address.split_once('?').unwrap_or((&address, ""));
    let key = path.strip_prefix("/bucket/").unwrap_or_default().to_owned();
    bucket
        .seen
        .push(format!("{method} {key} {}", query.split("X-Amz").next()?));
    let fault = bucket
        .faults
        .front()
        .copied()
        .filter(|(m, part, _)| *m == method && address.contains(part));
    if fault.is_some() {
        bucket.faults.pop_front();
    }
    let mut half = false;
    match fault.map(|(_, _, fault)| fault) {
        Some(Fault::Answer(answer)) => return send(stream, answer, b""),
        Some(Fault::Close) => return None,
        Some(Fault::Half) => half = true,
        None => {}
    }
    let number = |name: &str| -> Option<usize> {
        query
            .split('&')
            .find_map(|p| p.strip_prefix(name))?
            .strip_prefix('=')?
            .parse()
            .ok()
    };
    match (method.as_str(), number("partNumber")) {
        ("PUT", Some(part)) => {
            bucket.parts.insert(part, body);
            send(stream, "200 OK\r\nETag: \"tag\"", b"")
        }
        ("PUT", None) => {
            bucket.objects.insert(key, body);
            send(stream, "200 OK", b"")
        }
        ("POST", _) if query.contains("uploads") => {
            bucket.uploads.push(key);
            send(stream, "200 OK", format!("<InitiateMultipartUploadResult {NS}><UploadId>u1</UploadId></InitiateMultipartUploadResult>").as_bytes())
        }
        ("POST", _) => {
            let whole = std::mem::take(&mut bucket.parts)
                .into_values()
                .flatten()
                .collect();
            bucket.objects.insert(key, whole);
            bucket.uploads.clear();
            send(stream, "200 OK", format!("<CompleteMultipartUploadResult {NS}><ETag>t</ETag></CompleteMultipartUploadResult>").as_bytes())
        }
        ("DELETE", _) if query.contains("uploadId") => {
            bucket.uploads.clear();
            send(stream, "204 No Content", b"")
        }
        ("DELETE", _) => {
            bucket.objects.remove(&key);
            send(stream, "204 No Content", b"")
        }
        ("GET", _) if query.contains("uploads") => {
            let all: String = bucket
                .uploads
                .iter()
                .map(|k| format!("<Upload><Key>{k}</Key><UploadId>u1</UploadId></Upload>"))
                .collect();
            send(
                stream,
                "200 OK",
                format!("<ListMultipartUploadsResult {NS}>{all}</ListMultipartUploadsResult>")
                    .as_bytes(),
            )
        }
        ("GET", _) if query.contains("list-type") => {
            let all: String = bucket
                .objects
                .iter()
                .map(|(k, v)| {
                    format!(
                        "<Contents><Key>{k}</Key><Size>{}</Size></Contents>",
                        v.len()
                    )
                })
                .collect();
            send(
                stream,
                "200 OK",
                format!("<ListBucketResult {NS}>{all}</ListBucketResult>").as_bytes(),
            )
        }
        (_, _) => match bucket.objects.get(&key) {
            None => send(stream, "404 Not Found", b""),
            Some(object) if method == "HEAD" => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    object.len()
                );
                (&*stream).write_all(head.as_bytes()).ok()
            }
            Some(object) => {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
                    object.len()
                );
                let sent = if half { object.len() / 2 } else { object.len() };
                (&*stream)
                    .write_all(&[head.as_bytes(), &object[..sent]].concat())
                    .ok()?;
                (!half).then_some(())
            }
        },
    }
}

fn send(mut stream: &TcpStream, status: &str, body: &[u8]) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let length = if status.starts_with("204") {
        format!("HTTP/1.1 {status}\r\n\r\n")
    } else {
        head
    };
    stream.write_all(&[length.as_bytes(), body].concat()).ok()
}

#[test]
fn small_and_large_there_and_back() {
    for bytes in [100, 40 << 20] {
        let stand_in = StandIn::new();
        let sidecar = stand_in.write(bytes).unwrap();
        assert_eq!(stand_in.verify().unwrap(), sidecar.sha256);
        let listed = stand_in.target.list().unwrap();
        assert_eq!((listed.len(), listed[0].size), (1, sidecar.size));
        assert_eq!(listed[0].sidecar.as_ref(), Some(&sidecar));
        let again = stand_in.write(1).unwrap_err();
        assert!(
            matches!(again, ArchiveError::Target(TargetError::Exists { .. })),
            "{again}"
        );
        stand_in.target.delete(&name()).unwrap();
        assert!(stand_in.bucket.lock().unwrap().objects.is_empty());
    }
}

#[test]
fn a_server_that_stumbles_is_asked_again() {
    let stand_in = StandIn::new();
    stand_in.fault("HEAD", "aiplat", Fault::Answer("503 Slow Down"));
    stand_in.fault("PUT", "partNumber=1", Fault::Close);
    stand_in.fault("PUT", "partNumber=2", Fault::Answer("500 Oh"));
    let sidecar = stand_in.write(40 << 20).unwrap();
    assert_eq!(stand_in.verify().unwrap(), sidecar.sha256);
    assert!(stand_in.bucket.lock().unwrap().faults.is_empty());
}

#[test]
fn what_fails_for_good_is_said_without_a_key_and_leaves_nothing() {
    const FORBIDDEN: &str = "403 Forbidden";
    // an upload's end may fail in an answer that begins well
    for (method, part, fault, times) in [
        ("PUT", "partNumber=2", Fault::Answer(FORBIDDEN), 1),
        ("PUT", "partNumber=2", Fault::Close, 3),
        ("POST", "uploadId", Fault::Answer("200 OK"), 1),
        ("POST", "uploads", Fault::Answer(FORBIDDEN), 1),
    ] {
        let stand_in = StandIn::new();
        for _ in 0..times {
            stand_in.fault(method, part, fault);
        }
        let error = stand_in.write(40 << 20).unwrap_err();
        let mut said = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(inner) = source {
            said += &inner.to_string();
            source = inner.source();
        }
        for secret in ["very-secret", "id-of-key", "Signature"] {
            assert!(!said.contains(secret), "{said}");
        }
        let bucket = stand_in.bucket.lock().unwrap();
        assert!(
            bucket.objects.is_empty() && bucket.uploads.is_empty(),
            "{said}: {:?}",
            bucket.seen
        );
    }
}

#[test]
fn half_an_archive_is_no_archive() {
    let stand_in = StandIn::new();
    stand_in.write(100_000).unwrap();
    stand_in.fault("GET", ".aiplat?", Fault::Half);
    let error = stand_in.verify().unwrap_err();
    assert!(!matches!(error, ArchiveError::Damaged { .. }), "{error}");
    stand_in.verify().unwrap();
}

#[test]
fn uploads_of_killed_runs_are_ended_for_their_stack_only() {
    let stand_in = StandIn::new();
    let ours = format!("some/folder/{}", name());
    stand_in.bucket.lock().unwrap().uploads =
        vec!["some/folder/other-20270115T080000Z.aiplat".to_owned()];
    assert_eq!(stand_in.target.sweep("acme").unwrap(), 0);
    stand_in.bucket.lock().unwrap().uploads = vec![ours];
    assert_eq!(stand_in.target.sweep("acme").unwrap(), 1);
    assert!(stand_in.bucket.lock().unwrap().uploads.is_empty());
}

#[test]
fn addresses() {
    let parse = |address: &str| S3Place::parse(address, "http://127.0.0.1:1", "r");
    assert_eq!(parse("s3://abc").unwrap().prefix, "");
    assert_eq!(parse("s3://abc/d/e/").unwrap().prefix, "d/e");
    for bad in [
        "abc",
        "s3://",
        "s3://a",
        "s3://Abc",
        "s3://abc/../d",
        "s3://abc/d?x=1",
        "http://abc/d",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
    let keys = S3Keys {
        access: "a".to_owned(),
        secret: "b".to_owned().into(),
        token: None,
    };
    let place = S3Place::parse("s3://abc", "ftp://me:password@host", "r").unwrap();
    let error = Target::s3(&place, &keys).unwrap_err().to_string();
    assert!(!error.contains("password"), "{error}");
    let place = S3Place::parse("s3://abc", "http://127.0.0.1:1", "r").unwrap();
    let gone = Target::s3(&place, &keys).unwrap().list().unwrap_err();
    assert!(matches!(gone, TargetError::Io { .. }), "{gone}");
}
