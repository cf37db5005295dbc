//! Finding the requests in what a client sends over one connection of HTTP/1.1.

/// Reads on wherever the bytes were cut.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    pending: Vec<u8>,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Head,
    Body(usize),
    ChunkSize,
    /// Bytes of a chunk, its line break included.
    Chunk(usize),
    /// What follows is no HTTP.
    Raw,
}

/// Longest head, bytes: more is no request.
const HEAD: usize = 256 * 1024;

impl Requests {
    /// The requests whose heads are complete with these bytes, as `METHOD /path?query`.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        self.pending.extend_from_slice(bytes);
        loop {
            match self.state {
                State::Head => {
                    let Some(end) = find(&self.pending, b"\r\n\r\n") else {
                        if self.pending.len() > HEAD {
                            self.state = State::Raw;
                        }
                        return found;
                    };
                    let head: Vec<u8> = self.pending.drain(..end + 4).collect();
                    let head = String::from_utf8_lossy(&head).into_owned();
                    let mut words = head.split(' ');
                    let (method, path) = (words.next(), words.next());
                    found.push(format!(
                        "{} {}",
                        method.unwrap_or_default(),
                        path.unwrap_or_default()
                    ));
                    self.state = after(&head);
                }
                State::Body(left) => {
                    let here = left.min(self.pending.len());
                    self.pending.drain(..here);
                    if here < left {
                        self.state = State::Body(left - here);
                        return found;
                    }
                    self.state = State::Head;
                }
                State::ChunkSize => {
                    let Some(end) = find(&self.pending, b"\r\n") else {
                        return found;
                    };
                    let line: Vec<u8> = self.pending.drain(..end + 2).collect();
                    let line = String::from_utf8_lossy(&line[..end]).into_owned();
                    let digits = line.split(';').next().unwrap_or_default();
                    self.state = match usize::from_str_radix(digits.trim(), 16) {
                        // the empty trailer
                        Ok(0) => State::Body(2),
                        Ok(size) => State::Chunk(size + 2),
                        Err(_) => State::Raw,
                    };
                }
                State::Chunk(left) => {
                    let here = left.min(self.pending.len());
                    self.pending.drain(..here);
                    if here < left {
                        self.state = State::Chunk(left - here);
                        return found;
                    }
                    self.state = State::ChunkSize;
                }
                State::Raw => {
                    self.pending.clear();
                    return found;
                }
            }
        }
    }
}

/// What follows a head.
fn after(head: &str) -> State {
    let value = |name: &str| {
        head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    if value("upgrade").is_some() {
        return State::Raw;
    }
    if value("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked")) {
        return State::ChunkSize;
    }
    match value("content-length").and_then(|v| v.parse().ok()) {
        None | Some(0) => State::Head,
        Some(length) => State::Body(length),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n\
        POST /containers/create?name=a HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET \
        POST /b HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
        POST /grpc HTTP/1.1\r\nUpgrade: h2c\r\n\r\nGET /no HTTP/1.1\r\n\r\n";
    const FOUND: [&str; 4] = [
        "GET /_ping",
        "POST /containers/create?name=a",
        "POST /b",
        "POST /grpc",
    ];

    #[test]
    fn requests_are_found_wherever_the_bytes_are_cut() {
        for size in [1, 2, 7, 64, SENT.len()] {
            let mut requests = Requests::default();
            let found: Vec<String> = SENT
                .as_bytes()
                .chunks(size)
                .flat_map(|part| requests.feed(part))
                .collect();
            assert_eq!(found, FOUND, "parts of {size}");
        }
    }
}
