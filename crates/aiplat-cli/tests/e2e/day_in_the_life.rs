//! A day in the life of a stack, from its set-up to its end, beside another one that must not notice any of it.
//!
//! It runs on an engine of its own, because that is stopped and started on the way.

use std::path::{Path, PathBuf};

use crate::support::bed::Bed;
use crate::support::engine::FOREIGN_IMAGE;
use crate::support::images::Image;
use crate::support::own_engine::OwnEngine;
use crate::support::stack::Stack;
use crate::support::{inventory, until};

const IMAGES: [&str; 5] = [
    "localhost/aiplat/valkey:8.1.8",
    "localhost/aiplat/pgvector:0.8.6-pg17-bookworm",
    "localhost/aiplat/caddy:2.11.4-alpine",
    "localhost/aiplat/prometheus:v3.14.0",
    FOREIGN_IMAGE,
];

/// What its users keep in a stack: rows, vectors and their answer to a search, what is cached, and a workflow with its runs.
fn kept(stack: &Stack<'_>) -> String {
    let rows =
        "select count(*), md5(string_agg(name || amount::text, ',' order by id)) from orders";
    let vectors =
        "select count(*), md5(string_agg(id || embedding::text, ',' order by id)) from documents";
    let nearest = "select id from documents order by embedding <-> '[0.9,0.1,0]' limit 3";
    let workflow = "select w.name, w.nodes, count(r.id) from workflows w join runs r on r.workflow = w.name group by 1, 2";
    let all = [rows, vectors, nearest, workflow].map(|sql| stack.psql("postgres", sql));
    format!("{}\n{}", all.join("\n"), stack.redis("get session"))
}

/// A day's work.
fn use_it(stack: &Stack<'_>) {
    let name = &stack.name;
    let sql = format!(
        "create extension if not exists vector;
         create table orders (id serial primary key, name text, amount int);
         insert into orders (name, amount) select '{name}-' || i, i * 7 from generate_series(1, 500) i;
         create table documents (id text primary key, embedding vector(3));
         insert into documents select '{name}-' || i, array[i / 100.0, 1 - i / 100.0, 0]::vector from generate_series(1, 100) i;
         create table workflows (name text primary key, nodes jsonb);
         insert into workflows values ('{name}-invoice', '[\"read\", \"ask\", \"file\"]');
         create table runs (id serial primary key, workflow text references workflows);
         insert into runs (workflow) select '{name}-invoice' from generate_series(1, 12);"
    );
    let said = stack.psql("postgres", &sql);
    assert_eq!(said, "", "expected no error");
    assert_eq!(stack.redis(&format!("set session of-{name}")), "OK");
    assert_eq!(stack.redis("save"), "OK");
    let kept = kept(stack);
    assert!(
        kept.contains("500|") && kept.contains("100|") && kept.contains("|12"),
        "{kept}"
    );
}

/// The neighbour: all that is its own on the engine and on the host, and what its users keep.
struct Neighbour<'b> {
    stack: Stack<'b>,
    kept: String,
    files: String,
    objects: String,
}

impl<'b> Neighbour<'b> {
    fn of(stack: Stack<'b>) -> Self {
        stack.deploy().ok();
        use_it(&stack);
        let (kept, files, objects) = (kept(&stack), Self::files(&stack), Self::objects(&stack));
        Self {
            stack,
            kept,
            files,
            objects,
        }
    }

    fn objects(stack: &Stack<'_>) -> String {
        let bridge = format!("aip-{}", &stack.id()[..8]);
        inventory::of(&stack.bed.engine, &[&stack.name, &bridge])
    }

    fn files(stack: &Stack<'_>) -> String {
        inventory::tree(&stack.base.join("config"))
    }

    #[track_caller]
    fn untouched(&self, when: &str) {
        inventory::same(&self.objects, &Self::objects(&self.stack), when);
        inventory::same(&self.files, &Self::files(&self.stack), when);
        inventory::same(&self.kept, &kept(&self.stack), when);
    }

    /// After the machine came back its containers are the same and run again, which is all that may be different.
    fn rebooted(&mut self) {
        let ids = |text: &str| -> Vec<String> {
            text.lines()
                .filter(|l| l.contains(" Id = "))
                .map(str::to_owned)
                .collect()
        };
        let now = Self::objects(&self.stack);
        assert_eq!(ids(&self.objects), ids(&now));
        self.objects = now;
        // its own deploy wrote down that it was run, and nothing else
        let diaries =
            |line: &&str| !line.starts_with("audit.jsonl ") && !line.starts_with("journal.jsonl ");
        let plain = |text: &str| text.lines().filter(diaries).collect::<Vec<_>>().join("\n");
        let files = Self::files(&self.stack);
        inventory::same(&plain(&self.files), &plain(&files), "after the reboot");
        self.files = files;
        self.untouched("after the reboot");
    }
}

fn authority(stack: &Stack<'_>) -> PathBuf {
    stack
        .base
        .join("caddy/data/caddy/pki/authorities/local/root.crt")
}

#[test]
fn from_setup_to_teardown_beside_another_stack() {
    let Some(bed) = Bed::new() else { return };
    let own = OwnEngine::start(&bed.home.join("engine"), &bed.engine.socket, &IMAGES);
    let bed = bed.on(&own);
    let services = "postgres,redis,caddy";
    let small = |name: &str| {
        bed.small(name)
            .with("SERVICES", services)
            .with("VECTOR_DB", "pgvector")
    };
    let mut b = Neighbour::of(small("b"));

    // set up, and only then made
    let a = small("a");
    a.run(&["setup", "--yes"]).ok();
    b.untouched("after setup");
    a.run(&["deploy"]).ok();
    let a = a.without("SERVICES").without("VECTOR_DB");
    use_it(&a);
    let at_noon = kept(&a);
    let certificate = std::fs::read(authority(&a)).unwrap();

    a.run(&["add", "prometheus"]).ok();
    a.run(&["health"]).ok();
    b.untouched("after its neighbour's first day");

    let archive = backed_up(&bed, &a);
    b.untouched("after its neighbour's backup");

    rotated(&a);
    assert_eq!(kept(&a), at_noon);
    // and what is kept can still be copied
    let later = backed_up(&bed, &a);
    assert_ne!(later, archive);
    b.untouched("after its neighbour changed every secret");

    broken_upgrade(&bed, &a);
    assert_eq!(kept(&a), at_noon);
    b.untouched("after a broken upgrade of its neighbour");

    reboot(&own, &[&a, &b.stack]);
    assert_eq!(kept(&a), at_noon);
    b.rebooted();
    assert_eq!(
        std::fs::read(authority(&a)).unwrap(),
        certificate,
        "the front door is who it was"
    );

    let c = restored(&bed, &archive);
    assert_eq!(
        kept(&c),
        at_noon,
        "the restored stack has what was backed up"
    );
    let own = |key: &str| (c.manifest(key), a.manifest(key));
    for key in ["STACK_USER_UID", "STACK_SUBNET", "DOMAIN_NAME", "BASE_DIR"] {
        let (restored, original) = own(key);
        assert!(
            restored.is_some() && restored != original,
            "{key}: {restored:?}"
        );
    }
    // what is done in one from now on is not in the other
    c.redis("set session of-the-restored");
    assert_eq!(kept(&a), at_noon);
    b.untouched("after a restore beside it");
    c.run(&["teardown", "--purge", "--confirm", &c.name]).ok();
    assert_eq!(kept(&a), at_noon);

    a.run(&["remove", "prometheus", "--yes"]).ok();
    assert_eq!(kept(&a), at_noon);
    a.run(&["teardown", "--purge", "--confirm", &a.name]).ok();
    b.untouched("at the end of its neighbour");
    b.stack.run(&["health"]).ok();
    assert_eq!(b.stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);
}

/// A sealed archive of the stack, in a directory of the test's.
fn backed_up(bed: &Bed, a: &Stack<'_>) -> PathBuf {
    let words = bed.home.join("words");
    std::fs::write(&words, "a passphrase that nobody guesses\n").unwrap();
    let to = bed.home.join("archives");
    std::fs::create_dir_all(&to).unwrap();
    let (to, words) = (to.display().to_string(), words.display().to_string());
    let run = a
        .run(&["backup", "--to", &to, "--passphrase-file", &words, "--json"])
        .ok();
    let archive = run.json()["archive"].as_str().map(PathBuf::from);
    let archive = archive.unwrap_or_else(|| panic!("{}", run.said()));
    let bytes = std::fs::read(&archive).unwrap();
    let told = |needle: &str| {
        bytes
            .windows(needle.len())
            .any(|window| window == needle.as_bytes())
    };
    assert!(
        !told(&a.secret("postgres_password")) && !told("-invoice"),
        "it is sealed"
    );
    archive
}

/// Every secret that may change has another value, and what knew the old ones lets nobody in with them.
fn rotated(a: &Stack<'_>) {
    let names = ["postgres_password", "redis_password"];
    let old = names.map(|name| a.secret(name));
    let run = a.run(&["rotate", "--yes"]).ok();
    for (name, old) in names.iter().zip(&old) {
        assert_ne!(a.secret(name), *old, "{name}");
        assert!(
            !run.said().contains(old.as_str()) && !run.said().contains(&a.secret(name)),
            "{name} is told"
        );
    }
    let with_old = format!(
        "PGPASSWORD='{}' psql -h $(hostname -i) -U postgres -AtqXc 'select 1'",
        old[0]
    );
    let answer = a.shell("postgres", &with_old);
    assert!(
        answer.contains("password authentication failed"),
        "{answer}"
    );
    let answer = a.shell(
        "redis",
        &format!("REDISCLI_AUTH='{}' valkey-cli --raw ping", old[1]),
    );
    assert!(!answer.contains("PONG"), "{answer}");
    a.run(&["health"]).ok();
}

/// A second stack from the archive: another user, subnet, name and domain.
fn restored<'b>(bed: &'b Bed, archive: &Path) -> Stack<'b> {
    let c = bed.small("c").without("SERVICES");
    let archive = archive.display().to_string();
    let words = bed.home.join("words").display().to_string();
    c.run(&[
        "restore",
        &archive,
        "--passphrase-file",
        &words,
        "--subnet",
        "10.222.33.0/26",
    ])
    .ok();
    c.run(&["health"]).ok();
    c
}

/// An image that never answers: the old one is back with its data, and the exit code says so.
fn broken_upgrade(bed: &Bed, a: &Stack<'_>) {
    let broken = Image::of_script(bed, "valkey-server", "echo broken; exit 3");
    let before = a
        .bed
        .engine
        .get(&format!("/containers/{}/json", a.container("redis")));
    let run = a.run(&["upgrade", "redis", "--to", &broken.reference, "--yes"]);
    assert_eq!(run.code, 6, "{}", run.said());
    let after = a
        .bed
        .engine
        .get(&format!("/containers/{}/json", a.container("redis")));
    assert_eq!(after["Id"], before["Id"], "the old one runs again");
    assert_eq!(a.manifest("IMAGE_REDIS"), None, "and so is its manifest");
    assert_eq!(a.run(&["deploy", "--json"]).ok().json()["changes"], 0);
}

/// The machine goes down and comes back: packet filter rules are gone, and nobody runs the command.
fn reboot(own: &OwnEngine, stacks: &[&Stack<'_>]) {
    own.down();
    for table in ["filter", "nat", "raw", "mangle"] {
        let done = own
            .inside("iptables")
            .args(["-w", "-t", table, "-F"])
            .status();
        assert!(done.unwrap().success());
    }
    own.up();
    for stack in stacks {
        until("every service answers again", || {
            stack.run(&["health"]).code == 0
        });
    }
    for stack in stacks {
        // the rules that close the host's own listeners are the engine's host's, and come with the next deploy
        stack.run(&["deploy"]).ok();
        assert_eq!(stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    }
}
