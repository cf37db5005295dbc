//! Tailscale 1.102: `containerboot` with its health path, and the `tailscale` command that asks it
//! over its socket. No network is joined; a key that holds the word `invalid` is refused.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Row;
use crate::client::Ask;
use crate::http::{Request, Response};
use crate::serve::{Address, Listener, Opened};
use crate::world::{Refusal, World};

/// The row.
pub const ROW: Row = Row {
    name: "tailscale",
    image: &[r#"ENTRYPOINT ["/usr/local/bin/containerboot"]"#],
    open,
};

/// Where the daemon's socket is unless told otherwise.
const DEFAULT_SOCKET: &str = "/tmp/tailscaled.sock";
/// Where the command looks for it unless told otherwise; the two differ in the real image as well.
const COMMAND_SOCKET: &str = "/var/run/tailscale/tailscaled.sock";

struct Node {
    /// When the last key was handed in, and whether it is good.
    login: Mutex<(Instant, bool)>,
    online_after: Duration,
    hostname: String,
    kept: Option<PathBuf>,
}

fn open(world: &World) -> Result<Opened, Refusal> {
    let hostname = world.get("TS_HOSTNAME").unwrap_or("stand-in").to_owned();
    let key = match (world.get("TS_AUTHKEY"), world.get("TS_AUTH_KEY")) {
        (Some(key), _) | (None, Some(key)) => Some(key_of(world, key)?),
        (None, None) => None,
    };
    // without a folder every start is a new node
    let kept = match world.get("TS_STATE_DIR") {
        Some(folder) => Some(world.writable(folder)?.join("tailscaled.state")),
        None => None,
    };
    let known = kept.as_ref().is_some_and(|file| file.exists());
    let good = match &key {
        _ if known && world.flag("TS_AUTH_ONCE") => true,
        Some(key) => is_good(key),
        None => known,
    };
    let online_after = world.duration("STANDIN_ONLINE_AFTER_MS", 1500);
    let node = Arc::new(Node {
        login: Mutex::new((Instant::now(), good)),
        online_after,
        hostname,
        kept,
    });
    let mut listeners = Vec::new();
    if world.flag("TS_ENABLE_HEALTH_CHECK") || world.flag("TS_ENABLE_METRICS") {
        let at = world.get("TS_LOCAL_ADDR_PORT").unwrap_or("[::]:9002");
        let (node, health, metrics) = (
            node.clone(),
            world.flag("TS_ENABLE_HEALTH_CHECK"),
            world.flag("TS_ENABLE_METRICS"),
        );
        let answer = move |request: &Request| match request.path.as_str() {
            "/healthz" if health && node.is_online() => Response::text(200, "ok"),
            "/healthz" if health => Response::text(503, "node currently has no tailscale IPs"),
            "/metrics" if metrics => Response::metrics("tailscale", ""),
            "/" => Response::page("Tailscale", &["It joins no network."]),
            _ => Response::not_found(),
        };
        listeners.push(Listener::at(at, Arc::new(answer)));
    }
    let socket = world.path(world.get("TS_SOCKET").unwrap_or(DEFAULT_SOCKET));
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Refusal::new(format!("cannot create the socket's folder: {error}")))?;
    }
    let answer = move |request: &Request| node.local_api(request);
    listeners.push(Listener {
        address: Address::Unix(socket),
        service: Arc::new(answer),
    });
    Ok(Opened::listening(listeners))
}

/// The key itself, or what is in the file that `file:` names.
fn key_of(world: &World, key: &str) -> Result<String, Refusal> {
    key.strip_prefix("file:")
        .map_or_else(|| Ok(key.to_owned()), |path| world.read_secret(path))
}

fn is_good(key: &str) -> bool {
    !key.is_empty() && !key.contains("invalid")
}

impl Node {
    fn state(&self) -> &'static str {
        let (since, good) = *self.login.lock().unwrap_or_else(PoisonError::into_inner);
        match (good, since.elapsed() >= self.online_after) {
            (false, _) => "NeedsLogin",
            (true, false) => "Starting",
            (true, true) => {
                if let Some(file) = &self.kept {
                    std::fs::write(file, "{\"stand_in\":true}\n").ok();
                }
                "Running"
            }
        }
    }

    fn is_online(&self) -> bool {
        self.state() == "Running"
    }

    fn local_api(&self, request: &Request) -> Response {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/localapi/v0/status") => Response::json(200, &self.status()),
            ("POST", "/localapi/v0/login") => {
                let good = request.json()["key"].as_str().is_some_and(is_good);
                *self.login.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), good);
                Response::json(if good { 200 } else { 403 }, &json!({"ok": good}))
            }
            _ => Response::not_found(),
        }
    }

    fn status(&self) -> Value {
        let (state, online) = (self.state(), self.is_online());
        json!({
            "Version": "1.102.3-stand-in",
            "BackendState": state,
            "HaveNodeKey": online,
            "AuthURL": "",
            "TailscaleIPs": if online { json!(["100.64.0.1"]) } else { Value::Null },
            "Self": {
                "HostName": self.hostname,
                "DNSName": if online { format!("{}.stand-in.ts.net.", self.hostname) } else { String::new() },
                "Online": online,
                "TailscaleIPs": if online { json!(["100.64.0.1"]) } else { Value::Null },
            },
            "Health": if online { json!([]) } else { json!(["not logged in"]) },
            "TUN": false,
            "StandIn": true,
        })
    }
}

/// The `tailscale` command: what to print and whether it went well.
pub fn command(world: &World) -> (String, bool) {
    let socket = world.path(world.option("--socket").unwrap_or(COMMAND_SOCKET));
    let ask = |method: &str, path: &str, body: &[u8]| {
        let url = format!("http://local-tailscaled.sock{path}");
        Ask {
            method,
            body,
            socket: Some(&socket),
            ..Ask::get(&url)
        }
        .send()
    };
    let not_there = || {
        (
            format!(
                "failed to connect to local tailscaled at {}",
                socket.display()
            ),
            false,
        )
    };
    let words: Vec<&str> = world
        .args()
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with("--"))
        .collect();
    match words.first() {
        Some(&"status") => match ask("GET", "/localapi/v0/status", b"") {
            Ok(answer) => {
                let text = String::from_utf8_lossy(&answer.body).into_owned();
                let status: Value = serde_json::from_str(&text).unwrap_or_default();
                let running = status["BackendState"] == "Running";
                if world.args().iter().any(|arg| arg.starts_with("--json")) {
                    // indented, as the real one prints it: health checks look for `"Online": true`
                    (format!("{status:#}"), true)
                } else if running {
                    ("100.64.0.1  a stand-in, online".to_owned(), true)
                } else {
                    ("Logged out.".to_owned(), false)
                }
            }
            Err(_) => not_there(),
        },
        Some(&"up") => {
            let key = world
                .option("--auth-key")
                .or_else(|| world.option("--authkey"))
                .unwrap_or_default();
            let key = match key_of(world, key) {
                Ok(key) => key,
                Err(refusal) => return (refusal.to_string(), false),
            };
            match ask(
                "POST",
                "/localapi/v0/login",
                json!({"key": key}).to_string().as_bytes(),
            ) {
                Ok(answer) if answer.status == 200 => (String::new(), true),
                Ok(_) => (
                    "backend error: invalid key: unable to validate API key".to_owned(),
                    false,
                ),
                Err(_) => not_there(),
            }
        }
        Some(&"version") => ("1.102.3-stand-in".to_owned(), true),
        Some(&("set" | "serve" | "ip")) => (
            String::new(),
            ask("GET", "/localapi/v0/status", b"").is_ok(),
        ),
        _ => (
            "a stand-in knows: status, up, set, serve, version".to_owned(),
            false,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(world: &World) -> u16 {
        let opened = open(world).unwrap();
        opened.listeners[0]
            .service
            .answer(&Request::get("/healthz"))
            .status
    }

    #[test]
    fn online_with_a_good_key_alone() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("key"), "tskey-auth-good\n").unwrap();
        let world = World::new(dir.path())
            .with("TS_ENABLE_HEALTH_CHECK", "true")
            .with("STANDIN_ONLINE_AFTER_MS", "0");
        assert_eq!(health(&world), 503, "no key");
        assert_eq!(health(&world.clone().with("TS_AUTHKEY", "file:/key")), 200);
        assert_eq!(
            health(&world.clone().with("TS_AUTHKEY", "tskey-invalid")),
            503
        );
        assert!(open(&world.clone().with("TS_AUTHKEY", "file:/absent")).is_err());
        let later = world
            .with("TS_AUTHKEY", "k")
            .with("STANDIN_ONLINE_AFTER_MS", "60000");
        assert_eq!(health(&later), 503, "not yet");
    }

    #[test]
    fn a_kept_state_outlives_its_one_time_key() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("TS_ENABLE_HEALTH_CHECK", "true")
            .with("STANDIN_ONLINE_AFTER_MS", "0")
            .with("TS_STATE_DIR", "/state");
        assert_eq!(health(&world.clone().with("TS_AUTHKEY", "k")), 200);
        let expired = world.with("TS_AUTHKEY", "invalid");
        assert_eq!(health(&expired), 503, "the key is used at every start");
        assert_eq!(health(&expired.with("TS_AUTH_ONCE", "true")), 200);
    }
}
