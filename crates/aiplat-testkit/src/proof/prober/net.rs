//! Connections, datagrams, and listeners that answer with a token.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use super::protocol::{Got, Seen};

/// What is kept of an answer, bytes.
const KEPT: u64 = 64 << 10;

/// What a datagram says.
const HELLO: &[u8] = b"aiplat-proof";

/// How long a connection that came about is listened to.
const GREETING: Duration = Duration::from_millis(150);

/// Listens on every address, and answers everybody with the token. Answers the ports.
pub(super) fn listen(token: &str) -> io::Result<(u16, u16)> {
    let any = (Ipv4Addr::UNSPECIFIED, 0);
    let tcp = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).or_else(|_| TcpListener::bind(any))?;
    let udp = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).or_else(|_| UdpSocket::bind(any))?;
    let ports = (tcp.local_addr()?.port(), udp.local_addr()?.port());
    let (one, two) = (token.to_owned(), token.to_owned());
    std::thread::Builder::new()
        .stack_size(128 << 10)
        .spawn(move || {
            for stream in tcp.incoming() {
                let Ok(mut stream) = stream else { continue };
                let _ = stream.set_write_timeout(Some(GREETING));
                let _ = stream.write_all(one.as_bytes());
            }
        })?;
    std::thread::Builder::new()
        .stack_size(128 << 10)
        .spawn(move || {
            let mut buffer = [0; 64];
            while let Ok((_, from)) = udp.recv_from(&mut buffer) {
                let _ = udp.send_to(two.as_bytes(), from);
            }
        })?;
    Ok(ports)
}

pub(super) fn connect(to: SocketAddr, within: u64) -> Seen {
    match open(to, within) {
        Err(error) => Seen::error(&error),
        Ok(mut stream) => {
            let _ = stream.set_read_timeout(Some(GREETING));
            let mut heard = [0; 64];
            let count = stream.read(&mut heard).unwrap_or(0);
            Seen::new(Got::Through, String::from_utf8_lossy(&heard[..count]))
        }
    }
}

fn open(to: SocketAddr, within: u64) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&to, Duration::from_millis(within.max(1)))
}

pub(super) fn datagram(to: SocketAddr, within: u64) -> Seen {
    let any: SocketAddr = if to.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let ask = || -> io::Result<String> {
        let socket = UdpSocket::bind(any)?;
        socket.connect(to)?;
        socket.set_read_timeout(Some(Duration::from_millis(within.max(1))))?;
        socket.send(HELLO)?;
        let mut heard = [0; 64];
        let count = socket.recv(&mut heard)?;
        Ok(String::from_utf8_lossy(&heard[..count]).into_owned())
    };
    match ask() {
        Ok(text) => Seen::new(Got::Through, text),
        Err(error) => Seen::error(&error),
    }
}

pub(super) fn exchange(to: SocketAddr, send: &str, within: u64) -> Seen {
    let end = Instant::now() + Duration::from_millis(within);
    let mut stream = match open(to, within) {
        Ok(stream) => stream,
        Err(error) => return Seen::error(&error),
    };
    if let Err(error) = stream.write_all(send.as_bytes()) {
        return Seen::error(&error);
    }
    let mut heard = Vec::new();
    let mut part = [0; 4096];
    while (heard.len() as u64) < KEPT {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_read_timeout(Some(left)).is_err() {
            break;
        }
        match stream.read(&mut part) {
            Ok(0) | Err(_) => break,
            Ok(count) => heard.extend_from_slice(&part[..count]),
        }
    }
    Seen::new(Got::Through, String::from_utf8_lossy(&heard))
}
