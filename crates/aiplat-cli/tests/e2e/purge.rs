//! What a service leaves in the stores that it shared: all of it after a removal, nothing after a purge, and of others'
//! never anything.

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::engine::FOREIGN_IMAGE;
use crate::support::images::Image;
use crate::support::stack::Stack;

/// A service of the user's own with a database and, in the same server, a place for its vectors.
fn file(bed: &Bed, name: &str) -> String {
    let file = bed.home.join(format!("{name}.toml"));
    let key = name.to_uppercase();
    let text = format!(
        r#"
name = "{name}"
title = "{name}"
summary = "keeps rows and vectors"
tier = "app"
needs = ["postgres"]
image = {{ reference = "example/standin:1", source = "the test" }}
licence = {{ spdx = "MIT" }}
ports = [{{ name = "http", container = 8080 }}]
databases = [{{ name = "{name}", secret = "{name}_db_password" }}]
secrets = [{{ name = "{name}_db_password", key = "{key}_DB_PASSWORD", format = "alnum32" }}]
health = {{ kind = "http", port = "http", path = "/healthz", start_seconds = 20, engine_none = "has no tool for it" }}
metrics = {{ none = "has none" }}
limits = {{ pids = 32, memory = "64m" }}
data = {{ none = "keeps none of its own" }}
[vector]
pgvector = {{ env = {{ PGVECTOR_DB_URL = "{{{{ vector.dsn }}}}" }}, provision = true }}
qdrant = {{ none = "is not tried" }}
weaviate = {{ none = "is not tried" }}
chroma = {{ none = "is not tried" }}
"#
    );
    std::fs::write(&file, text).unwrap();
    file.display().to_string()
}

fn made<'b>(bed: &'b Bed, name: &str) -> Stack<'b> {
    let stack = bed
        .small(name)
        .with("SERVICES", "postgres")
        .with("VECTOR_DB", "pgvector");
    stack.deploy().ok();
    stack.without("SERVICES").without("VECTOR_DB")
}

/// Databases and roles of a service, by the names that the server has.
fn of(stack: &Stack<'_>, service: &str) -> Vec<String> {
    let sql = format!(
        "SELECT 'database ' || datname FROM pg_database WHERE datname ~ '{service}' \
         UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname ~ '{service}' ORDER BY 1"
    );
    let rows = stack.psql("postgres", &sql);
    rows.lines().map(str::to_owned).collect()
}

fn databases(stack: &Stack<'_>, service: &str) -> Vec<String> {
    let all = of(stack, service).into_iter();
    all.filter_map(|line| Some(line.strip_prefix("database ")?.to_owned()))
        .collect()
}

/// Rows of the service's own, as its role writes them.
fn fill(stack: &Stack<'_>, service: &str) {
    for database in databases(stack, service) {
        let sql = format!(
            "SET ROLE \"{database}\"; CREATE TABLE kept (what text); INSERT INTO kept VALUES ('{service} of {}')",
            stack.name
        );
        stack.psql(&database, &sql);
    }
}

/// Everything that a service has in the server, as its own program gives it out.
fn dumped(stack: &Stack<'_>, service: &str) -> String {
    let password = stack.secret("postgres_password");
    let dump = |database: &String| {
        // two lines of it are drawn anew each time
        let script = format!(
            "PGPASSWORD='{password}' pg_dump -h 127.0.0.1 -U postgres --create -d '{database}' | grep -v restrict"
        );
        stack.shell("postgres", &script)
    };
    let all: Vec<String> = databases(stack, service).iter().map(dump).collect();
    let whole = all.join("\n");
    assert!(
        whole.contains(&format!("{service} of {}", stack.name)),
        "{whole}"
    );
    whole
}

fn running(stack: &Stack<'_>, service: &str) -> bool {
    let path = format!("/containers/{}/json", stack.container(service));
    let (status, body) = stack.bed.engine.call("GET", &path, &Value::Null);
    let container: Value = serde_json::from_slice(&body).unwrap_or_default();
    status == 200 && container["State"]["Running"] == true
}

/// The trail names all that went, though no run that was killed could say so at its end, and no secret.
fn told_for_good(stack: &Stack<'_>, databases: &[String]) {
    let trail = stack.run(&["audit", "show", "--json"]).ok().json();
    let mut all = trail["entries"].as_array().unwrap().iter();
    let first = all.find(|entry| entry["risks"].is_array());
    let first = first.expect("a purge with its losses")["risks"].to_string();
    let went = databases.iter().map(|name| format!("database `{name}`"));
    let folders = ["config/ledger", "backups/upgrade-ledger-0123456789ab"];
    let folders = folders.map(|folder| format!("{folder}` is lost"));
    for lost in went.chain(folders) {
        assert!(first.contains(&lost), "{lost}: {first}");
    }
    let shown = stack.run(&["audit", "show"]).ok();
    assert!(shown.out.contains(&databases[0]), "{}", shown.out);
    let log = std::fs::read_to_string(stack.base.join("config/audit.jsonl")).unwrap();
    let password = stack.secret("postgres_password");
    assert!(!log.contains(&password), "a secret in the trail");
}

#[test]
fn a_purge_takes_databases_and_roles_along_and_leaves_everybody_elses() {
    let Some(bed) = Bed::new() else { return };
    let (ledger, diary) = (file(&bed, "ledger"), file(&bed, "diary"));
    let (a, b) = (made(&bed, "a"), made(&bed, "b"));
    a.run(&["add", &diary]).ok();
    b.run(&["add", &ledger]).ok();
    a.run(&["add", &ledger]).ok();
    for (stack, service) in [(&a, "ledger"), (&a, "diary"), (&b, "ledger")] {
        assert_eq!(of(stack, service).len(), 4, "{:?}", of(stack, service));
        fill(stack, service);
    }
    let (mine, beside, elsewhere) = (
        dumped(&a, "ledger"),
        dumped(&a, "diary"),
        dumped(&b, "ledger"),
    );
    // what is removed stays, and is found again
    a.run(&["remove", "ledger", "--yes"]).ok();
    assert!(dumped(&a, "ledger") == mine, "a removal touched its data");
    a.run(&["add", "ledger"]).ok();
    assert!(dumped(&a, "ledger") == mine, "its data was not found again");
    // nobody agreed: each database is named, and none is gone
    let names = databases(&a, "ledger");
    let purge = ["remove", "ledger", "--purge", "--yes"];
    let told = a.run(&purge[..3]);
    told.fails(8, &[&names[0], &names[1], "lost", "role"]);
    // somebody else's in it, and a server that does not run: refused with the reason before anything is touched
    let owner = |name: &str| format!("ALTER DATABASE \"{}\" OWNER TO \"{name}\"", names[0]);
    a.psql(&names[0], "CREATE ROLE stranger");
    for (theirs, ours, why) in [
        (
            "CREATE SCHEMA theirs AUTHORIZATION stranger".to_owned(),
            "DROP SCHEMA theirs".to_owned(),
            "has objects of stranger",
        ),
        (owner("stranger"), owner(&names[0]), "belongs to `stranger`"),
    ] {
        a.psql(&names[0], &theirs);
        a.run(&purge)
            .fails(4, &[why, &names[0], "nothing was touched"]);
        assert!(running(&a, "ledger"));
        a.psql(&names[0], &ours);
    }
    a.psql(&names[0], "DROP ROLE stranger");
    let stop = format!("/containers/{}/stop", a.container("postgres"));
    bed.engine.call("POST", &stop, &Value::Null);
    a.run(&purge).fails(6, &["postgres", "aiplat deploy"]);
    assert!(running(&a, "ledger"));
    a.run(&["deploy"]).ok();
    assert!(
        dumped(&a, "ledger") == mine,
        "a refused purge touched its data"
    );
    let copies = a.base.join("backups");
    for service in ["ledger", "diary"] {
        let copy = copies.join(format!("upgrade-{service}-0123456789ab/0"));
        std::fs::create_dir_all(copy).unwrap();
    }
    // killed anywhere, the same command finishes
    let mut deaths = 0;
    for after in [2, 4, 6] {
        let dying = a.clone().with("AIPLAT_TEST_KILL_AFTER", after.to_string());
        let run = dying.run(&purge);
        assert_eq!(run.signal, Some(9), "after {after}: {}", run.said());
        deaths += usize::from(!running(&a, "ledger"));
    }
    assert!(
        deaths > 0,
        "it was never killed after its container was gone"
    );
    a.run(&purge).ok();
    assert_eq!(of(&a, "ledger"), Vec::<String>::new());
    assert!(dumped(&a, "diary") == beside, "the neighbour was touched");
    assert!(
        dumped(&b, "ledger") == elsewhere,
        "another stack was touched"
    );
    assert!(!copies.join("upgrade-ledger-0123456789ab").exists());
    assert!(copies.join("upgrade-diary-0123456789ab/0").is_dir());
    told_for_good(&a, &names);
    // its file was the last to go
    a.run(&purge).fails(3, &["ledger"]);
    assert_eq!(a.run(&["deploy", "--json"]).ok().json()["changes"], 0);
}

#[test]
fn an_addition_that_is_undone_takes_what_it_made_in_stores_and_leaves_what_was_kept() {
    let Some(bed) = Bed::new() else { return };
    let ledger = file(&bed, "ledger");
    let stack = made(&bed, "u");
    let ends = json!({"Entrypoint": ["/bin/false"], "Cmd": []});
    let image = Image::configured(&bed, FOREIGN_IMAGE, "ledger", &ends);
    let broken = stack.clone().with("IMAGE_LEDGER", &image.reference);
    broken
        .run(&["add", &ledger])
        .fails(6, &["taken away again"]);
    assert_eq!(of(&stack, "ledger"), Vec::<String>::new());
    // what an earlier one kept is not this one's to take
    stack.run(&["add", &ledger]).ok();
    fill(&stack, "ledger");
    stack.run(&["remove", "ledger", "--yes"]).ok();
    let kept = dumped(&stack, "ledger");
    broken
        .run(&["add", "ledger"])
        .fails(6, &["taken away again"]);
    assert!(
        dumped(&stack, "ledger") == kept,
        "what was kept is not there"
    );
    drop(image);
}
