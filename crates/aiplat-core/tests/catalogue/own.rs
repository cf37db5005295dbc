//! A service file of the user's own is checked like the built-in ones, in the same words.

use aiplat_core::catalogue::{Catalogue, CatalogueProblem};
use aiplat_testkit::fake::stack::Recipe;

use crate::common::{bare, case, catalogue};

const OWN: &str = r#"
name = "notes"
title = "Notes"
summary = "a service of the user's own"
tier = "app"
needs = ["redis"]

[image]
reference = "registry.example/notes:1.2.3"
source = "the user's own"

[licence]
spdx = "MIT"

[run]
home = "/data"

[env]
NOTES_PASSWORD_FILE = "{{ secret_file('notes_password') }}"
NOTES_URL = "{{ url('notes') }}"

[[ports]]
name = "http"
container = 8080
key = "NOTES_PORT"
default = 5050

[[mounts]]
kind = "data"
source = "data"
target = "/data"

[[tmpfs]]
target = "/tmp"
size = "16m"

[[secrets]]
name = "notes_password"
key = "NOTES_PASSWORD"
format = "alnum32"
file = true

[health]
kind = "http"
port = "http"
path = "/health"
start_seconds = 30
engine_none = "the image has no tool for it"

[[routes]]
host = "notes"
port = "http"

[metrics]
none = "has no metrics endpoint"

[limits]
memory = "128m"
cpus = 0.5
pids = 64

[data]
format = "notes-1"

[vector]
none = "keeps no vectors"
"#;

fn add(text: &str) -> Result<Catalogue, Vec<CatalogueProblem>> {
    let mut catalogue = catalogue();
    catalogue.add("my/notes.toml", text, []).map(|_| catalogue)
}

#[test]
fn a_good_file_becomes_a_service_like_any_other() {
    let catalogue = add(OWN).unwrap();
    let host = bare(true);
    let recipe = Recipe::named("own", 7)
        .with("SERVICES", "notes,caddy")
        .with("NOTES_PORT", "5999");
    let case = case(&recipe, &host, &catalogue);
    let plan = case.plan(&host);
    assert_eq!(case.check(&plan, &catalogue), [""; 0]);
    let names: Vec<_> = plan
        .services
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["redis", "notes", "caddy"]);
    let notes = case.desired.service(&"notes".parse().unwrap()).unwrap();
    assert_eq!(notes.container.ports[0].host, 5999);
    let caddyfile = &case
        .desired
        .service(&"caddy".parse().unwrap())
        .unwrap()
        .files[0]
        .content;
    assert!(
        caddyfile.expose().contains("notes.own.localhost"),
        "{}",
        caddyfile.expose()
    );
}

/// What is spoilt in the file, and what is said about it.
const BROKEN: &[(&str, &str, &str)] = &[
    (
        "reference = \"registry.example/notes:1.2.3\"",
        "reference = \"registry.example/notes:latest\"",
        "image.reference",
    ),
    (
        "reference = \"registry.example/notes:1.2.3\"",
        "reference = \"registry.example/notes\"",
        "image.reference",
    ),
    (
        "name = \"notes\"\ntitle",
        "name = \"Notes\"\ntitle",
        "a service name",
    ),
    (
        "name = \"notes\"\ntitle",
        "name = \"grafana\"\ntitle",
        "another service's",
    ),
    ("title = \"Notes\"", "title = \" \"", "title"),
    ("tier = \"app\"", "tier = \"toy\"", "line"),
    (
        "tier = \"app\"",
        "tier = \"app\"\nprivileged = true",
        "privileged",
    ),
    ("needs = [\"redis\"]", "needs = [\"rediss\"]", "rediss"),
    ("needs = [\"redis\"]", "needs = [\"notes\"]", "circle"),
    ("spdx = \"MIT\"", "spdx = \"\"", "licence.spdx"),
    (
        "home = \"/data\"",
        "home = \"/data\"\nidentity = \"root\"",
        "run.identity",
    ),
    (
        "key = \"NOTES_PORT\"",
        "key = \"GRAFANA_PORT\"",
        "GRAFANA_PORT",
    ),
    ("default = 5050", "", "ports.default"),
    (
        "source = \"data\"\ntarget",
        "source = \"../other\"\ntarget",
        "mounts.source",
    ),
    (
        "source = \"data\"\ntarget",
        "source = \"/etc\"\ntarget",
        "mounts.source",
    ),
    // others' data, and the folder in which the secrets of all lie
    (
        "target = \"/data\"",
        "target = \"/data\"\nof = \"redis\"",
        "mounts.of",
    ),
    (
        "kind = \"data\"\nsource = \"data\"\ntarget",
        "kind = \"config\"\nof = \"secrets\"\nsource = \"redis_password\"\ntarget",
        "mounts.of",
    ),
    ("target = \"/data\"", "target = \"/etc\"", "mounts.target"),
    ("target = \"/data\"", "target = \"/tmp\"", "`/tmp` once"),
    (
        "target = \"/data\"",
        "target = \"/data\"\nexec = true",
        "exec:/data",
    ),
    ("size = \"16m\"", "size = \"lots\"", "tmpfs.size"),
    (
        "size = \"16m\"",
        "size = \"16m\"\nmode = \"rwx\"",
        "tmpfs.mode",
    ),
    (
        "name = \"notes_password\"",
        "name = \"redis_password\"",
        "redis_password",
    ),
    (
        "key = \"NOTES_PASSWORD\"",
        "key = \"REDIS_PASSWORD\"",
        "REDIS_PASSWORD",
    ),
    ("format = \"alnum32\"", "format = \"secret\"", "alnum32"),
    (
        "port = \"http\"\npath",
        "port = \"web\"\npath",
        "health.port",
    ),
    ("path = \"/health\"", "", "health.path"),
    (
        "start_seconds = 30",
        "start_seconds = 0",
        "health.start_seconds",
    ),
    (
        "engine_none = \"the image has no tool for it\"",
        "",
        "health.engine",
    ),
    ("host = \"notes\"", "host = \"grafana\"", "routes.host"),
    ("host = \"notes\"", "host = \"a.b\"", "routes.host"),
    ("none = \"has no metrics endpoint\"", "", "metrics"),
    ("memory = \"128m\"", "memory = \"much\"", "limits.memory"),
    ("pids = 64", "pids = 0", "limits.pids"),
    (
        "format = \"notes-1\"",
        "none = \"keeps no data\"",
        "data.format",
    ),
    ("[vector]\nnone = \"keeps no vectors\"", "", "vector"),
    (
        "[vector]\nnone = \"keeps no vectors\"",
        "[[exceptions]]\nallow = \"capability:SYS_ADMIN\"\nreason = \"because it is easier this way\"\n[vector]\nnone = \"keeps no vectors\"",
        "SYS_ADMIN",
    ),
    (
        "[vector]\nnone = \"keeps no vectors\"",
        "[[exceptions]]\nallow = \"capability:CHOWN\"\nreason = \"because\"\n[vector]\nnone = \"keeps no vectors\"",
        "exceptions.reason",
    ),
    (
        "[vector]\nnone = \"keeps no vectors\"",
        "[[exceptions]]\nallow = \"everything\"\nreason = \"because it is easier this way\"\n[vector]\nnone = \"keeps no vectors\"",
        "writable-root",
    ),
];

#[test]
fn each_broken_file_is_refused_with_the_key_and_what_was_expected() {
    for (from, to, said) in BROKEN {
        assert!(OWN.contains(from), "`{from}` is not in the file");
        let Err(problems) = add(&OWN.replacen(from, to, 1)) else {
            panic!("`{to}` was accepted")
        };
        let words: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let found = words
            .iter()
            .any(|w| w.contains(said) && w.contains("expected"));
        assert!(found, "`{to}`: expected words on `{said}`, found {words:?}");
        let placed = words
            .iter()
            .all(|w| w.contains("my/notes.toml") || w.contains("service `notes`"));
        assert!(placed, "`{to}`: {words:?}");
    }
}

#[test]
fn a_refused_file_changes_nothing() {
    let mut catalogue = catalogue();
    let before: Vec<_> = catalogue.services().map(|s| s.name.clone()).collect();
    let broken = OWN.replacen("pids = 64", "pids = 0", 1);
    catalogue.add("notes.toml", &broken, []).unwrap_err();
    let after: Vec<_> = catalogue.services().map(|s| s.name.clone()).collect();
    assert_eq!(before, after);
}

#[test]
fn several_things_wrong_are_told_at_once() {
    let broken =
        OWN.replacen("pids = 64", "pids = 0", 1)
            .replacen("size = \"16m\"", "size = \"x\"", 1);
    assert_eq!(add(&broken).unwrap_err().len(), 2);
}
