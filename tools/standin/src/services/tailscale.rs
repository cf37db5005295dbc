//! Tailscale 1.102: `containerboot` with its health path, and the `tailscale` command that asks it
//! over its socket. No network is joined; a key that holds the word `invalid` is refused, and one that holds `once` when it
//! comes again. As with the real one, the state folder makes it the same node after a restart, and each forced sign-in
//! gives it another node key.

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
    identity: Mutex<Identity>,
}

/// What makes it the node that it is, kept in its state folder.
#[derive(Clone)]
struct Identity {
    /// Of the machine, for good.
    id: String,
    /// How often it was signed in: its node key.
    signed_in: u64,
    /// Hashes of the keys that it was signed in with.
    used: Vec<String>,
}

impl Identity {
    fn read(kept: Option<&PathBuf>) -> Self {
        let text = kept.and_then(|file| std::fs::read_to_string(file).ok());
        let known: Value = text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        let moment = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let fresh = || format!("n{:x}", moment.map_or(0, |d| d.as_nanos()));
        let used = known["used"].as_array().into_iter().flatten();
        Self {
            id: known["id"].as_str().map_or_else(fresh, str::to_owned),
            signed_in: known["signed_in"].as_u64().unwrap_or(1),
            used: used.filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        }
    }

    fn keep(&self, kept: Option<&PathBuf>) {
        let state = json!({
            "stand_in": true, "id": self.id, "signed_in": self.signed_in, "used": self.used,
        });
        if let Some(file) = kept {
            std::fs::write(file, format!("{state}\n")).ok();
        }
    }
}

/// Not the key itself, as the real one keeps none either.
fn hash(key: &str) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    format!("{:x}", hasher.finish())
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
    let mut identity = Identity::read(kept.as_ref());
    if let Some(key) = key.as_deref().filter(|_| good && !known) {
        identity.used.push(hash(key));
    }
    let node = Arc::new(Node {
        identity: Mutex::new(identity),
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
    fn identity(&self) -> std::sync::MutexGuard<'_, Identity> {
        self.identity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> &'static str {
        let (since, good) = *self.login.lock().unwrap_or_else(PoisonError::into_inner);
        match (good, since.elapsed() >= self.online_after) {
            (false, _) => "NeedsLogin",
            (true, false) => "Starting",
            (true, true) => {
                self.identity().keep(self.kept.as_ref());
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
                let asked = request.json();
                let key = asked["key"].as_str().unwrap_or_default();
                let mut identity = self.identity();
                let again = key.contains("once") && identity.used.contains(&hash(key));
                let good = is_good(key) && !again;
                let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
                if good {
                    identity.used.push(hash(key));
                    identity.signed_in += u64::from(asked["force"] == true);
                    identity.keep(self.kept.as_ref());
                    *login = (Instant::now(), true);
                } else if !login.1 {
                    *login = (Instant::now(), false);
                }
                Response::json(if good { 200 } else { 403 }, &json!({"ok": good}))
            }
            _ => Response::not_found(),
        }
    }

    fn status(&self) -> Value {
        let (state, online) = (self.state(), self.is_online());
        let identity = self.identity().clone();
        let node_key = format!(
            "nodekey:{:064x}",
            if online { identity.signed_in } else { 0 }
        );
        json!({
            "Version": "1.102.3-stand-in",
            "BackendState": state,
            "HaveNodeKey": online,
            "AuthURL": "",
            "TailscaleIPs": if online { json!(["100.64.0.1"]) } else { Value::Null },
            "Self": {
                "ID": if online { identity.id.as_str() } else { "" },
                "PublicKey": node_key,
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
            // `up` wants every setting told again that is not the default
            let hostname = world.get("TS_HOSTNAME").unwrap_or_default();
            if world.option("--hostname").unwrap_or_default() != hostname {
                let words = "Error: changing settings via 'tailscale up' requires mentioning all\nnon-default flags.";
                return (words.to_owned(), false);
            }
            let force = world.args().iter().any(|arg| arg == "--force-reauth");
            let body = json!({"key": key, "force": force}).to_string();
            match ask("POST", "/localapi/v0/login", body.as_bytes()) {
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

    #[test]
    fn a_forced_sign_in_gives_the_same_node_another_key_and_a_one_time_key_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("STANDIN_ONLINE_AFTER_MS", "0")
            .with("TS_AUTHKEY", "tskey-first")
            .with("TS_STATE_DIR", "/state");
        let ask = |opened: &Opened, method: &str, path: &str, body: Value| {
            let service = &opened.listeners[0].service;
            let request = Request {
                method: method.to_owned(),
                body: body.to_string().into_bytes(),
                ..Request::get(path)
            };
            let answer = service.answer(&request);
            let status: Value = serde_json::from_slice(&answer.body).unwrap();
            (answer.status, status["Self"].clone())
        };
        let status = |opened: &Opened| ask(opened, "GET", "/localapi/v0/status", Value::Null).1;
        let login = |opened: &Opened, key: &str| {
            let body = json!({"key": key, "force": true});
            ask(opened, "POST", "/localapi/v0/login", body).0
        };
        let node = open(&world).unwrap();
        let before = status(&node);
        assert_eq!(login(&node, "tskey-once-1"), 200);
        let after = status(&node);
        assert_eq!(before["ID"], after["ID"]);
        assert_ne!(before["PublicKey"], after["PublicKey"]);
        assert_eq!(login(&node, "tskey-once-1"), 403);
        assert_eq!(login(&node, "tskey-invalid"), 403);
        assert_eq!(status(&node), after, "refused, and signed in as before");
        let again = open(&world.with("TS_AUTH_ONCE", "true")).unwrap();
        assert_eq!(status(&again), after, "after a restart");
        assert_eq!(login(&again, "tskey-once-1"), 403);
    }
}
