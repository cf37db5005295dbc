//! Asking the engine over its socket without any client of the product's: what it is held to must not come from it.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// Has a shell and busybox.
pub(crate) const FOREIGN_IMAGE: &str = "localhost/aiplat/attacker:1";

/// The engine under test.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(crate) socket: PathBuf,
}

impl Engine {
    pub(crate) fn at(address: &str) -> Self {
        let path = address.strip_prefix("unix://");
        let path = path.expect("expected AIPLAT_TEST_ENGINE as `unix:///path/of/docker.sock`");
        Self {
            socket: Path::new(path).to_path_buf(),
        }
    }

    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// One request of HTTP/1.0, so that the answer ends with its connection. Status and body.
    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Vec<u8>) {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let mut stream = UnixStream::connect(&self.socket).expect("the engine answers");
        let head = format!(
            "{method} {path} HTTP/1.0\r\nContent-Type: application/json\r\nX-Registry-Auth: e30=\r\n"
        );
        let length = format!("Content-Length: {}\r\n\r\n", body.len());
        stream
            .write_all((head + &length + &body).as_bytes())
            .unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer
            .windows(4)
            .position(|w| w == b"\r\n\r\n")
            .expect("a head")
            + 4;
        let head = String::from_utf8_lossy(&answer[..end]);
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
        (status.expect("a status"), answer[end..].to_vec())
    }

    /// A GET that must succeed.
    pub(crate) fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, &Value::Null);
        assert_eq!(
            status,
            200,
            "GET {path}: {}",
            String::from_utf8_lossy(&body)
        );
        serde_json::from_slice(&body).expect("JSON")
    }

    /// All containers, running or not, in full.
    pub(crate) fn containers(&self) -> Vec<Value> {
        let all = self.get("/containers/json?all=1");
        let ids = all
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["Id"].as_str().unwrap().to_owned());
        // one that somebody else removes between the two questions is gone
        let inspect = |id: String| {
            let (status, body) = self.call("GET", &format!("/containers/{id}/json"), &Value::Null);
            (status == 200).then(|| serde_json::from_slice(&body).expect("JSON"))
        };
        ids.filter_map(inspect).collect()
    }

    /// All networks, with the containers on them.
    pub(crate) fn networks(&self) -> Vec<Value> {
        let all = self.get("/networks");
        let ids = all
            .as_array()
            .unwrap()
            .iter()
            .map(|n| n["Id"].as_str().unwrap().to_owned());
        let inspect = |id: String| {
            let (status, body) = self.call("GET", &format!("/networks/{id}"), &Value::Null);
            (status == 200).then(|| serde_json::from_slice(&body).expect("JSON"))
        };
        ids.filter_map(inspect).collect()
    }

    /// Somebody else's container, running; its id.
    pub(crate) fn foreign_container(&self, name: &str) -> String {
        let spec = json!({
            "Image": FOREIGN_IMAGE, "Cmd": ["sleep", "3600"], "Entrypoint": [],
            "HostConfig": {"NetworkMode": "none", "Init": true},
        });
        let (status, body) = self.call("POST", &format!("/containers/create?name={name}"), &spec);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let id: Value = serde_json::from_slice(&body).unwrap();
        let id = id["Id"].as_str().unwrap().to_owned();
        let (status, _) = self.call("POST", &format!("/containers/{id}/start"), &Value::Null);
        assert_eq!(status, 204);
        id
    }

    /// Somebody else's network, without a subnet of the pools that stacks take theirs from; its id.
    pub(crate) fn foreign_network(&self, name: &str) -> String {
        let spec = json!({"Name": name, "Driver": "bridge", "Internal": true});
        let (status, body) = self.call("POST", "/networks/create", &spec);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let id: Value = serde_json::from_slice(&body).unwrap();
        id["Id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn remove_container(&self, id: &str) {
        self.call("DELETE", &format!("/containers/{id}?force=1"), &Value::Null);
    }

    pub(crate) fn remove_network(&self, id: &str) {
        self.call("DELETE", &format!("/networks/{id}"), &Value::Null);
    }

    /// Runs a script of somebody's in the network of a running container; what it printed.
    pub(crate) fn in_network_of(&self, container: &str, name: &str, script: &str) -> String {
        let spec = json!({
            "Image": FOREIGN_IMAGE, "Entrypoint": ["sh", "-c", script], "Cmd": [], "Tty": true,
            "HostConfig": {"NetworkMode": format!("container:{container}")},
        });
        let (status, body) = self.call("POST", &format!("/containers/create?name={name}"), &spec);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        self.call("POST", &format!("/containers/{name}/start"), &Value::Null);
        self.call("POST", &format!("/containers/{name}/wait"), &Value::Null);
        let path = format!("/containers/{name}/logs?stdout=1&stderr=1");
        let (_, output) = self.call("GET", &path, &Value::Null);
        self.remove_container(name);
        String::from_utf8_lossy(&output).replace('\r', "")
    }

    /// Runs a command in a container as its own user; what it printed on both streams.
    pub(crate) fn exec(&self, container: &str, argv: &[&str]) -> String {
        let spec = json!({"AttachStdout": true, "AttachStderr": true, "Tty": true, "Cmd": argv});
        let (status, body) = self.call("POST", &format!("/containers/{container}/exec"), &spec);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let id: Value = serde_json::from_slice(&body).unwrap();
        let path = format!("/exec/{}/start", id["Id"].as_str().unwrap());
        let (_, output) = self.call("POST", &path, &json!({"Detach": false, "Tty": true}));
        String::from_utf8_lossy(&output).into_owned()
    }
}

/// What an engine tells of a container from now on, arguments of commands and all, as it comes: no clock is asked, and
/// nothing is lost as it is where an engine that has much to tell is asked afterwards.
#[derive(Debug)]
pub(crate) struct Heard(Arc<Mutex<String>>);

impl Heard {
    pub(crate) fn of(engine: &Engine, container: &str) -> Self {
        let filter: String = format!(r#"{{"container":["{container}"]}}"#)
            .bytes()
            .map(|byte| format!("%{byte:02x}"))
            .collect();
        let mut stream = UnixStream::connect(&engine.socket).expect("the engine answers");
        let question = format!("GET /events?filters={filter} HTTP/1.0\r\n\r\n");
        stream.write_all(question.as_bytes()).unwrap();
        // it listens as soon as it has answered
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).unwrap();
        assert!(read > 0, "the engine ended its account");
        let first = String::from_utf8_lossy(&buffer[..read]).into_owned();
        assert!(first.contains(" 200 "), "{first}");
        let heard = Arc::new(Mutex::new(first));
        let record = heard.clone();
        std::thread::spawn(move || {
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                *record.lock().unwrap() += &String::from_utf8_lossy(&buffer[..read]);
            }
        });
        Self(heard)
    }

    /// All that was told, as soon as this word was.
    #[track_caller]
    pub(crate) fn until(&self, word: &str) -> String {
        super::until_told(
            word,
            || self.0.lock().unwrap().contains(word),
            || self.0.lock().unwrap().clone(),
        );
        self.0.lock().unwrap().clone()
    }
}
