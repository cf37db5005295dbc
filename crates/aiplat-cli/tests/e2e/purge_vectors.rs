//! What a service leaves in the vector store of its stack: nothing after a purge or an addition that was undone, and of one
//! that is called much like it everything.

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::curl::curl;
use crate::support::engine::FOREIGN_IMAGE;
use crate::support::images::Image;
use crate::support::stack::Stack;

/// A service of the user's own that is told its names in each store.
fn file(bed: &Bed, name: &str) -> String {
    let file = bed.home.join(format!("{name}.toml"));
    let text = format!(
        r#"
name = "{name}"
title = "{name}"
summary = "keeps vectors"
tier = "app"
image = {{ reference = "example/standin:1", source = "the test" }}
licence = {{ spdx = "MIT" }}
ports = [{{ name = "http", container = 8080 }}]
health = {{ kind = "http", port = "http", path = "/healthz", start_seconds = 20, engine_none = "has no tool for it" }}
metrics = {{ none = "has none" }}
limits = {{ pids = 32, memory = "64m" }}
data = {{ none = "keeps none of its own" }}
[vector]
qdrant = {{ env = {{ OWN_NAME = "{{{{ vector.collection }}}}", OWN_PREFIX = "{{{{ vector.prefix }}}}" }} }}
weaviate = {{ env = {{ OWN_NAME = "{{{{ vector.class }}}}", OWN_PREFIX = "{{{{ vector.prefix }}}}" }}, provision = true }}
chroma = {{ env = {{ OWN_NAME = "{{{{ vector.tenant }}}}", OWN_PREFIX = "{{{{ vector.database }}}}" }}, provision = true }}
pgvector = {{ none = "is not tried" }}
"#
    );
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

/// A stack's store, spoken to as its services do.
struct Store<'s> {
    stack: &'s Stack<'s>,
    kind: &'static str,
}

impl Store<'_> {
    fn ask(&self, method: &str, path: &str, body: &Value) -> String {
        let (port, header) = match self.kind {
            "qdrant" => (
                6333,
                format!("api-key: {}", self.stack.secret("qdrant_api_key")),
            ),
            "weaviate" => {
                let key = self.stack.secret("weaviate_api_key");
                (8080, format!("authorization: Bearer {key}"))
            }
            _ => (8000, "x-none: none".to_owned()),
        };
        let url = format!("http://{}:{port}{path}", self.stack.address(self.kind));
        let json = "content-type: application/json";
        let body = body.to_string();
        let mut arguments = vec!["-X", method, "-H", &header];
        if method != "GET" {
            arguments.extend(["-H", json, "--data", &body]);
        }
        let (status, text) = curl(&arguments, &url);
        assert_eq!(status, 200, "{url}: {text}");
        text
    }

    /// Makes two things under names that the service was told.
    fn fill(&self, service: &str) {
        let path = format!("/containers/{}/json", self.stack.container(service));
        let container = self.stack.bed.engine.get(&path);
        let told = |key: &str| -> String {
            let env = container["Config"]["Env"].as_array().unwrap().iter();
            let mut values = env.filter_map(|line| line.as_str()?.strip_prefix(key));
            values.next().unwrap_or_else(|| panic!("{key}")).to_owned()
        };
        let (name, prefix) = (told("OWN_NAME="), told("OWN_PREFIX="));
        for own in [name.clone(), format!("{prefix}documents")] {
            match self.kind {
                "qdrant" => {
                    let size = json!({"vectors": {"size": 2, "distance": "Cosine"}});
                    self.ask("PUT", &format!("/collections/{own}"), &size)
                }
                "weaviate" => self.ask("POST", "/v1/schema", &json!({"class": own})),
                _ => {
                    let path = format!("/api/v2/tenants/{name}/databases/{prefix}/collections");
                    self.ask("POST", &path, &json!({"name": own}))
                }
            };
        }
    }

    /// Everything in it.
    fn content(&self, tenants: &[String]) -> Vec<String> {
        let get = |path: &str| {
            let all: Value = serde_json::from_str(&self.ask("GET", path, &Value::Null)).unwrap();
            let list = ["/result/collections", "/classes", ""];
            let list = list.iter().find_map(|at| all.pointer(at)?.as_array());
            let mut all: Vec<String> = list.into_iter().flatten().map(Value::to_string).collect();
            all.sort();
            all
        };
        match self.kind {
            "qdrant" => get("/collections"),
            "weaviate" => {
                // the stand-in lists a permission as often as it was given
                let name = |role: String| role.split("\"permissions\"").next().map(str::to_owned);
                let roles = get("/v1/authz/roles").into_iter().filter_map(name);
                get("/v1/schema").into_iter().chain(roles).collect()
            }
            _ => {
                let of = |tenant: &String| {
                    let databases = format!("/api/v2/tenants/{tenant}/databases");
                    let collections = format!("{databases}/{tenant}/collections");
                    [get(&databases), get(&collections)].concat()
                };
                tenants.iter().flat_map(of).collect()
            }
        }
    }
}

fn leaves_nothing(kind: &'static str) {
    let Some(bed) = Bed::new() else { return };
    let stack = bed
        .small("v")
        .with("SERVICES", kind)
        .with("VECTOR_DB", kind);
    stack.deploy().ok();
    let stack = stack.without("SERVICES").without("VECTOR_DB");
    let store = Store {
        stack: &stack,
        kind,
    };
    let tenants = ["vault", "vaulty"].map(|service| {
        let names = aiplat_vectordb::names_for(&stack.name, service);
        names.tenant.to_string()
    });
    let (vault, like_it) = (file(&bed, "vault"), file(&bed, "vaulty"));
    stack.run(&["add", &like_it]).ok();
    store.fill("vaulty");
    let start = store.content(&tenants);
    assert!(start.len() >= 2, "{start:?}");
    // one that is undone
    let ends = json!({"Entrypoint": ["/bin/false"], "Cmd": []});
    let image = Image::configured(&bed, FOREIGN_IMAGE, "vault", &ends);
    let broken = stack.clone().with("IMAGE_VAULT", &image.reference);
    broken.run(&["add", &vault]).fails(6, &["taken away again"]);
    assert_eq!(store.content(&tenants), start, "after one that was undone");
    stack.run(&["add", &vault]).ok();
    store.fill("vault");
    let full = store.content(&tenants);
    assert!(full.len() >= start.len() + 2, "{full:?}");
    stack.run(&["remove", "vault", "--yes"]).ok();
    broken
        .run(&["add", "vault"])
        .fails(6, &["taken away again"]);
    let kept = store.content(&tenants);
    assert_eq!(
        kept, full,
        "what was kept is not an addition's to take away"
    );
    stack.run(&["add", "vault"]).ok();
    let purge = ["remove", "vault", "--purge", "--yes"];
    stack
        .run(&purge[..3])
        .fails(8, &[kind, "loses", "documents"]);
    assert_eq!(store.content(&tenants), full);
    // killed when its container is gone
    let dying = stack.clone().with("AIPLAT_TEST_KILL_AFTER", "6");
    assert_eq!(dying.run(&purge).signal, Some(9));
    stack.run(&purge).ok();
    assert_eq!(store.content(&tenants), start, "after the purge");
    drop(image);
}

#[test]
fn chroma() {
    leaves_nothing("chroma");
}

#[test]
fn qdrant() {
    leaves_nothing("qdrant");
}

#[test]
fn weaviate() {
    leaves_nothing("weaviate");
}
