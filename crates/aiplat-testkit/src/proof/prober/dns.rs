//! A name asked of the name servers that are named where the prober stands. The C library's own resolver would load
//! parts of the container's image into this process.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use super::protocol::{Got, Seen};

const A: u16 = 1;
const AAAA: u16 = 28;

pub(super) fn resolve(name: &str, within: u64) -> Seen {
    let text = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let servers: Vec<IpAddr> = text
        .lines()
        .filter_map(|line| line.strip_prefix("nameserver")?.trim().parse().ok())
        .collect();
    let Some(server) = servers.first() else {
        return Seen::new(Got::Odd, "no name server is named");
    };
    let mut addresses = Vec::new();
    let mut last = Seen::new(Got::Absent, "no such name");
    for kind in [A, AAAA] {
        match ask((*server, 53).into(), name, kind, within) {
            Ok(found) => addresses.extend(found),
            // a name that the engine does not know is asked of the world, which may not answer here
            Err(error) => {
                last = Seen::error(&error);
                break;
            }
        }
    }
    if addresses.is_empty() {
        return last;
    }
    let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    Seen {
        addresses,
        ..Seen::new(Got::Through, words.join(" "))
    }
}

fn ask(server: SocketAddr, name: &str, kind: u16, within: u64) -> std::io::Result<Vec<IpAddr>> {
    let local: SocketAddr = if server.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    };
    let socket = UdpSocket::bind(local)?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_millis(within.max(1))))?;
    socket.send(&question(name, kind))?;
    let mut answer = [0; 1500];
    let count = socket.recv(&mut answer)?;
    Ok(addresses(&answer[..count]).unwrap_or_default())
}

/// A standard question with recursion asked for.
fn question(name: &str, kind: u16) -> Vec<u8> {
    let mut packet = vec![0x61, 0x69, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for part in name.split('.').filter(|p| !p.is_empty()) {
        let part = &part.as_bytes()[..part.len().min(63)];
        packet.push(u8::try_from(part.len()).unwrap_or(63));
        packet.extend_from_slice(part);
    }
    packet.push(0);
    packet.extend(kind.to_be_bytes());
    packet.extend(1_u16.to_be_bytes());
    packet
}

/// The addresses of an answer; nothing of one that is cut short.
fn addresses(packet: &[u8]) -> Option<Vec<IpAddr>> {
    let word = |at: usize| Some(u16::from_be_bytes([*packet.get(at)?, *packet.get(at + 1)?]));
    let (questions, answers) = (word(4)?, word(6)?);
    let mut at = 12;
    for _ in 0..questions {
        at = past_name(packet, at)? + 4;
    }
    let mut found = Vec::new();
    for _ in 0..answers {
        at = past_name(packet, at)?;
        let (kind, length) = (word(at)?, usize::from(word(at + 8)?));
        let data = packet.get(at + 10..at + 10 + length)?;
        match kind {
            A => found.push(IpAddr::from(<[u8; 4]>::try_from(data).ok()?)),
            AAAA => found.push(IpAddr::from(<[u8; 16]>::try_from(data).ok()?)),
            _ => {}
        }
        at += 10 + length;
    }
    Some(found)
}

fn past_name(packet: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *packet.get(at)? {
            0 => return Some(at + 1),
            pointer if pointer >= 0xc0 => return Some(at + 2),
            length => at += usize::from(length) + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_s_addresses_are_read_and_a_cut_one_is_nothing() {
        let mut packet = question("a.bc", A);
        packet[7] = 1;
        packet.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 1, 2, 3]);
        assert_eq!(addresses(&packet).unwrap(), [IpAddr::from([10, 1, 2, 3])]);
        assert_eq!(addresses(&packet[..packet.len() - 1]), None);
        assert_eq!(addresses(&[]), None);
    }
}
