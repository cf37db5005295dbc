//! `PostgreSQL`'s start-up handshake, as far as the server's first word.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Outcome;

/// Version 3.0 of the protocol, which every server since 7.4 speaks.
const PROTOCOL: u32 = 0x0003_0000;

/// An answer longer than this is no server's first word.
const LONGEST: u32 = 16 * 1024;

/// SQLSTATEs with which a server says that it is there but takes nobody in: starting up, shutting down, crashed, full.
const CLOSED: [&str; 4] = ["57P03", "57P01", "57P02", "53300"];

/// Whether the server takes sessions. It does when it asks for a password; it does as well when it refuses this very
/// role or database (SQLSTATE 28xxx, 3D000), because only a server in operation can tell: what is wrong with the
/// credentials is told, better than here, by the first who uses them.
pub(super) async fn ready(to: SocketAddr, user: &str, database: &str) -> Outcome {
    match first_word(to, user, database).await {
        Ok(outcome) => outcome,
        Err(error) => Outcome::NotYet(format!("port {}: {error}", to.port())),
    }
}

async fn first_word(to: SocketAddr, user: &str, database: &str) -> std::io::Result<Outcome> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(&startup(user, database)).await?;
    let kind = stream.read_u8().await?;
    let length = stream.read_u32().await?;
    if !(4..=LONGEST).contains(&length) {
        return Ok(Outcome::NotYet("the answer is not PostgreSQL's".to_owned()));
    }
    let mut body = vec![0; length as usize - 4];
    stream.read_exact(&mut body).await?;
    // Closed without a word: a server that waits for a password takes a connection that ends as one who has thought better
    // of it and writes nothing, while a `Terminate` in the middle of the exchange is a FATAL line in its log.
    Ok(judge(kind, &body))
}

fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut body = PROTOCOL.to_be_bytes().to_vec();
    for word in [
        "user",
        user,
        "database",
        database,
        "application_name",
        "aiplat",
    ] {
        body.extend_from_slice(word.as_bytes());
        body.push(0);
    }
    body.push(0);
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [length.to_be_bytes().as_slice(), &body].concat()
}

fn judge(kind: u8, body: &[u8]) -> Outcome {
    match kind {
        b'R' => Outcome::Ready,
        b'E' => {
            let field = |code: u8| {
                body.split(|b| *b == 0)
                    .find(|f| f.first() == Some(&code))
                    .map(|f| String::from_utf8_lossy(&f[1..]).into_owned())
                    .unwrap_or_default()
            };
            let state = field(b'C');
            if CLOSED.contains(&state.as_str()) || state.is_empty() {
                Outcome::NotYet(format!("{} ({state})", field(b'M')))
            } else {
                Outcome::Ready
            }
        }
        _ => Outcome::NotYet("the answer is not PostgreSQL's".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_has_its_length_and_ends_in_two_zeros() {
        let packet = startup("u", "d");
        assert_eq!(
            packet[..4],
            u32::try_from(packet.len()).unwrap().to_be_bytes()
        );
        assert!(packet.ends_with(&[0, 0]));
        assert!(packet.windows(7).any(|w| w == b"user\0u\0"));
    }

    #[test]
    fn a_server_that_starts_is_not_ready_and_one_that_refuses_a_role_is() {
        assert_eq!(judge(b'R', &[]), Outcome::Ready);
        let starting = judge(
            b'E',
            b"SFATAL\0C57P03\0Mthe database system is starting up\0\0",
        );
        assert_eq!(
            starting,
            Outcome::NotYet("the database system is starting up (57P03)".into())
        );
        assert_eq!(
            judge(b'E', b"SFATAL\0C28000\0Mno pg_hba.conf entry\0\0"),
            Outcome::Ready
        );
        assert!(matches!(judge(b'H', b"TTP"), Outcome::NotYet(_)));
    }
}
