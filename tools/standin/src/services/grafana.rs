//! Grafana 13: the admin password of the first start, and the provisioned data sources and
//! dashboards listed as found.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::Row;
use crate::client::Ask;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::store::Store;
use crate::world::{Ready, Refusal, World};
use crate::yaml;

/// The row.
pub const ROW: Row = Row {
    name: "grafana",
    image: &[
        "EXPOSE 3000",
        "USER 472",
        "WORKDIR /usr/share/grafana",
        "ENV GF_PATHS_DATA=/var/lib/grafana GF_PATHS_PROVISIONING=/etc/grafana/provisioning",
    ],
    open,
};

struct Grafana {
    world: World,
    store: Store,
    user: String,
    ready: Ready,
}

fn open(world: &World) -> Result<Opened, Refusal> {
    let data = world.get("GF_PATHS_DATA").unwrap_or("/var/lib/grafana");
    let folder = world.writable(data).map_err(|refusal| {
        Refusal::new(format!(
            "GF_PATHS_DATA='{data}' is not writable. ({refusal})"
        ))
    })?;
    let password = world.secret_by(
        "GF_SECURITY_ADMIN_PASSWORD",
        "GF_SECURITY_ADMIN_PASSWORD__FILE",
    )?;
    world.secret_by("GF_SECURITY_SECRET_KEY", "GF_SECURITY_SECRET_KEY__FILE")?;
    // a later password has no effect, as in the real one
    let first = json!({"admin_password": password.unwrap_or_else(|| "admin".to_owned())});
    let store = Store::open(&folder.join("grafana.db"), first)
        .map_err(|error| Refusal::new(format!("cannot keep state: {error}")))?;
    let user = world
        .get("GF_SECURITY_ADMIN_USER")
        .unwrap_or("admin")
        .to_owned();
    let grafana = Grafana {
        world: world.clone(),
        store,
        user,
        ready: world.ready_after(500),
    };
    let answer = move |request: &Request| grafana.answer(request);
    Ok(Opened::listening(vec![Listener::port(
        world.port("GF_SERVER_HTTP_PORT", 3000),
        Arc::new(answer),
    )]))
}

impl Grafana {
    fn answer(&self, request: &Request) -> Response {
        let parts = request.segments();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (request.method.as_str(), parts.as_slice()) {
            (_, ["api", "health"]) if self.ready.is_ready() => Response::json(
                200,
                &json!({"commit": "stand-in", "database": "ok", "version": "13.2.3"}),
            ),
            (_, ["api", "health"]) => Response::json(503, &json!({"database": "failing"})),
            (_, ["metrics"]) => Response::metrics("grafana", ""),
            (_, [] | ["login"]) => Response::page(
                "Grafana",
                &["/api/org, /api/datasources and /api/search want the admin's password."],
            ),
            (method, ["api", rest @ ..]) => {
                let password = self.store.read(|state| state["admin_password"].clone());
                let good = request
                    .basic()
                    .is_some_and(|(user, given)| user == self.user && password == given.as_str());
                if !good {
                    let words = json!({"message": "Invalid username or password", "messageId": "password-auth.failed"});
                    return Response::json(401, &words);
                }
                self.api(method, rest, request)
            }
            _ => Response::not_found(),
        }
    }

    fn api(&self, method: &str, parts: &[&str], request: &Request) -> Response {
        match (method, parts) {
            ("GET", ["org"]) => Response::json(200, &json!({"id": 1, "name": "Main Org."})),
            ("GET", ["user"]) => Response::json(
                200,
                &json!({"id": 1, "login": self.user, "isGrafanaAdmin": true}),
            ),
            ("GET", ["datasources"]) => Response::json(200, &Value::Array(self.datasources())),
            ("GET", ["datasources", "uid", uid]) => self
                .datasource(uid)
                .map_or_else(Response::not_found, |source| Response::json(200, &source)),
            ("GET", ["datasources", "uid", uid, "health"]) => {
                let Some(url) = self.url_of(uid) else {
                    return Response::not_found();
                };
                match Ask::get(&format!("{url}/-/healthy")).send() {
                    Ok(answer) if answer.status == 200 => Response::json(
                        200,
                        &json!({"status": "OK", "message": "the data source answers"}),
                    ),
                    _ => Response::json(
                        400,
                        &json!({"status": "ERROR", "message": "the data source does not answer"}),
                    ),
                }
            }
            ("GET", ["datasources", "proxy", "uid", uid, rest @ ..]) => {
                let Some(url) = self.url_of(uid) else {
                    return Response::not_found();
                };
                let query: Vec<String> = request
                    .query
                    .iter()
                    .map(|(key, value)| format!("{key}={}", escape(value)))
                    .collect();
                match Ask::get(&format!("{url}/{}?{}", rest.join("/"), query.join("&"))).send() {
                    Ok(answer) => Response::new(answer.status, &answer.content_type, answer.body),
                    Err(_) => {
                        Response::json(502, &json!({"message": "the data source does not answer"}))
                    }
                }
            }
            ("GET", ["search"]) => Response::json(200, &Value::Array(self.dashboards())),
            ("PUT", ["user", "password"]) => {
                let body = request.json();
                let saved = self
                    .store
                    .change(|state| state["admin_password"] = body["newPassword"].clone());
                if saved.is_ok() && body["newPassword"].is_string() {
                    Response::json(200, &json!({"message": "User password changed"}))
                } else {
                    Response::json(400, &json!({"message": "bad request data"}))
                }
            }
            _ => Response::not_found(),
        }
    }

    /// Every document of one kind below the provisioning folder.
    fn provisioned(&self, kind: &str) -> Vec<Value> {
        let folder = self
            .world
            .get("GF_PATHS_PROVISIONING")
            .unwrap_or("/etc/grafana/provisioning");
        let mut documents = Vec::new();
        for file in files(&self.world.path(folder).join(kind), &["yaml", "yml"]) {
            if let Ok(text) = std::fs::read_to_string(file) {
                documents.push(yaml::parse(&text));
            }
        }
        documents
    }

    fn datasources(&self) -> Vec<Value> {
        let documents = self.provisioned("datasources");
        let sources = documents
            .iter()
            .filter_map(|document| document["datasources"].as_array())
            .flatten();
        sources
            .enumerate()
            .map(|(index, source)| {
                let mut source = source.clone();
                source["id"] = json!(index + 1);
                source["readOnly"] = json!(true);
                // nothing secret is handed out again
                if let Some(fields) = source.as_object_mut() {
                    fields.remove("secureJsonData");
                }
                source
            })
            .collect()
    }

    fn datasource(&self, uid: &str) -> Option<Value> {
        self.datasources()
            .into_iter()
            .find(|source| source["uid"] == uid)
    }

    fn url_of(&self, uid: &str) -> Option<String> {
        Some(
            self.datasource(uid)?["url"]
                .as_str()?
                .trim_end_matches('/')
                .to_owned(),
        )
    }

    fn dashboards(&self) -> Vec<Value> {
        let documents = self.provisioned("dashboards");
        let folders = documents
            .iter()
            .filter_map(|document| document["providers"].as_array())
            .flatten()
            .filter_map(|provider| provider["options"]["path"].as_str());
        let mut found = Vec::new();
        for folder in folders {
            for file in files(&self.world.path(folder), &["json"]) {
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                if let Ok(dashboard) = serde_json::from_str::<Value>(&text) {
                    found.push(json!({
                        "id": found.len() + 1, "uid": dashboard["uid"], "title": dashboard["title"],
                        "type": "dash-db", "panels": dashboard["panels"].as_array().map_or(0, Vec::len),
                    }));
                }
            }
        }
        found
    }
}

/// The files below a folder that end in one of these, sorted.
fn files(folder: &Path, ends: &[&str]) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|end| ends.iter().any(|wanted| end == *wanted))
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string takes all");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provisioned_things_are_listed_to_the_admin_alone() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str, text: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        at(
            "etc/grafana/provisioning/datasources/p.yaml",
            "datasources:\n  - {name: Prometheus, uid: prometheus, url: 'http://127.0.0.1:1', secureJsonData: {x: y}}\n",
        );
        at(
            "etc/grafana/provisioning/dashboards/d.yaml",
            "providers:\n  - {name: stack, options: {path: /dashboards}}\n",
        );
        at(
            "dashboards/stack.json",
            r#"{"uid":"s","title":"The stack","panels":[{}]}"#,
        );
        at("secret", "pw\n");
        let world = World::new(dir.path())
            .with("GF_SECURITY_ADMIN_PASSWORD__FILE", "/secret")
            .with("STANDIN_READY_AFTER_MS", "0");
        let opened = open(&world).unwrap();
        let ask = |path: &str, credentials: &str| {
            opened.listeners[0]
                .service
                .answer(&Request::get(path).header_set("authorization", credentials))
        };
        let good = "Basic YWRtaW46cHc=";
        assert_eq!(ask("/api/org", "Basic YWRtaW46eA==").status, 401);
        assert_eq!(ask("/api/org", good).status, 200);
        let sources = ask("/api/datasources", good).body_json();
        assert_eq!(sources[0]["name"], "Prometheus");
        assert!(sources[0]["secureJsonData"].is_null());
        assert_eq!(
            ask("/api/search", good).body_json()[0]["title"],
            "The stack"
        );
        assert_eq!(
            ask("/api/datasources/uid/prometheus/health", good).status,
            400
        );
        assert_eq!(ask("/api/health", "").body_json()["database"], "ok");
    }

    #[test]
    fn the_first_password_stays() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path()).with("GF_SECURITY_ADMIN_PASSWORD", "pw");
        open(&world).unwrap();
        let later = open(&world.with("GF_SECURITY_ADMIN_PASSWORD", "other")).unwrap();
        let ask = Request::get("/api/org").header_set("authorization", "Basic YWRtaW46cHc=");
        assert_eq!(later.listeners[0].service.answer(&ask).status, 200);
    }

    #[test]
    fn value_and_file_at_once_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let world = World::new(dir.path())
            .with("GF_SECURITY_ADMIN_PASSWORD", "pw")
            .with("GF_SECURITY_ADMIN_PASSWORD__FILE", "/x");
        assert!(
            open(&world)
                .err()
                .unwrap()
                .to_string()
                .contains("exclusive")
        );
    }
}
