//! Images that do what a test wants in place of a service's own.

use serde_json::{Value, json};

use super::bed::Bed;
use super::engine::FOREIGN_IMAGE;

/// A throw-away image, removed with its value.
#[derive(Debug)]
pub(crate) struct Image<'b> {
    bed: &'b Bed,
    pub(crate) reference: String,
}

impl<'b> Image<'b> {
    /// An image with one program of this name, a shell script.
    pub(crate) fn of_script(bed: &'b Bed, program: &str, script: &str) -> Self {
        let path = format!("/usr/local/bin/{program}");
        let write = format!("cat > {path} <<'END'\n#!/bin/sh\n{script}\nEND\nchmod 755 {path}");
        let name = format!("{}-image-{program}", bed.tag);
        let spec = json!({
            "Image": FOREIGN_IMAGE, "Entrypoint": ["/bin/sh", "-c", write], "Cmd": [],
            "HostConfig": {"NetworkMode": "none"},
        });
        let engine = &bed.engine;
        let (status, body) = engine.call("POST", &format!("/containers/create?name={name}"), &spec);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        engine.call("POST", &format!("/containers/{name}/start"), &Value::Null);
        let (_, ended) = engine.call("POST", &format!("/containers/{name}/wait"), &Value::Null);
        assert!(String::from_utf8_lossy(&ended).contains(r#""StatusCode":0"#));
        let repository = format!("localhost/aiplat/{name}");
        let commit = format!("/commit?container={name}&repo={repository}&tag=1");
        let (status, body) = engine.call("POST", &commit, &json!({"Entrypoint": [], "Cmd": []}));
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        engine.remove_container(&name);
        Self {
            bed,
            reference: format!("{repository}:1"),
        }
    }
}

impl Drop for Image<'_> {
    fn drop(&mut self) {
        self.bed.engine.call(
            "DELETE",
            &format!("/images/{}?force=1", self.reference),
            &Value::Null,
        );
    }
}
