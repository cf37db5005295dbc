//! A backup while everything is written to, and the stack from it: beside the old one with another user, network and
//! domain, in its own place, and in a scratch stack that only proves that it can be done.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::inventory;
use crate::support::stack::Stack;

const ROWS: u64 = 500;

impl Stack<'_> {
    /// The vector store, asked from the host.
    fn vectors(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("http://{}:6333{path}", self.address("qdrant"));
        let key = format!("api-key: {}", self.secret("qdrant_api_key"));
        let body = body.to_string();
        let arguments = [
            "-X",
            method,
            "-H",
            &key,
            "-H",
            "content-type: application/json",
            "--data",
            &body,
        ];
        let (status, text) = crate::support::curl::curl(&arguments, &url);
        assert_eq!(status, 200, "{url}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    fn points(&self) -> u64 {
        let path = "/collections/notes/points/count";
        let answer = self.vectors("POST", path, &json!({"exact": true}));
        answer["result"]["count"].as_u64().unwrap()
    }

    fn file(&self) -> PathBuf {
        self.base.join("data/n8n/home/note.txt")
    }

    /// Rows, keys, points and files as an application would have left them.
    fn fill(&self) -> String {
        let found = self.psql(
            "postgres",
            "SELECT datname FROM pg_database WHERE datname LIKE '%n8n%'",
        );
        let database = found
            .lines()
            .next()
            .expect("n8n has a database")
            .trim()
            .to_owned();
        let made = self.psql(
            &database,
            &format!("CREATE TABLE note (id int primary key, words text); INSERT INTO note SELECT i, md5(i::text) FROM generate_series(1, {ROWS}) i;"),
        );
        assert_eq!(made, "");
        for key in ["one", "two", "three"] {
            assert!(self.redis(&format!("set {key} {key}")).contains("OK"));
        }
        self.vectors(
            "PUT",
            "/collections/notes",
            &json!({"vectors": {"size": 2, "distance": "Cosine"}}),
        );
        let points =
            json!({"points": [{"id": 1, "vector": [1.0, 0.0]}, {"id": 2, "vector": [0.0, 1.0]}]});
        self.vectors("PUT", "/collections/notes/points?wait=true", &points);
        std::fs::write(self.file(), "a note").unwrap();
        let uid: u32 = self.manifest("STACK_USER_UID").unwrap().parse().unwrap();
        std::os::unix::fs::chown(self.file(), Some(uid), Some(uid)).unwrap();
        database
    }

    fn has_everything(&self, database: &str) {
        use std::os::unix::fs::MetadataExt;
        let rows = self.psql(
            database,
            "SELECT count(*), md5(string_agg(words, '' ORDER BY id)) FROM note",
        );
        assert!(rows.contains(&format!("{ROWS}|")), "{rows}");
        assert!(
            self.redis("dbsize").contains('3'),
            "{}",
            self.redis("dbsize")
        );
        assert!(self.redis("get two").contains("two"));
        assert_eq!(self.points(), 2);
        assert_eq!(std::fs::read_to_string(self.file()).unwrap(), "a note");
        let uid: u32 = self.manifest("STACK_USER_UID").unwrap().parse().unwrap();
        assert_eq!(std::fs::metadata(self.file()).unwrap().uid(), uid);
    }

    fn backed_up(&self, to: &std::path::Path) -> Value {
        let to = to.display().to_string();
        self.run(&["backup", "--to", &to, "--unencrypted", "--json"])
            .ok()
            .json()
    }
}

#[test]
fn what_was_backed_up_is_found_again_in_a_second_stack_in_place_and_in_a_scratch_stack() {
    let Some(bed) = Bed::new() else { return };
    let small = |name: &str| bed.small(name).with("SERVICES", "n8n,redis,qdrant");
    let a = small("a");
    a.deploy().ok();
    let database = a.fill();
    let keep = bed.home.join("archives");
    let made = a.backed_up(&keep);
    let archive = made["archive"].as_str().unwrap().to_owned();
    let of = |service: &str| {
        let all = made["contents"]["services"].as_array().unwrap();
        all.iter()
            .find(|s| s["service"] == service)
            .unwrap()
            .clone()
    };
    assert_eq!(of("n8n")["method"], "freeze");
    assert!(of("n8n")["paused_ms"].as_u64().unwrap() > 0, "{made}");
    assert_eq!(of("postgres")["paused_ms"], 0);
    let secret = a.secret("postgres_password");
    assert!(
        !made.to_string().contains(&secret),
        "no secret in what is told"
    );
    let before = inventory::of(&bed.engine, &[&a.name]);

    // beside it: another name, user, network and domain
    let b = bed.one_line("b").without("SERVICES");
    let arguments = ["restore", &archive, "--unencrypted"];
    b.run(&arguments).ok();
    b.has_everything(&database);
    assert_ne!(a.id(), b.id());
    for key in [
        "STACK_USER_UID",
        "STACK_SUBNET",
        "DOMAIN_NAME",
        "CONTAINER_PREFIX",
    ] {
        assert_ne!(a.manifest(key), b.manifest(key), "{key}");
    }
    assert_eq!(
        b.secret("n8n_encryption_key"),
        a.secret("n8n_encryption_key")
    );
    assert!(!b.base.join(".aiplat-restore").exists());
    let again = b.run(&["deploy", "--json"]).ok().json();
    assert_eq!(again["changes"], 0, "{again}");
    b.run(&arguments).fails(4, &["expected an empty directory"]);
    b.run(&["teardown", "--purge", "--confirm", &b.name]).ok();

    // the proof of it, by a stack that is gone afterwards
    let proof = a
        .run(&["backup", "--verify", &archive, "--unencrypted", "--json"])
        .ok()
        .json();
    assert_eq!(proof["points"], 2, "{proof}");
    assert_eq!(proof["keys"], 3, "{proof}");
    assert!(proof["rows"].as_u64().unwrap() >= ROWS, "{proof}");
    assert!(!a.base.join("backups/.verify").exists());
    inventory::same(
        &before,
        &inventory::of(&bed.engine, &[&a.name]),
        "nothing of all this touched the first stack",
    );

    // back in its own place, after somebody lost everything
    a.psql(&database, "DROP TABLE note");
    a.redis("flushall");
    a.vectors("DELETE", "/collections/notes", &Value::Null);
    std::fs::write(a.file(), "spoilt").unwrap();
    let id = a.id();
    let arguments = ["restore", &archive, "--unencrypted", "--in-place"];
    let agreed = [&arguments[..], &["--yes"]].concat();
    a.run(&agreed).fails(8, &["--confirm"]);
    a.run(&[&arguments[..], &["--confirm", &a.name]].concat())
        .ok();
    a.has_everything(&database);
    assert_eq!(a.id(), id);
}

#[test]
fn a_killed_backup_and_a_killed_restore_are_finished_by_the_same_command() {
    let Some(bed) = Bed::new() else { return };
    let a = bed.small("a").with("SERVICES", "n8n,redis");
    a.deploy().ok();
    assert_eq!(a.redis("set kept yes"), "OK");
    let keep = bed.home.join("archives");
    let to = keep.display().to_string();
    let arguments = ["backup", "--to", &to, "--unencrypted"];
    for after in [2, 5, 7] {
        let killed = a
            .clone()
            .with("AIPLAT_TEST_KILL_AFTER", after.to_string())
            .run(&arguments);
        assert_eq!(killed.signal, Some(9), "{}", killed.said());
    }
    // as a run that died at the worst moment leaves it
    let n8n = a.container("n8n");
    bed.engine
        .call("POST", &format!("/containers/{n8n}/pause"), &Value::Null);
    a.run(&arguments).ok();
    assert!(!a.base.join("backups/.staging").exists());
    let state = bed.engine.get(&format!("/containers/{n8n}/json"))["State"]["Paused"].clone();
    assert_eq!(state, false);
    let archive = std::fs::read_dir(&keep)
        .unwrap()
        .flatten()
        .map(|e| e.path())
        .find(|p| p.extension().is_some_and(|e| e == "aiplat"))
        .unwrap();
    let archive = archive.display().to_string();
    let b = bed.one_line("b").without("SERVICES");
    let arguments = ["restore", &archive, "--unencrypted"];
    // at each of its records, and each run goes on from where the one before died
    for after in 1..=10 {
        let killed = b
            .clone()
            .with("AIPLAT_TEST_KILL_AFTER", after.to_string())
            .run(&arguments);
        assert_eq!(killed.signal, Some(9), "{}", killed.said());
        b.deploy().fails(4, &["is not finished"]);
    }
    b.run(&arguments).ok();
    assert_eq!(b.redis("get kept"), "yes", "its data");
    let again = b.run(&["deploy", "--json"]).ok().json();
    assert_eq!(again["changes"], 0, "{again}");
    let scratch = ["backup", "--verify", &archive, "--unencrypted"];
    let killed = a.clone().with("AIPLAT_TEST_KILL_AFTER", "6").run(&scratch);
    assert_eq!(killed.signal, Some(9), "{}", killed.said());
    a.run(&scratch).ok();
    assert!(!a.base.join("backups/.verify").exists());
}

#[test]
fn a_restore_in_place_that_fails_puts_the_stack_back() {
    let Some(bed) = Bed::new() else { return };
    let a = bed.small("a").with("SERVICES", "n8n");
    let (image, gone) = (
        "localhost/aiplat/n8n:2.40.7",
        format!("localhost/aiplat/{}-image-gone", bed.tag),
    );
    let path = format!("/images/{image}/tag?repo={gone}&tag=1");
    assert_eq!(bed.engine.call("POST", &path, &Value::Null).0, 201);
    let old = a.clone().with("IMAGE_N8N", format!("{gone}:1"));
    old.deploy().ok();
    let made = old.backed_up(&bed.home.join("archives"));
    let archive = made["archive"].as_str().unwrap().to_owned();
    let a = a.with("IMAGE_N8N", image);
    a.run(&["deploy", "--yes"]).ok();
    // the image that the archive asks for is nowhere any more
    let path = format!("/images/{gone}:1");
    bed.engine.call("DELETE", &path, &Value::Null);
    a.psql(
        "postgres",
        "CREATE TABLE since (id int); INSERT INTO since VALUES (1), (2)",
    );
    a.run(&[
        "restore",
        &archive,
        "--unencrypted",
        "--in-place",
        "--confirm",
        &a.name,
    ])
    .fails(1, &["the stack is as it was before"]);
    assert_eq!(a.psql("postgres", "SELECT count(*) FROM since"), "2");
    let again = a.run(&["deploy", "--json"]).ok().json();
    assert_eq!(again["changes"], 0, "{again}");
    let left: Vec<_> = std::fs::read_dir(&a.base)
        .unwrap()
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with(".aiplat"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}
