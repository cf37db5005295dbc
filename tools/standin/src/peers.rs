//! What a stand-in asks of the stack's real services: that they answer, and that its own
//! credentials are good there.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// Why a peer is of no use.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Nothing answers.
    #[error("no answer from `{peer}`")]
    Unreachable {
        /// `host:port`.
        peer: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It answers and refuses; the words are its own and hold no secret.
    #[error("`{peer}` refused: {words}")]
    Refused {
        /// `host:port`.
        peer: String,
        /// What it said.
        words: String,
    },
}

const TIMEOUT: Duration = Duration::from_secs(3);

fn connect(peer: &str) -> Result<TcpStream, PeerError> {
    let failed = |source| PeerError::Unreachable {
        peer: peer.to_owned(),
        source,
    };
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in peer.to_socket_addrs().map_err(failed)? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

/// Whether a TCP connection can be made to `host:port`.
pub fn reach(peer: &str) -> Result<(), PeerError> {
    connect(peer).map(drop)
}

/// AUTH (where there is a password) and PING of a Redis or Valkey.
pub fn redis_ping(peer: &str, user: Option<&str>, password: Option<&str>) -> Result<(), PeerError> {
    let failed = |source| PeerError::Unreachable {
        peer: peer.to_owned(),
        source,
    };
    let mut stream = connect(peer)?;
    let mut command = |words: &[&str]| -> std::io::Result<String> {
        let mut message = format!("*{}\r\n", words.len());
        for word in words {
            write!(message, "${}\r\n{word}\r\n", word.len()).expect("a string takes all");
        }
        stream.write_all(message.as_bytes())?;
        let mut line = String::new();
        BufReader::new(&mut stream).read_line(&mut line)?;
        Ok(line.trim_end().to_owned())
    };
    if let Some(password) = password {
        let words = match user {
            Some(user) => command(&["AUTH", user, password]),
            None => command(&["AUTH", password]),
        }
        .map_err(failed)?;
        if words != "+OK" {
            return Err(PeerError::Refused {
                peer: peer.to_owned(),
                words,
            });
        }
    }
    match command(&["PING"]).map_err(failed)? {
        words if words == "+PONG" => Ok(()),
        words => Err(PeerError::Refused {
            peer: peer.to_owned(),
            words,
        }),
    }
}

/// Whom to log in as, and where.
#[derive(Debug, Clone)]
pub struct Postgres {
    /// `host:port`.
    pub peer: String,
    /// The role.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The database.
    pub database: String,
}

impl Postgres {
    /// Logs in with SCRAM-SHA-256 (or no password where the server asks for none) and waits until
    /// the server says that it takes queries.
    pub fn login(&self) -> Result<(), PeerError> {
        let stream = connect(&self.peer)?;
        match self.talk(stream) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(words)) => Err(PeerError::Refused {
                peer: self.peer.clone(),
                words,
            }),
            Err(source) => Err(PeerError::Unreachable {
                peer: self.peer.clone(),
                source,
            }),
        }
    }

    fn talk(&self, mut stream: TcpStream) -> std::io::Result<Result<(), String>> {
        let mut body = vec![0, 3, 0, 0];
        for text in ["user", &self.user, "database", &self.database] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        stream.write_all(&with_length(&body))?;
        // a nonce need not be secret for a client that never reuses it within this answer
        let nonce = BASE64.encode(Sha256::digest(format!(
            "{:?}{:?}",
            std::time::SystemTime::now(),
            stream.local_addr()?
        )));
        let first = format!("n=,r={nonce}");
        let mut server_key_check = None;
        loop {
            let (kind, body) = message(&mut stream)?;
            match (
                kind,
                body.first_chunk::<4>()
                    .map(|code| u32::from_be_bytes(*code)),
            ) {
                (b'E', _) => return Ok(Err(error_words(&body))),
                (b'Z', _) => {
                    stream.write_all(&[b'X', 0, 0, 0, 4])?;
                    return Ok(Ok(()));
                }
                (b'R', Some(10)) => {
                    let reply = format!("n,,{first}");
                    let mut out = b"SCRAM-SHA-256\0".to_vec();
                    out.extend_from_slice(&u32::try_from(reply.len()).unwrap_or(0).to_be_bytes());
                    out.extend_from_slice(reply.as_bytes());
                    send(&mut stream, b'p', &out)?;
                }
                (b'R', Some(11)) => {
                    let challenge = String::from_utf8_lossy(&body[4..]).into_owned();
                    let Some((reply, check)) = scram(&self.password, &first, &challenge) else {
                        return Ok(Err("a malformed challenge".to_owned()));
                    };
                    server_key_check = Some(check);
                    send(&mut stream, b'p', reply.as_bytes())?;
                }
                (b'R', Some(12)) => {
                    let said = String::from_utf8_lossy(&body[4..]).into_owned();
                    if server_key_check.as_deref() != said.strip_prefix("v=") {
                        return Ok(Err(
                            "the server does not know the password either".to_owned()
                        ));
                    }
                }
                (b'R', Some(0)) => {}
                (b'R', Some(code)) => return Ok(Err(format!("authentication method {code}"))),
                _ => {}
            }
        }
    }
}

/// The client's final message and the signature to expect back (RFC 5802, 7677).
fn scram(password: &str, client_first: &str, challenge: &str) -> Option<(String, String)> {
    let part = |name: &str| {
        challenge
            .split(',')
            .find_map(|part| part.strip_prefix(name))
    };
    let (nonce, salt) = (part("r=")?, BASE64.decode(part("s=")?).ok()?);
    let rounds: u32 = part("i=")?.parse().ok()?;
    let mut block = mac(password.as_bytes(), &[&salt, &[0, 0, 0, 1]]);
    let mut salted = block;
    for _ in 1..rounds {
        block = mac(password.as_bytes(), &[&block]);
        salted
            .iter_mut()
            .zip(block)
            .for_each(|(left, right)| *left ^= right);
    }
    let client_key = mac(&salted, &[b"Client Key"]);
    let stored: [u8; 32] = Sha256::digest(client_key).into();
    let without_proof = format!("c=biws,r={nonce}");
    let signed = format!("{client_first},{challenge},{without_proof}");
    let mut proof = mac(&stored, &[signed.as_bytes()]);
    proof
        .iter_mut()
        .zip(client_key)
        .for_each(|(left, right)| *left ^= right);
    let server = mac(&mac(&salted, &[b"Server Key"]), &[signed.as_bytes()]);
    Some((
        format!("{without_proof},p={}", BASE64.encode(proof)),
        BASE64.encode(server),
    ))
}

/// HMAC-SHA-256 over the parts, one after another.
///
/// # Panics
/// Never: HMAC takes a key of any length.
pub fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn with_length(body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(body.len() + 4)
        .unwrap_or(u32::MAX)
        .to_be_bytes()
        .to_vec();
    out.extend_from_slice(body);
    out
}

fn send(stream: &mut TcpStream, kind: u8, body: &[u8]) -> std::io::Result<()> {
    let mut out = vec![kind];
    out.extend_from_slice(&with_length(body));
    stream.write_all(&out)
}

fn message(stream: &mut TcpStream) -> std::io::Result<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head)?;
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
    let mut body = vec![0; length.saturating_sub(4).min(1 << 20)];
    stream.read_exact(&mut body)?;
    Ok((head[0], body))
}

/// The message field of an `ErrorResponse`.
fn error_words(body: &[u8]) -> String {
    body.split(|byte| *byte == 0)
        .find_map(|field| field.strip_prefix(b"M"))
        .map_or_else(
            || "an error".to_owned(),
            |words| String::from_utf8_lossy(words).into_owned(),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, section 3.
    #[test]
    fn the_scram_exchange_is_that_of_the_rfc() {
        let (reply, check) = scram(
            "pencil",
            "n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        )
        .unwrap();
        assert!(
            reply.ends_with("p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="),
            "{reply}"
        );
        assert_eq!(check, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn nobody_there_is_said_with_the_address() {
        let error = reach("127.0.0.1:1").unwrap_err();
        assert!(error.to_string().contains("127.0.0.1:1"));
    }
}
