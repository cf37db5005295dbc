//! Weaviate 1.39: keys, database users with roles, classes, objects, and the vector query of
//! GraphQL.

mod graphql;
mod rights;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use self::rights::{Settings, Who};
use super::Row;
use crate::http::{Request, Response};
use crate::serve::{Listener, Opened};
use crate::store::Store;
use crate::world::{Ready, Refusal, World};

/// The row.
pub const ROW: Row = Row {
    name: "weaviate",
    image: &[
        "EXPOSE 8080 50051 2112",
        r#"CMD ["--host", "0.0.0.0", "--port", "8080", "--scheme", "http"]"#,
    ],
    open,
};

struct Weaviate {
    settings: Settings,
    store: Store,
    ready: Ready,
}

/// A failed operation: status and words.
struct Failure(u16, String);

fn open(world: &World) -> Result<Opened, Refusal> {
    let settings = Settings::read(world)?;
    let folder = world.writable(world.get("PERSISTENCE_DATA_PATH").unwrap_or("/data"))?;
    let initial = json!({"classes": {}, "objects": {}, "roles": {}, "users": {}, "assigned": {}});
    let store = Store::open(&folder.join("stand-in.json"), initial)
        .map_err(|error| Refusal::new(format!("cannot read the data: {error}")))?;
    let weaviate = Weaviate {
        settings,
        store,
        ready: world.ready_after(500),
    };
    let port = world
        .option("--port")
        .and_then(|port| port.parse().ok())
        .unwrap_or(8080);
    let rest = move |request: &Request| weaviate.answer(request);
    let grpc = |_: &Request| Response::text(415, "a stand-in speaks no gRPC");
    let mut listeners = vec![
        Listener::port(port, Arc::new(rest)),
        Listener::port(world.port("GRPC_PORT", 50051), Arc::new(grpc)),
    ];
    if world.flag("PROMETHEUS_MONITORING_ENABLED") {
        let metrics = |request: &Request| match request.path.as_str() {
            "/metrics" => Response::metrics("weaviate", ""),
            _ => Response::not_found(),
        };
        listeners.push(Listener::port(
            world.port("PROMETHEUS_MONITORING_PORT", 2112),
            Arc::new(metrics),
        ));
    }
    Ok(Opened::listening(listeners))
}

impl Weaviate {
    fn answer(&self, request: &Request) -> Response {
        match request.path.as_str() {
            "/v1/.well-known/live" => return Response::empty(200),
            "/v1/.well-known/ready" => {
                return Response::empty(if self.ready.is_ready() { 200 } else { 503 });
            }
            "/" => {
                return Response::page(
                    "Weaviate",
                    &[
                        "Keys, database users and roles are enforced; vectors are searched one by one.",
                    ],
                );
            }
            _ => {}
        }
        let Some(who) = self.store.read(|state| self.settings.who(state, request)) else {
            let words = "anonymous access not enabled. Please authenticate through one of the available methods: [API-keys]";
            return Response::json(401, &json!({"code": 401, "message": words}));
        };
        let parts = request.segments();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match self.route(request, &parts, &who) {
            Ok((status, Value::Null)) => Response::empty(status),
            Ok((status, body)) => Response::json(status, &body),
            Err(Failure(status, words)) => {
                Response::json(status, &json!({"error": [{"message": words}]}))
            }
        }
    }

    fn route(&self, request: &Request, parts: &[&str], who: &Who) -> Result<(u16, Value), Failure> {
        let body = request.json();
        match (request.method.as_str(), parts) {
            ("GET", ["v1", "meta"]) => Ok((
                200,
                json!({"version": "1.39.0", "hostname": "stand-in", "modules": {}}),
            )),
            ("GET", ["v1", "users", "own-info"]) => {
                Ok((200, json!({"username": who.name, "roles": []})))
            }
            ("GET", ["v1", "nodes"]) => Ok((
                200,
                json!({"nodes": [{"name": "node1", "status": "HEALTHY"}]}),
            )),
            (method, ["v1", "schema", rest @ ..]) => self.schema(method, rest, &body, who),
            ("POST", ["v1", "objects"]) => self.put(&body, who).map(|object| (200, object)),
            ("POST", ["v1", "batch", "objects"]) => {
                let objects = body["objects"].as_array().cloned().unwrap_or_default();
                let each = objects.iter().map(|object| {
                    let mut object = self.put(object, who)?;
                    object["result"] = json!({"status": "SUCCESS"});
                    Ok(object)
                });
                Ok((200, Value::Array(each.collect::<Result<_, Failure>>()?)))
            }
            ("GET", ["v1", "objects"]) => {
                let class = request.query.get("class").map(String::as_str);
                let objects = self.objects(who, class)?;
                Ok((
                    200,
                    json!({"objects": objects, "totalResults": objects.len()}),
                ))
            }
            (method, ["v1", "objects", class, id]) => self.object(method, &capital(class), id, who),
            ("POST", ["v1", "graphql"]) => {
                let query = body["query"].as_str().unwrap_or_default();
                let query = graphql::parse(query).ok_or_else(|| {
                    Failure(
                        422,
                        "a stand-in reads Get and Aggregate with nearVector, limit".to_owned(),
                    )
                })?;
                let objects = self.objects(who, Some(&query.class));
                Ok((
                    200,
                    graphql::answer(
                        &query,
                        objects
                            .as_deref()
                            .map_err(|Failure(_, words)| words.as_str()),
                    ),
                ))
            }
            (_, ["v1", "authz" | "users", ..]) => {
                self.changed(|state| rights::administer(&self.settings, state, request, parts, who))
            }
            _ => Err(Failure(404, "not found".to_owned())),
        }
    }

    fn schema(
        &self,
        method: &str,
        rest: &[&str],
        body: &Value,
        who: &Who,
    ) -> Result<(u16, Value), Failure> {
        match (method, rest) {
            ("GET", []) => Ok((
                200,
                self.store.read(|state| {
                    let classes = state["classes"].as_object().into_iter().flatten();
                    let mine = classes.filter(|(name, _)| {
                        self.settings.allows(state, who, "read_collections", name)
                    });
                    json!({"classes": mine.map(|(_, class)| class.clone()).collect::<Vec<_>>()})
                }),
            )),
            ("POST", []) => {
                let name = capital(body["class"].as_str().unwrap_or_default());
                if !valid_class(&name) {
                    return Err(Failure(422, format!("'{name}' is not a valid class name")));
                }
                self.changed(|state| {
                    self.settings
                        .require(state, who, "create_collections", &name)?;
                    if state["classes"].get(&name).is_some() {
                        return Err(Failure(422, format!("class name {name} already exists")));
                    }
                    let mut class = body.clone();
                    class["class"] = json!(name);
                    state["classes"][&name] = class.clone();
                    state["objects"][&name] = json!({});
                    Ok((200, class))
                })
            }
            (method, [name]) => {
                let name = capital(name);
                self.changed(|state| match method {
                    "GET" => {
                        self.settings
                            .require(state, who, "read_collections", &name)?;
                        state["classes"]
                            .get(&name)
                            .cloned()
                            .map(|class| (200, class))
                            .ok_or(Failure(404, format!("class {name} not found")))
                    }
                    "DELETE" => {
                        self.settings
                            .require(state, who, "delete_collections", &name)?;
                        for part in ["classes", "objects"] {
                            if let Some(all) = state[part].as_object_mut() {
                                all.remove(&name);
                            }
                        }
                        Ok((200, Value::Null))
                    }
                    _ => Err(Failure(405, "method not allowed".to_owned())),
                })
            }
            _ => Err(Failure(404, "not found".to_owned())),
        }
    }

    fn put(&self, body: &Value, who: &Who) -> Result<Value, Failure> {
        let class = capital(body["class"].as_str().unwrap_or_default());
        self.changed(|state| {
            self.settings.require(state, who, "create_data", &class)?;
            if state["classes"].get(&class).is_none() {
                return Err(Failure(422, format!("class '{class}' not present in schema")));
            }
            let count = state["objects"][&class].as_object().map_or(0, Map::len);
            let made = || format!("00000000-0000-4000-8000-{:012x}", count + 1);
            let id = body["id"].as_str().map_or_else(made, str::to_owned);
            let object = json!({"class": class, "id": id, "properties": body["properties"], "vector": body["vector"], "tenant": body["tenant"]});
            state["objects"][&class][&id] = object.clone();
            Ok(object)
        })
    }

    fn objects(&self, who: &Who, class: Option<&str>) -> Result<Vec<Value>, Failure> {
        self.store.read(|state| {
            if let Some(class) = class {
                self.settings
                    .require(state, who, "read_data", &capital(class))?;
            }
            let classes = state["objects"].as_object().into_iter().flatten();
            let mine = classes.filter(|(name, _)| {
                class.is_none_or(|class| capital(class) == **name)
                    && self.settings.allows(state, who, "read_data", name)
            });
            Ok(mine
                .flat_map(|(_, objects)| objects.as_object().into_iter().flatten())
                .map(|(_, object)| object.clone())
                .collect())
        })
    }

    fn object(
        &self,
        method: &str,
        class: &str,
        id: &str,
        who: &Who,
    ) -> Result<(u16, Value), Failure> {
        let absent = || Failure(404, format!("no object with id {id}"));
        match method {
            "GET" => {
                let all = self.objects(who, Some(class))?;
                all.into_iter()
                    .find(|object| object["id"] == id)
                    .map(|object| (200, object))
                    .ok_or_else(absent)
            }
            "DELETE" => self.changed(|state| {
                self.settings.require(state, who, "delete_data", class)?;
                let gone = state["objects"][class]
                    .as_object_mut()
                    .and_then(|all| all.remove(id));
                gone.map(|_| (204, Value::Null)).ok_or_else(absent)
            }),
            _ => Err(Failure(405, "method not allowed".to_owned())),
        }
    }

    fn changed<T>(
        &self,
        change: impl FnOnce(&mut Value) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let written = self.store.change(change);
        written.unwrap_or_else(|error| Err(Failure(500, format!("cannot write: {error}"))))
    }
}

/// A lower-case first letter is raised, as the real one does.
fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

fn valid_class(name: &str) -> bool {
    name.len() <= 255
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(dir: &std::path::Path) -> Opened {
        let world = World::new(dir)
            .with("AUTHENTICATION_ANONYMOUS_ACCESS_ENABLED", "false")
            .with("AUTHENTICATION_APIKEY_ENABLED", "true")
            .with("AUTHENTICATION_APIKEY_ALLOWED_KEYS", "root-key")
            .with("AUTHENTICATION_APIKEY_USERS", "root")
            .with("AUTHENTICATION_DB_USERS_ENABLED", "true")
            .with("AUTHORIZATION_RBAC_ENABLED", "true")
            .with("AUTHORIZATION_RBAC_ROOT_USERS", "root");
        open(&world).unwrap()
    }

    fn ask(opened: &Opened, key: &str, method: &str, path: &str, body: &Value) -> Response {
        let request = Request::new(method, path)
            .with_json(body)
            .header_set("authorization", &format!("Bearer {key}"));
        opened.listeners[0].service.answer(&request)
    }

    #[test]
    fn a_database_user_stays_below_its_prefix() {
        let dir = tempfile::tempdir().unwrap();
        let opened = start(dir.path());
        let root =
            |method: &str, path: &str, body: &Value| ask(&opened, "root-key", method, path, body);
        assert_eq!(
            ask(&opened, "wrong", "GET", "/v1/schema", &Value::Null).status,
            401
        );
        let permission = |action: &str| {
            let part = if action.ends_with("_data") {
                "data"
            } else {
                "collections"
            };
            json!({"action": action, part: {"collection": "Svc_*"}})
        };
        let actions = [
            "create_collections",
            "read_collections",
            "create_data",
            "read_data",
        ];
        let role = json!({"name": "svc-role", "permissions": actions.map(permission)});
        assert_eq!(root("POST", "/v1/authz/roles", &role).status, 201);
        let key = root("POST", "/v1/users/db/svc", &Value::Null).body_json()["apikey"]
            .as_str()
            .unwrap()
            .to_owned();
        assert_eq!(
            ask(
                &opened,
                &key,
                "POST",
                "/v1/schema",
                &json!({"class": "Svc_Docs"})
            )
            .status,
            403,
            "no role yet"
        );
        let assign = json!({"roles": ["svc-role"], "userType": "db"});
        assert_eq!(
            root("POST", "/v1/authz/users/svc/assign", &assign).status,
            200
        );
        let svc = |method: &str, path: &str, body: &Value| ask(&opened, &key, method, path, body);
        assert_eq!(
            svc("POST", "/v1/schema", &json!({"class": "svc_Docs"})).status,
            200
        );
        assert_eq!(
            svc("POST", "/v1/schema", &json!({"class": "Other"})).status,
            403
        );
        assert_eq!(
            svc("DELETE", "/v1/schema/Svc_Docs", &Value::Null).status,
            403
        );
        assert_eq!(svc("POST", "/v1/authz/roles", &role).status, 403);
        let object =
            json!({"class": "Svc_Docs", "properties": {"text": "a"}, "vector": [1.0, 0.0]});
        assert_eq!(svc("POST", "/v1/objects", &object).status, 200);
        let query = json!({"query": "{ Get { Svc_Docs(nearVector: {vector: [1, 0.1]}, limit: 1) { text _additional { id distance } } } }"});
        let found = svc("POST", "/v1/graphql", &query).body_json();
        assert_eq!(found["data"]["Get"]["Svc_Docs"][0]["text"], "a", "{found}");
        // keys are kept hashed, and hold after a restart
        let text = std::fs::read_to_string(dir.path().join("data/stand-in.json")).unwrap();
        assert!(!text.contains(&key));
        assert_eq!(
            ask(&start(dir.path()), &key, "GET", "/v1/schema", &Value::Null).body_json()["classes"]
                [0]["class"],
            "Svc_Docs"
        );
    }

    #[test]
    fn class_names_have_a_grammar() {
        let dir = tempfile::tempdir().unwrap();
        let opened = start(dir.path());
        let make = |name: &str| {
            ask(
                &opened,
                "root-key",
                "POST",
                "/v1/schema",
                &json!({"class": name}),
            )
            .status
        };
        assert_eq!((make("A-b"), make("9a"), make("ok_1")), (422, 422, 200));
    }

    #[test]
    fn open_to_all_when_nothing_is_set() {
        let dir = tempfile::tempdir().unwrap();
        let opened = open(&World::new(dir.path())).unwrap();
        assert_eq!(
            opened.listeners[0]
                .service
                .answer(&Request::get("/v1/schema"))
                .status,
            200
        );
    }
}
