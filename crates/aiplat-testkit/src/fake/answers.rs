//! How containers of the fake answer: on addresses of 127.0.0.0/8, with as much of HTTP, Redis and `PostgreSQL` as
//! probes and provisioning speak.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aiplat_core::desired::Desired;
use aiplat_core::spec::{Ask, Gate, HttpRequest, Probe, Provision, SecretDeed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::doors::Door;
use super::stack::CANARY;

/// What a service has been taught to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lesson {
    ports: BTreeSet<u16>,
    /// Status and body by method and path.
    http: BTreeMap<(String, String), (u16, String)>,
    /// Statuses for a value that is known and for one that is not, by method and path.
    guarded: BTreeMap<(String, String), (u16, u16)>,
}

/// Lessons from what is wanted of each service.
pub(super) fn lessons(desired: &Desired) -> BTreeMap<String, Lesson> {
    let mut all: BTreeMap<String, Lesson> = BTreeMap::new();
    for service in &desired.services {
        probed(
            all.entry(service.name.to_string()).or_default(),
            &service.gate,
        );
        let setup = service.setup.iter().map(|s| &s.provision);
        for provision in service.provisions.iter().map(|(_, p)| p).chain(setup) {
            let (Provision::Postgres { gate, port, .. } | Provision::Http { gate, port, .. }) =
                provision;
            let lesson = all.entry(gate.service.to_string()).or_default();
            lesson.ports.insert(*port);
            if let Provision::Http { requests, .. } = provision {
                requests.iter().for_each(|request| asked(lesson, request));
            }
        }
    }
    for act in &desired.acts {
        let lesson = all.entry(act.gate.service.to_string()).or_default();
        lesson.ports.insert(act.port);
        if let SecretDeed::Prove {
            ask: Ask::Http { request, refused },
            ..
        } = &act.deed
        {
            let key = (request.method.clone(), request.path.clone());
            let statuses = (request.accept.first(), refused.first());
            if let (Some(accept), Some(refuse)) = statuses {
                lesson.guarded.insert(key, (*accept, *refuse));
            }
        }
    }
    all
}

fn probed(lesson: &mut Lesson, gate: &Gate) {
    match &gate.probe {
        Probe::Http {
            port,
            path,
            status,
            body,
        } => {
            lesson.ports.insert(*port);
            let body = body.clone().unwrap_or_default();
            lesson
                .http
                .insert(("GET".to_owned(), path.clone()), (*status, body));
        }
        Probe::Postgres { port, .. } | Probe::Redis { port, .. } | Probe::Tcp { port } => {
            lesson.ports.insert(*port);
        }
        Probe::Exec { .. } | Probe::Alive { .. } | Probe::Engine => {}
    }
}

fn asked(lesson: &mut Lesson, request: &HttpRequest) {
    let status = request.accept.first().copied().unwrap_or(200);
    let key = (request.method.clone(), request.path.clone());
    lesson.http.entry(key).or_insert((status, "{}".to_owned()));
}

/// An address that no other container of this test program has.
pub(super) fn address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::SeqCst).to_be_bytes();
    // test programs that run at the same moment are told apart by the second part
    let program = 1 + std::process::id() % 250;
    let program = u8::try_from(program).unwrap_or(1);
    Ipv4Addr::new(127, program, number[2], number[3])
}

/// Answers on one port until it is dropped.
#[derive(Debug, Clone)]
pub(super) struct Server(#[expect(dead_code, reason = "held for its end")] Arc<Task>);

#[derive(Debug)]
struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Begins to answer on all ports of a service.
pub(super) fn serve(
    address: Ipv4Addr,
    lesson: &Lesson,
    sick: bool,
    door: &Door,
) -> std::io::Result<Vec<Server>> {
    let mut all = Vec::new();
    for port in &lesson.ports {
        let listener = std::net::TcpListener::bind(SocketAddr::from((address, *port)))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let lesson = Arc::new(lesson.clone());
        let door = door.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if !sick {
                    // one that breaks off is the caller's business
                    tokio::spawn(talk(stream, Arc::clone(&lesson), door.clone()));
                }
            }
        });
        all.push(Server(Arc::new(Task(task))));
    }
    Ok(all)
}

async fn talk(mut stream: TcpStream, lesson: Arc<Lesson>, door: Door) -> std::io::Result<()> {
    let mut begin = vec![0; 16 * 1024];
    let read = stream.read(&mut begin).await?;
    begin.truncate(read);
    if begin.starts_with(b"*") {
        redis(stream, begin, &door).await
    } else if begin.first().is_some_and(u8::is_ascii_uppercase) {
        http(stream, &begin, &lesson, &door).await
    } else {
        postgres(stream, &begin, &door).await
    }
}

async fn http(
    mut stream: TcpStream,
    begin: &[u8],
    lesson: &Lesson,
    door: &Door,
) -> std::io::Result<()> {
    let text = String::from_utf8_lossy(begin).into_owned();
    let mut words = text.split(' ');
    let key = (
        words.next().unwrap_or_default().to_owned(),
        words.next().unwrap_or_default().to_owned(),
    );
    let not_found = (404, String::new());
    // whatever the header or field is called, a test's secrets can be told by how they begin
    let shown = canaries(&text).any(|value| door.knows(value));
    let guarded = lesson.guarded.get(&key).map(|(accept, refuse)| {
        let status = if shown { *accept } else { *refuse };
        (status, "{}".to_owned())
    });
    let (status, body) = guarded
        .as_ref()
        .or_else(|| lesson.http.get(&key))
        .unwrap_or(&not_found);
    let length = if matches!(status, 204 | 304) {
        String::new()
    } else {
        format!("content-length: {}\r\n", body.len())
    };
    let answer = format!("HTTP/1.1 {status} Taught\r\n{length}connection: close\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await
}

fn canaries(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c))
        .filter(|word| word.starts_with(CANARY))
}

async fn redis(mut stream: TcpStream, mut said: Vec<u8>, door: &Door) -> std::io::Result<()> {
    loop {
        let text = String::from_utf8_lossy(&said);
        let unknown = canaries(&text).any(|value| !door.knows(value));
        let answer = if unknown {
            "-WRONGPASS invalid username-password pair or user is disabled.\r\n"
        } else if text.contains("PING") {
            "+PONG\r\n"
        } else {
            "+OK\r\n"
        };
        stream.write_all(answer.as_bytes()).await?;
        said = vec![0; 4096];
        let read = stream.read(&mut said).await?;
        if read == 0 {
            return Ok(());
        }
        said.truncate(read);
    }
}

/// Lets roles that it knows in by their passwords, and everybody else as they are; knows of databases only whose they
/// are.
async fn postgres(mut stream: TcpStream, begin: &[u8], door: &Door) -> std::io::Result<()> {
    const READY: [u8; 6] = [b'Z', 0, 0, 0, 5, b'I'];
    let words: Vec<_> = begin
        .get(8..)
        .unwrap_or_default()
        .split(|b| *b == 0)
        .collect();
    let user = words
        .windows(2)
        .find(|pair| pair[0] == b"user")
        .map(|pair| pair[1]);
    let user = String::from_utf8_lossy(user.unwrap_or_default()).into_owned();
    if door.asks(&user) {
        // in the clear, which only a server in memory asks for
        stream.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).await?;
        stream.read_u8().await?;
        let length = stream.read_u32().await?.saturating_sub(4);
        let mut body = vec![0; length as usize];
        stream.read_exact(&mut body).await?;
        let password = String::from_utf8_lossy(&body);
        if !door.lets_in(&user, password.trim_end_matches('\0')) {
            let mut answer = Vec::new();
            let words = format!(
                "SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"{user}\"\0\0"
            );
            message(&mut answer, b'E', words.as_bytes());
            return stream.write_all(&answer).await;
        }
    }
    let mut hello = vec![b'R', 0, 0, 0, 8, 0, 0, 0, 0];
    hello.extend_from_slice(&READY);
    stream.write_all(&hello).await?;
    loop {
        let kind = stream.read_u8().await?;
        let length = stream.read_u32().await?.saturating_sub(4);
        let mut body = vec![0; length as usize];
        stream.read_exact(&mut body).await?;
        if kind != b'Q' {
            return Ok(());
        }
        let statement = String::from_utf8_lossy(&body).into_owned();
        door.hear(&statement);
        let mut answer = Vec::new();
        if let Some(row) = door.row(&statement) {
            let columns = u16::try_from(row.len()).unwrap_or_default().to_be_bytes();
            // columns of no table
            let (mut names, mut values) = (columns.to_vec(), columns.to_vec());
            for value in row {
                names.extend_from_slice(
                    b"?column?\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0",
                );
                let length = value
                    .as_ref()
                    .map_or(-1, |v| i32::try_from(v.len()).unwrap_or(-1));
                values.extend_from_slice(&length.to_be_bytes());
                values.extend_from_slice(value.unwrap_or_default().as_bytes());
            }
            message(&mut answer, b'T', &names);
            message(&mut answer, b'D', &values);
        }
        message(&mut answer, b'C', b"DONE\0");
        answer.extend_from_slice(&READY);
        stream.write_all(&answer).await?;
    }
}

fn message(to: &mut Vec<u8>, kind: u8, body: &[u8]) {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    to.push(kind);
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(body);
}
