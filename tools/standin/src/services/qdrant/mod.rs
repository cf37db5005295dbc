//! Qdrant 1.19: keys, collections and points over REST, kept as JSON, searched by brute force.

mod access;
mod points;
mod snapshots;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};

use self::access::{Access, Keys};
use super::Row;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::store::Store;
use crate::world::{Ready, Refusal, World};
use crate::yaml;

/// The row.
pub const ROW: Row = Row {
    name: "qdrant",
    image: &[
        "EXPOSE 6333 6334",
        "USER 1000",
        "WORKDIR /qdrant",
        "ENV RUN_MODE=production",
    ],
    open,
};

/// What names may not hold (the real one's `INVALID_NAME_CHARS`).
const INVALID_IN_NAMES: &[char] = &['<', '>', ':', '"', '/', '\\', '|', '?', '*', '\0', '\u{1f}'];

struct Qdrant {
    keys: Keys,
    store: Store,
    snapshots: PathBuf,
    ready: Ready,
}

/// A failed operation: status and the words of the real one.
struct Failure(u16, String);

type Outcome = Result<Value, Failure>;

fn open(world: &World) -> Result<Opened, Refusal> {
    let config = config(world);
    let from = |env: &str, path: [&str; 2]| {
        world
            .get(env)
            .map(str::to_owned)
            .or_else(|| config[path[0]][path[1]].as_str().map(str::to_owned))
    };
    let storage = from("QDRANT__STORAGE__STORAGE_PATH", ["storage", "storage_path"]);
    let folder = world.writable(storage.as_deref().unwrap_or("/qdrant/storage"))?;
    let snapshots = from(
        "QDRANT__STORAGE__SNAPSHOTS_PATH",
        ["storage", "snapshots_path"],
    );
    let snapshots = snapshots.unwrap_or_else(|| "/qdrant/snapshots".to_owned());
    // in the real one the REST thread panics over this while gRPC runs on
    world
        .writable(&format!("{snapshots}/tmp"))
        .map_err(|refusal| Refusal::new(format!("panicked: upload_dir: {refusal}")))?;
    let keys = Keys {
        api: from("QDRANT__SERVICE__API_KEY", ["service", "api_key"]),
        alternative: from("QDRANT__SERVICE__ALT_API_KEY", ["service", "alt_api_key"]),
        read_only: from(
            "QDRANT__SERVICE__READ_ONLY_API_KEY",
            ["service", "read_only_api_key"],
        ),
        jwt: world.flag("QDRANT__SERVICE__JWT_RBAC") || config["service"]["jwt_rbac"] == true,
    };
    let store = Store::open(&PathBuf::from(&folder).join("stand-in.json"), json!({}))
        .map_err(|error| Refusal::new(format!("cannot read the storage: {error}")))?;
    let qdrant = Arc::new(Qdrant {
        keys,
        store,
        snapshots: world.path(&snapshots),
        ready: world.ready_after(300),
    });
    let rest = {
        let qdrant = qdrant.clone();
        move |request: &Request| qdrant.answer(request)
    };
    let grpc = |_: &Request| Response::text(415, "a stand-in speaks no gRPC");
    Ok(Opened::listening(vec![
        Listener::port(
            world.port("QDRANT__SERVICE__HTTP_PORT", 6333),
            Arc::new(rest),
        ),
        Listener::port(
            world.port("QDRANT__SERVICE__GRPC_PORT", 6334),
            Arc::new(grpc),
        ),
    ]))
}

/// The configuration files, a later one over an earlier one; the environment goes over all.
fn config(world: &World) -> Value {
    let mode = format!(
        "/qdrant/config/{}.yaml",
        world.get("RUN_MODE").unwrap_or("development")
    );
    let mut merged = json!({});
    let mut files = vec![
        "/qdrant/config/config.yaml",
        &mode,
        "/qdrant/config/local.yaml",
    ];
    files.extend(world.option("--config-path"));
    for file in files {
        if let Ok(text) = std::fs::read_to_string(world.path(file)) {
            merge(&mut merged, yaml::parse(&text));
        }
    }
    merged
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

impl Qdrant {
    fn answer(&self, request: &Request) -> Response {
        let started = Instant::now();
        match request.path.as_str() {
            "/healthz" | "/livez" => return Response::text(200, "healthz check passed"),
            "/readyz" if self.ready.is_ready() => {
                return Response::text(200, "all shards are ready");
            }
            "/readyz" => return Response::text(503, "some shards are not ready"),
            "/" => {
                let body = json!({"title": "qdrant - vector search engine", "version": "1.19.0", "stand_in": "this is a stand-in of aiplat"});
                return Response::json(200, &body);
            }
            path if path.starts_with("/dashboard") => {
                return Response::page(
                    "Qdrant",
                    &[
                        "Collections and points are kept and searched by brute force; keys are enforced.",
                    ],
                );
            }
            _ => {}
        }
        let access = match self.keys.access(request) {
            Ok(access) => access,
            Err(words) => return Response::text(401, words),
        };
        if request.path == "/metrics" {
            return if access.reads_all() {
                let count = self.store.read(|all| all.as_object().map_or(0, Map::len));
                Response::metrics("qdrant", &format!("collections_total {count}\n"))
            } else {
                Response::text(403, "Forbidden: Global access is required")
            };
        }
        if let Some(content) = self.fetched(request, &access) {
            return content;
        }
        let result = self.route(request, &access);
        let time = started.elapsed().as_secs_f64();
        match result {
            Ok(result) => Response::json(
                200,
                &json!({"result": result, "status": "ok", "time": time}),
            ),
            Err(Failure(status, words)) => {
                Response::json(status, &json!({"status": {"error": words}, "time": time}))
            }
        }
    }

    fn route(&self, request: &Request, access: &Access) -> Outcome {
        let parts = request.segments();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let body = request.json();
        if let Some(done) = self.snapshot_call(request, &parts, access) {
            return done;
        }
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["aliases"]) => {
                allow(access.reads_all(), "Global access is required")?;
                Ok(json!({"aliases": []}))
            }
            ("GET", ["collections"]) => {
                let names = self.store.read(|all| {
                    let names = all
                        .as_object()
                        .into_iter()
                        .flat_map(Map::keys)
                        .filter(|name| access.reads(name));
                    names.map(|name| json!({"name": name})).collect::<Vec<_>>()
                });
                Ok(json!({"collections": names}))
            }
            ("GET", ["cluster"]) => {
                allow(access.reads_all(), "Global access is required")?;
                Ok(json!({"status": "disabled"}))
            }
            ("GET", ["telemetry"]) => {
                allow(access.reads_all(), "Global access is required")?;
                Ok(json!({"app": {"name": "qdrant", "version": "1.19.0"}, "stand_in": true}))
            }
            ("GET", ["collections", name, "exists"]) => {
                allow(
                    access.reads(name),
                    &format!("Access to collection {name} is required"),
                )?;
                Ok(json!({"exists": self.store.read(|all| all.get(name).is_some())}))
            }
            ("PUT", ["collections", name]) => {
                allow(access.manages(), "Global manage access is required")?;
                self.create(name, &body)
            }
            ("PATCH", ["collections", name]) => {
                allow(access.manages(), "Global manage access is required")?;
                self.with(name, |_| Ok(json!(true)))
            }
            ("DELETE", ["collections", name]) => {
                allow(access.manages(), "Global manage access is required")?;
                let gone = self.change(|all| {
                    Ok(all
                        .as_object_mut()
                        .and_then(|all| all.remove(*name))
                        .is_some())
                })?;
                Ok(json!(gone))
            }
            ("GET", ["collections", name]) => {
                allow(
                    access.reads(name),
                    &format!("Access to collection {name} is required"),
                )?;
                self.with(name, |collection| {
                    let count = collection["points"].as_object().map_or(0, Map::len);
                    Ok(json!({
                        "status": "green", "optimizer_status": "ok", "points_count": count, "indexed_vectors_count": 0,
                        "segments_count": 1, "config": {"params": collection["params"]}, "payload_schema": collection["payload_schema"],
                    }))
                })
            }
            (method, ["collections", name, rest @ ..]) => {
                let reading = match rest {
                    ["points"] => method == "POST",
                    ["points", "delete" | "payload" | "vectors" | "batch", ..] | ["index", ..] => {
                        false
                    }
                    _ => true,
                };
                let allowed = if reading {
                    access.reads(name)
                } else {
                    access.writes(name)
                };
                allow(
                    allowed,
                    &format!("Write access to collection {name} is required"),
                )?;
                if reading {
                    self.with(name, |collection| {
                        points::read(collection, method, rest, &body)
                    })
                } else {
                    self.change(|all| {
                        points::write(collection_mut(all, name)?, method, rest, &body)
                    })
                }
            }
            _ => Err(Failure(404, "Not found".to_owned())),
        }
    }

    fn create(&self, name: &str, body: &Value) -> Outcome {
        if name.is_empty() || name.len() > 255 || name.contains(INVALID_IN_NAMES) {
            return Err(Failure(
                422,
                format!("Validation error: collection name `{name}` is not allowed"),
            ));
        }
        self.change(|all| {
            if all.get(name).is_some() {
                return Err(Failure(
                    409,
                    format!("Wrong input: Collection `{name}` already exists!"),
                ));
            }
            all[name] =
                json!({"params": {"vectors": body["vectors"]}, "points": {}, "payload_schema": {}});
            Ok(json!(true))
        })
    }

    fn with(&self, name: &str, look: impl FnOnce(&Value) -> Outcome) -> Outcome {
        self.store
            .read(|all| all.get(name).map_or_else(|| Err(absent(name)), look))
    }

    fn change<T>(
        &self,
        change: impl FnOnce(&mut Value) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let written = self.store.change(change);
        written
            .unwrap_or_else(|error| Err(Failure(500, format!("Service internal error: {error}"))))
    }
}

fn allow(allowed: bool, words: &str) -> Result<(), Failure> {
    if allowed {
        Ok(())
    } else {
        Err(Failure(403, format!("Forbidden: {words}")))
    }
}

fn absent(name: &str) -> Failure {
    Failure(
        404,
        format!("Not found: Collection `{name}` doesn't exist!"),
    )
}

fn collection_mut<'a>(all: &'a mut Value, name: &str) -> Result<&'a mut Value, Failure> {
    all.get_mut(name).ok_or_else(|| absent(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(dir: &std::path::Path) -> World {
        World::new(dir).with("STANDIN_READY_AFTER_MS", "0")
    }

    #[test]
    fn a_key_from_the_mounted_file_is_enforced() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("qdrant/config")).unwrap();
        let file = dir.path().join("qdrant/config/local.yaml");
        std::fs::write(file, "service:\n  api_key: \"k\"\n  read_only_api_key: r\n").unwrap();
        let opened = open(&world(dir.path())).unwrap();
        let service = &opened.listeners[0].service;
        assert_eq!(service.answer(&Request::get("/readyz")).status, 200);
        assert_eq!(service.answer(&Request::get("/collections")).status, 401);
        assert_eq!(service.answer(&Request::get("/metrics")).status, 401);
        let key = |request: Request, key: &str| {
            service.answer(&request.header_set("api-key", key)).status
        };
        assert_eq!(key(Request::get("/collections"), "x"), 401);
        assert_eq!(key(Request::get("/collections"), "k"), 200);
        assert_eq!(key(Request::get("/metrics"), "r"), 200);
        assert_eq!(key(Request::new("PUT", "/collections/c"), "r"), 403);
        let bearer = Request::get("/collections").header_set("authorization", "Bearer k");
        assert_eq!(service.answer(&bearer).status, 200);
    }

    #[test]
    fn points_are_found_and_outlive_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let make = json!({"vectors": {"size": 2, "distance": "Cosine"}});
        let points = json!({"points": [
            {"id": 1, "vector": [1.0, 0.0], "payload": {"t": "a"}}, {"id": 2, "vector": [0.0, 1.0], "payload": {"t": "b"}},
        ]});
        {
            let opened = open(&world(dir.path())).unwrap();
            let ask = |method: &str, path: &str, body: &Value| {
                opened.listeners[0]
                    .service
                    .answer(&Request::new(method, path).with_json(body))
                    .status
            };
            assert_eq!(ask("PUT", "/collections/c", &make), 200);
            assert_eq!(ask("PUT", "/collections/c", &make), 409);
            assert_eq!(ask("PUT", "/collections/a%2Fb", &make), 422);
            assert_eq!(ask("PUT", "/collections/c/points?wait=true", &points), 200);
            let wrong = json!({"points": [{"id": 3, "vector": [1.0]}]});
            assert_eq!(ask("PUT", "/collections/c/points", &wrong), 400);
            assert_eq!(ask("PUT", "/collections/none/points", &points), 404);
        }
        let opened = open(&world(dir.path())).unwrap();
        let search = json!({"vector": [0.1, 0.9], "limit": 1, "with_payload": true});
        let found = opened.listeners[0]
            .service
            .answer(&Request::new("POST", "/collections/c/points/search").with_json(&search))
            .body_json();
        assert_eq!(found["result"][0]["id"], 2);
        assert_eq!(found["result"][0]["payload"]["t"], "b");
    }

    #[test]
    fn a_snapshot_is_made_fetched_removed_and_taken_back_elsewhere() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let shape = json!({"vectors": {"size": 2, "distance": "Cosine"}});
        let points = json!({"points": [{"id": 1, "vector": [1.0, 0.0]}]});
        let opened = open(&world(one.path())).unwrap();
        let ask = |request: Request| opened.listeners[0].service.answer(&request);
        ask(Request::new("PUT", "/collections/c").with_json(&shape));
        ask(Request::new("PUT", "/collections/c/points").with_json(&points));
        let made = ask(Request::new("POST", "/collections/c/snapshots")).body_json();
        let name = made["result"]["name"].as_str().unwrap().to_owned();
        let path = format!("/collections/c/snapshots/{name}");
        let content = ask(Request::get(&path)).body;
        assert_eq!(ask(Request::new("DELETE", &path)).status, 200);
        assert_eq!(ask(Request::get(&path)).status, 404);
        assert_eq!(
            ask(Request::new("POST", "/collections/none/snapshots")).status,
            404
        );
        let opened = open(&world(other.path())).unwrap();
        let ask = |request: Request| opened.listeners[0].service.answer(&request);
        let mut upload = Request::new("POST", "/collections/c/snapshots/upload");
        upload.body = [
            b"--x\r\nContent-Type: a/b\r\n\r\n".as_slice(),
            &content,
            b"\r\n--x--\r\n",
        ]
        .concat();
        assert_eq!(ask(upload).status, 200);
        let count = Request::new("POST", "/collections/c/points/count").with_json(&json!({}));
        assert_eq!(ask(count).body_json()["result"]["count"], 1);
    }

    #[test]
    fn without_a_place_for_snapshots_it_does_not_start() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("qdrant")).unwrap();
        std::fs::write(dir.path().join("qdrant/snapshots"), "").unwrap();
        assert!(
            open(&world(dir.path()))
                .err()
                .unwrap()
                .to_string()
                .contains("upload_dir")
        );
    }
}
