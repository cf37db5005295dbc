//! A clean-up of the whole host takes somebody else's volumes, images and stopped containers. No line of the product
//! prunes (`crates/aiplat-core/tests/dependencies.rs` reads them all); here everything that a prune would take is planted.

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::engine::FOREIGN_IMAGE;

/// What a prune takes first: a stopped container, a volume and a network that nobody uses, and an image without a name.
struct Planted<'b> {
    bed: &'b Bed,
    container: String,
    volume: String,
    network: String,
    image: String,
}

impl<'b> Planted<'b> {
    fn beside(bed: &'b Bed) -> Self {
        let engine = &bed.engine;
        let id = |path: &str, body: &Value| {
            let (status, answer) = engine.call("POST", path, body);
            assert_eq!(status, 201, "{}", String::from_utf8_lossy(&answer));
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            answer["Id"].as_str().unwrap_or_default().to_owned()
        };
        let container = format!("{}-stopped", bed.tag);
        let bare = json!({"Image": FOREIGN_IMAGE, "Cmd": ["true"], "Entrypoint": [], "HostConfig": {"NetworkMode": "none"}});
        id(&format!("/containers/create?name={container}"), &bare);
        let image = id(
            &format!("/commit?container={container}"),
            &json!({"Cmd": ["false"]}),
        );
        let volume = format!("{}-volume", bed.tag);
        id("/volumes/create", &json!({"Name": volume}));
        let network = engine.foreign_network(&format!("{}-unused", bed.tag));
        Self {
            bed,
            container,
            volume,
            network,
            image,
        }
    }

    fn all_there(&self, when: &str) {
        for path in [
            format!("/containers/{}/json", self.container),
            format!("/volumes/{}", self.volume),
            format!("/networks/{}", self.network),
            format!("/images/{}/json", self.image),
        ] {
            let (status, _) = self.bed.engine.call("GET", &path, &Value::Null);
            assert_eq!(status, 200, "after {when}: {path}");
        }
    }
}

impl Drop for Planted<'_> {
    fn drop(&mut self) {
        let engine = &self.bed.engine;
        engine.remove_container(&self.container);
        engine.remove_network(&self.network);
        engine.call("DELETE", &format!("/volumes/{}", self.volume), &Value::Null);
        engine.call("DELETE", &format!("/images/{}", self.image), &Value::Null);
    }
}

#[test]
fn what_a_prune_would_take_is_there_after_every_command_that_removes() {
    let Some(bed) = Bed::new() else { return };
    let planted = Planted::beside(&bed);
    let stack = bed.small("s");
    stack.deploy().ok();
    planted.all_there("deploy");
    stack
        .clone()
        .without("SERVICES")
        .run(&["remove", "redis", "--yes"])
        .ok();
    planted.all_there("remove");
    stack.deploy().ok();
    stack.run(&["teardown", "--yes"]).ok();
    planted.all_there("teardown");
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
    planted.all_there("a purge");
}
