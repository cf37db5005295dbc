//! Clients that know nothing of the product: `psql`, a socket, `curl`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::curl::curl;
use crate::support::stack::Stack;

/// The address of a service on the stack's network.
pub(super) fn address(stack: &Stack<'_>, service: &str) -> String {
    let path = format!("/containers/{}/json", stack.container(service));
    let inspected = stack.bed.engine.get(&path);
    let network = &inspected["NetworkSettings"]["Networks"][&stack.name];
    network["IPAddress"]
        .as_str()
        .expect("an address")
        .to_owned()
}

/// What `psql` says to a statement, over the network, where the server asks everybody for a password.
pub(super) fn psql(
    stack: &Stack<'_>,
    user: &str,
    database: &str,
    password: &str,
    sql: &str,
) -> String {
    let script =
        format!("psql -h \"$(hostname -i)\" -U '{user}' -d '{database}' -tA -c \"{sql}\" 2>&1");
    let password = format!("PGPASSWORD={password}");
    let argv = ["env", &password, "sh", "-c", &script];
    stack.bed.engine.exec(&stack.container("postgres"), &argv)
}

/// Whether a role is let in. Anything but a yes or the server's own no fails.
#[track_caller]
pub(super) fn role(stack: &Stack<'_>, user: &str, database: &str, password: &str) -> bool {
    let said = psql(stack, user, database, password, "SELECT 41 + 1");
    if said.contains("password authentication failed") {
        return false;
    }
    assert!(said.contains("42"), "{said}");
    true
}

/// What Redis answers to commands in its own simple form.
pub(super) fn redis(stack: &Stack<'_>, commands: &[&str]) -> String {
    let mut stream = TcpStream::connect((address(stack, "redis"), 6379)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    for command in commands {
        stream
            .write_all(format!("{command}\r\n").as_bytes())
            .unwrap();
    }
    stream.write_all(b"QUIT\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

/// Whether Redis lets a password in.
#[track_caller]
pub(super) fn cache(stack: &Stack<'_>, password: &str) -> bool {
    let said = redis(stack, &[&format!("AUTH {password}"), "PING"]);
    let refused = said.contains("WRONGPASS");
    assert!(refused != said.contains("PONG"), "{said}");
    !refused
}

/// The status of a request to a service at its own address.
pub(super) fn status(
    stack: &Stack<'_>,
    service: &str,
    port: u16,
    path: &str,
    more: &[&str],
) -> u16 {
    let url = format!("http://{}:{port}{path}", address(stack, service));
    curl(more, &url).0
}

/// Whether a service lets a value in: 200, or a status that says no.
#[track_caller]
pub(super) fn http(stack: &Stack<'_>, service: &str, port: u16, path: &str, more: &[&str]) -> bool {
    let status = status(stack, service, port, path, more);
    assert!(
        [200, 400, 401, 403].contains(&status),
        "{service}{path}: {status}"
    );
    status == 200
}

/// Whether Qdrant lets a key in.
#[track_caller]
pub(super) fn qdrant(stack: &Stack<'_>, key: &str) -> bool {
    let header = format!("api-key: {key}");
    http(
        stack,
        "qdrant",
        6333,
        "/collections",
        &["--header", &header],
    )
}
