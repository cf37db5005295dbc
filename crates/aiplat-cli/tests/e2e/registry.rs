//! A real registry on loopback: images that are not there are pulled, pinned and missed.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::curl::curl;
use crate::support::images::Image;
use crate::support::{inventory, until};

const IMAGE: &str = "localhost/aiplat/registry:2.8.3";

/// Debian's registry in a container; gone with its value, and what was pulled from it too.
struct Registry<'b> {
    bed: &'b Bed,
    name: String,
    address: String,
}

impl<'b> Registry<'b> {
    fn start(bed: &'b Bed) -> Self {
        let host = bed.address();
        let port = TcpListener::bind((host.as_str(), 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let name = format!("{}-registry", bed.tag);
        let spec = json!({"Image": IMAGE, "HostConfig": {
            "Tmpfs": {"/var/lib/registry": "size=1g"},
            "PortBindings": {"5000/tcp": [{"HostIp": host, "HostPort": port.to_string()}]},
        }});
        let (status, body) =
            bed.engine
                .call("POST", &format!("/containers/create?name={name}"), &spec);
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
        let registry = Self {
            bed,
            name,
            address: format!("{host}:{port}"),
        };
        registry.is("start");
        let url = format!("http://{}/v2/", registry.address);
        until("the registry answers", || {
            std::net::TcpStream::connect(&registry.address).is_ok()
                && curl(&["--retry", "3", "--retry-all-errors"], &url).0 == 200
        });
        registry
    }

    fn is(&self, what: &str) {
        let path = format!("/containers/{}/{what}", self.name);
        let (status, body) = self.bed.engine.call("POST", &path, &Value::Null);
        assert_eq!(status, 204, "{}", String::from_utf8_lossy(&body));
    }

    /// Puts an image there; its digest.
    fn push(&self, local: &str, repository: &str, tag: &str) -> String {
        let engine = &self.bed.engine;
        let whole = format!("{}/aiplat/{repository}", self.address);
        let tagged = engine.call(
            "POST",
            &format!("/images/{local}/tag?repo={whole}&tag={tag}"),
            &Value::Null,
        );
        assert_eq!(tagged.0, 201, "{}", String::from_utf8_lossy(&tagged.1));
        let (_, told) = engine.call(
            "POST",
            &format!("/images/{whole}/push?tag={tag}"),
            &Value::Null,
        );
        let told = String::from_utf8_lossy(&told).into_owned();
        // with containerd's store of images an engine tells it in words alone
        let mut said = told
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let digest = said.find_map(|line| {
            let (_, words) = line["status"].as_str()?.split_once("digest: ")?;
            Some(words.split(' ').next()?.to_owned())
        });
        self.forget();
        digest.unwrap_or_else(|| panic!("expected a digest: {told}"))
    }

    /// Removes every image that has this registry's name.
    fn forget(&self) {
        for image in self.bed.engine.get("/images/json").as_array().unwrap() {
            let names = ["RepoTags", "RepoDigests"]
                .map(|key| image[key].as_array().cloned().unwrap_or_default());
            for name in names.concat().iter().filter_map(Value::as_str) {
                if name.starts_with(&self.address) {
                    self.bed.engine.call(
                        "DELETE",
                        &format!("/images/{name}?force=1"),
                        &Value::Null,
                    );
                }
            }
        }
    }
}

impl Drop for Registry<'_> {
    fn drop(&mut self) {
        self.forget();
        self.bed.engine.remove_container(&self.name);
    }
}

#[test]
fn images_are_pulled_pinned_by_digest_and_missed_where_nobody_answers() {
    let Some(bed) = Bed::new() else { return };
    let registry = Registry::start(&bed);
    let heavier = Image::heavier(&bed, "localhost/aiplat/valkey:8.1.8", "valkey");
    let digest = registry.push(&heavier.reference, "valkey", "8.1.8");
    registry.push(
        "localhost/aiplat/caddy:2.11.4-alpine",
        "caddy",
        "2.11.4-alpine",
    );
    drop(heavier);

    let mirror = format!("{}/aiplat", registry.address);
    let stack = bed.small("p").with("IMAGE_REGISTRY", &mirror);
    let run = stack.deploy().ok();
    assert!(
        run.err.contains(&format!("{mirror}/valkey")) && run.err.contains("pulled"),
        "{}",
        run.err
    );
    assert_eq!(stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);

    // by content, whatever the tag says
    let pinned = format!("{mirror}/valkey@{digest}");
    let pin = stack.clone().with("IMAGE_REDIS", &pinned);
    pin.run(&["deploy", "-y"]).ok();
    let container = bed
        .engine
        .get(&format!("/containers/{}/json", stack.container("redis")));
    assert_eq!(container["Config"]["Image"], pinned.as_str());
    assert_eq!(pin.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    let marks = [bed.tag.as_str()];
    let before = inventory::of(&bed.engine, &marks);
    let nothing = format!("{mirror}/valkey@sha256:{}", "0".repeat(64));
    stack
        .clone()
        .with("IMAGE_REDIS", &nothing)
        .run(&["deploy", "-y"])
        .fails(5, &[&nothing]);
    inventory::same(
        &before,
        &inventory::of(&bed.engine, &marks),
        "a digest that is not there",
    );

    // without the registry what runs is left alone, and what is new is refused
    registry.is("stop");
    assert_eq!(pin.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
    registry.forget();
    let before = inventory::of(&bed.engine, &marks);
    stack.deploy().fails(5, &[&mirror, "IMAGE_REGISTRY"]);
    inventory::same(&before, &inventory::of(&bed.engine, &marks), "no registry");
    assert_eq!(
        std::fs::read_dir(&stack.base).unwrap().count(),
        0,
        "and nothing was written"
    );
}
