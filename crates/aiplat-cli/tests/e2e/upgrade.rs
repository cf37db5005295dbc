//! Another image on a service's data: copied first, and put back when the new one fails.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::bed::Bed;
use crate::support::images::Image;
use crate::support::stack::Stack;
use crate::support::until;

/// Spoils what it finds, as a newer program that brings data to its own format, and never answers.
const SPOILING: &str = r#"echo spoilt > /data/spoilt
while [ -e /data/wait ]; do sleep 0.1; done
for file in /data/*; do echo spoilt > "$file"; done
exit 3"#;

/// Id and image of a service's container.
pub(crate) fn container(stack: &Stack<'_>, service: &str) -> (String, String) {
    let path = format!("/containers/{}/json", stack.container(service));
    let found = stack.bed.engine.get(&path);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&found["Id"]), text(&found["Config"]["Image"]))
}

fn cli(stack: &Stack<'_>, words: &str) -> String {
    let command = format!("REDISCLI_AUTH=$(cat /run/secrets/redis_password) valkey-cli {words}");
    let answer = stack
        .bed
        .engine
        .exec(&stack.container("redis"), &["sh", "-c", &command]);
    answer.trim().trim_matches('"').to_owned()
}

/// What upgrades keep.
pub(crate) fn copies(stack: &Stack<'_>) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(stack.base.join("backups"));
    let mut found: Vec<_> = folder
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
}

/// A stack with a row in it that is on disk.
fn with_a_row<'b>(bed: &'b Bed, name: &str) -> Stack<'b> {
    let stack = bed.small(name);
    stack.deploy().ok();
    assert_eq!(cli(&stack, "set row kept"), "OK");
    assert_eq!(cli(&stack, "save"), "OK");
    stack
}

#[test]
fn to_another_image_and_back_to_the_pin_with_a_copy_each_time() {
    let Some(bed) = Bed::new() else { return };
    let heavier = Image::heavier(&bed, "localhost/aiplat/valkey:8.1.8", "newer");
    let stack = with_a_row(&bed, "u");
    let (old, pin) = container(&stack, "redis");
    let caddy = container(&stack, "caddy").0;

    // without consent nothing happens, and the plan is shown
    let asked = stack.run(&["upgrade", "redis", "--to", &heavier.reference]);
    assert_ne!(asked.code, 0);
    assert!(asked.err.contains(&heavier.reference), "{}", asked.said());
    assert_eq!(container(&stack, "redis").0, old);

    let to = ["upgrade", "redis", "--to", heavier.reference.as_str(), "-y"];
    let run = stack.run(&to).ok();
    assert_eq!(container(&stack, "redis").1, heavier.reference);
    assert_eq!(
        stack.manifest("IMAGE_REDIS").as_ref(),
        Some(&heavier.reference)
    );
    assert_eq!(cli(&stack, "get row"), "kept");
    let first = copies(&stack);
    let [copy] = first.as_slice() else {
        panic!("expected one copy, found {first:?}")
    };
    assert!(run.err.contains(&copy.display().to_string()), "{}", run.err);
    assert!(copy.ends_with(format!("upgrade-redis-{}", &old[..12])));
    assert!(copy.join("0/dump.rdb").is_file(), "the row as it was");

    let again = stack.run(&to).ok();
    assert!(again.out.contains("Nothing to upgrade"), "{}", again.said());
    // everything that runs
    stack.run(&["upgrade", "-y"]).ok();
    assert_eq!(container(&stack, "redis").1, pin, "the catalogue's pin");
    assert_eq!(stack.manifest("IMAGE_REDIS"), None);
    assert_eq!(cli(&stack, "get row"), "kept");
    let second = copies(&stack);
    assert!(second.len() == 1 && second != first, "the last one alone");
    assert_eq!(
        container(&stack, "caddy").0,
        caddy,
        "nothing else was touched"
    );
}

#[test]
fn a_broken_image_gives_container_data_and_manifest_back_before_anybody_else_has_its_turn() {
    let Some(bed) = Bed::new() else { return };
    let broken = Image::of_script(&bed, "valkey-server", SPOILING);
    let stack = with_a_row(&bed, "b");
    let before = container(&stack, "redis");
    let data = stack.base.join("data/redis/data");
    let (wait, spoilt) = (data.join("wait"), data.join("spoilt"));
    std::fs::write(&wait, "").unwrap();
    let to = [
        "upgrade",
        "redis",
        "--to",
        &broken.reference,
        "-y",
        "--json",
    ];
    let upgrade = stack.start(&to);
    until("the broken image has begun", || spoilt.exists());
    let pid = upgrade.pid().to_string();
    let other = stack.run(&["restart", "caddy"]);
    other.fails(7, &["lock", &pid, "upgrade"]);
    let next = Next::queued(&stack);
    std::fs::remove_file(&wait).unwrap();
    let run = upgrade.end();
    assert_eq!(run.code, 6, "{}", run.said());
    let told = run.json().to_string();
    assert!(told.contains("the old image runs again"), "{told}");
    assert!(
        !next.manifest().contains("IMAGE_REDIS"),
        "whoever has the lock next finds nothing of it"
    );
    assert_eq!(container(&stack, "redis"), before);
    assert_eq!(cli(&stack, "get row"), "kept");
    assert!(!spoilt.exists(), "the data as it was");
    assert_eq!(stack.manifest("IMAGE_REDIS"), None);
    assert_eq!(copies(&stack), Vec::<PathBuf>::new());
    let shown = stack.run(&["audit", "show", "--json"]).ok().json();
    let entries = shown["entries"].as_array().unwrap();
    let upgrades: Vec<&Value> = entries
        .iter()
        .filter(|e| e["command"] == "upgrade")
        .collect();
    let [entry] = upgrades.as_slice() else {
        panic!("expected one record, found {upgrades:?}")
    };
    assert_eq!(entry["ended"]["result"], "failed");
    let why = entry["ended"]["error"].as_str().unwrap();
    assert!(
        why.starts_with("the upgrade of `redis` was taken back"),
        "{why}"
    );
    assert_eq!(stack.run(&["plan", "--deep"]).code, 0);
    drop(broken);
}

#[test]
fn what_cannot_be_upgraded_is_told_and_nothing_is_touched() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("n");
    stack.deploy().ok();
    let before = container(&stack, "redis");
    let all = stack.run(&["upgrade", "-y"]).ok();
    assert!(all.out.contains("Nothing to upgrade"), "{}", all.said());
    for (arguments, code, words) in [
        (
            &["upgrade", "--to", "9.9"][..],
            3,
            &["together with `--to`", "`aiplat upgrade SERVICE --to TAG`"][..],
        ),
        (
            &["upgrade", "nowhere"][..],
            3,
            &["`nowhere`", "`aiplat status`"],
        ),
        (
            &["upgrade", "redis", "--to", "nowhere"][..],
            5,
            &[
                "valkey:nowhere",
                "could not be pulled",
                "`docker pull ",
                "`IMAGE_REGISTRY`",
                "the old image runs again",
            ],
        ),
    ] {
        stack.run(&[arguments, &["-y"]].concat()).fails(code, words);
        assert_eq!(container(&stack, "redis"), before, "{arguments:?}");
        assert_eq!(stack.manifest("IMAGE_REDIS"), None, "{arguments:?}");
    }
    assert_eq!(copies(&stack), Vec::<PathBuf>::new());
    assert_eq!(stack.run(&["plan"]).code, 0);
}

/// Whoever has the stack's lock next, and what the manifest is then.
struct Next(Child);

impl Next {
    /// Waits for the lock, which somebody has; returns once the kernel has it in the queue.
    fn queued(stack: &Stack<'_>) -> Self {
        let lock = stack.base.join("config/lock");
        let child = Command::new("flock")
            .arg(&lock)
            .arg("cat")
            .arg(stack.base.join("config/.env"))
            .stdout(Stdio::piped())
            .spawn();
        let inode = format!(":{} ", std::fs::metadata(&lock).unwrap().ino());
        until("it waits for the lock", || {
            let locks = std::fs::read_to_string("/proc/locks").unwrap();
            locks
                .lines()
                .any(|l| l.contains("-> FLOCK") && l.contains(&inode))
        });
        Self(child.unwrap())
    }

    fn manifest(self) -> String {
        let output = self.0.wait_with_output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn killed_at_every_record_the_same_command_or_a_deploy_finishes_it() {
    let Some(bed) = Bed::new() else { return };
    let heavier = Image::heavier(&bed, "localhost/aiplat/valkey:8.1.8", "killed");
    let broken = Image::of_script(&bed, "valkey-server", SPOILING);
    let stack = with_a_row(&bed, "k");
    let mut survived = false;
    for after in 1..40 {
        let killed = stack
            .clone()
            .with("AIPLAT_TEST_KILL_AFTER", after.to_string())
            .run(&["upgrade", "redis", "--to", &heavier.reference, "-y"]);
        if killed.code == 0 {
            survived = true;
            break;
        }
        assert_eq!(killed.signal, Some(9), "after {after}: {}", killed.said());
        // one that breaks the data and comes back in between changes nothing
        let failed = stack.run(&["upgrade", "redis", "--to", &broken.reference, "-y"]);
        assert_eq!(failed.code, 6, "after {after}: {}", failed.said());
        assert_eq!(cli(&stack, "get row"), "kept", "after {after}");
        stack.run(&["deploy", "-y"]).ok();
        assert_eq!(cli(&stack, "get row"), "kept", "after {after}");
        stack.run(&["upgrade", "redis", "-y"]).ok();
        assert_eq!(stack.run(&["plan"]).code, 0, "after {after}");
    }
    assert!(
        survived,
        "an upgrade of one service has fewer than 40 records"
    );
    drop((heavier, broken));
}

/// A file system of its own that has no space for a second copy of the data.
#[test]
fn without_space_for_a_copy_it_is_refused_before_the_stop() {
    let Some(bed) = Bed::new() else { return };
    let heavier = Image::heavier(&bed, "localhost/aiplat/valkey:8.1.8", "full");
    let stack = bed.small("d").with("SERVICES", "redis");
    let disk = Disk::mount(&stack.base, "200m");
    stack.deploy().ok();
    std::fs::write(stack.base.join("data/redis/data/large"), vec![1; 110 << 20]).unwrap();
    let before = container(&stack, "redis");
    let run = stack.run(&["upgrade", "redis", "--to", &heavier.reference, "-y"]);
    assert_ne!(run.code, 0);
    assert!(
        run.said().contains("free space for a copy"),
        "{}",
        run.said()
    );
    assert_eq!(container(&stack, "redis"), before);
    assert_eq!(
        stack.manifest("IMAGE_REDIS"),
        None,
        "the manifest came back"
    );
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
    drop((heavier, disk));
}

/// A small file system of its own, mounted for as long as this lives.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Self {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(at)
            .status();
        assert!(mounted.unwrap().success(), "expected the right to mount");
        Self(at.to_owned())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
