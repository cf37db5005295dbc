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
        Self::scripted(bed, program, script, &json!({"Entrypoint": [], "Cmd": []}))
    }

    /// The same, which it starts by itself: for a service that is given no command.
    pub(crate) fn of_entry(bed: &'b Bed, program: &str, script: &str) -> Self {
        let path = format!("/usr/local/bin/{program}");
        let entry = json!({"Entrypoint": [path], "Cmd": []});
        Self::scripted(bed, program, script, &entry)
    }

    fn scripted(bed: &'b Bed, program: &str, script: &str, config: &Value) -> Self {
        let path = format!("/usr/local/bin/{program}");
        let write = format!("cat > {path} <<'END'\n#!/bin/sh\n{script}\nEND\nchmod 755 {path}");
        Self::made(bed, FOREIGN_IMAGE, program, &write, config)
    }

    /// An image as it is, with some megabytes more that nobody else has.
    pub(crate) fn heavier(bed: &'b Bed, base: &str, name: &str) -> Self {
        let config = bed.engine.get(&format!("/images/{base}/json"))["Config"].clone();
        let write = "head -c 12000000 /dev/urandom > /heavier";
        Self::made(bed, base, name, write, &config)
    }

    /// An image as it is, that says something else of itself.
    pub(crate) fn configured(bed: &'b Bed, base: &str, name: &str, config: &Value) -> Self {
        Self::made(bed, base, name, "true", config)
    }

    fn made(bed: &'b Bed, base: &str, name: &str, write: &str, config: &Value) -> Self {
        let name = format!("{}-image-{name}", bed.tag);
        let spec = json!({
            "Image": base, "Entrypoint": ["/bin/sh", "-c", write], "Cmd": [], "User": "0",
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
        let (status, body) = engine.call("POST", &commit, config);
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
