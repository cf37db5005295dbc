//! Where archives go: a bucket of a real server, a directory on a volume without room, and which older ones stay.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::bed::Bed;
use crate::support::bucket::{ACCESS, Bucket, SECRET};
use crate::support::stack::Stack;

const PASSPHRASE: &str = "correct horse battery staple";

fn stack(bed: &Bed) -> Stack<'_> {
    bed.small("k").with("AIPLAT_BACKUP_PASSPHRASE", PASSPHRASE)
}

/// What no compression makes smaller, in the front door's own directory, so that a backup takes it.
fn noise(stack: &Stack<'_>, megabytes: usize) {
    let made = Command::new("head")
        .args(["-c", &format!("{megabytes}M"), "/dev/urandom"])
        .output()
        .unwrap();
    std::fs::write(stack.base.join("caddy/data/noise"), made.stdout).unwrap();
}

#[test]
fn to_a_bucket_in_parts_and_back() {
    let Some(bed) = Bed::new() else { return };
    let Some(bucket) = Bucket::start(&bed.home, "archives") else {
        return;
    };
    let stack = stack(&bed)
        .with("AIPLAT_S3_ENDPOINT", bucket.endpoint.clone())
        .with("AIPLAT_S3_ACCESS_KEY_ID", ACCESS)
        .with("AIPLAT_S3_SECRET_ACCESS_KEY", SECRET);
    stack.deploy().ok();
    noise(&stack, 40);
    let place = "s3://archives/some/folder";
    let made = stack.run(&["backup", "--to", place, "--json"]).ok().json();
    let archive = made["archive"].as_str().unwrap();
    assert!(archive.starts_with(place), "{archive}");
    assert!(made["sidecar"]["size"].as_u64() > Some(40 << 20));

    let listed = stack
        .run(&["backup", "list", "--to", place, "--json"])
        .ok()
        .json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1));
    assert_eq!(listed[0]["sha256"], made["sidecar"]["sha256"]);
    let shown = stack
        .run(&["backup", "show", archive, "--check", "--json"])
        .ok()
        .json();
    assert_eq!(shown["checked"]["sha256"], made["sidecar"]["sha256"]);

    // the older one goes, and only when the newer is there
    std::fs::remove_file(stack.base.join("caddy/data/noise")).unwrap();
    let newer = stack
        .run(&["backup", "--to", place, "--keep-last", "1", "--json"])
        .ok()
        .json();
    assert_eq!(newer["deleted"][0], made["sidecar"]["name"]);
    let listed = stack
        .run(&["backup", "list", "--to", place, "--json"])
        .ok()
        .json();
    assert_eq!(listed[0]["name"], newer["sidecar"]["name"]);
    assert_eq!(listed.as_array().map(Vec::len), Some(1));

    let wrong = stack
        .clone()
        .with("AIPLAT_S3_SECRET_ACCESS_KEY", "not-this-one");
    let run = wrong.run(&["backup", "--to", place]);
    let run = run.fails(9, &["403", "SignatureDoesNotMatch"]);
    assert!(!run.said().contains("not-this-one") && !run.said().contains(ACCESS));
    let guess = stack
        .clone()
        .with("AIPLAT_BACKUP_PASSPHRASE", "another passphrase");
    let newer = newer["archive"].as_str().unwrap();
    guess
        .run(&["backup", "show", newer, "--check"])
        .fails(3, &["this is another one"]);
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
}

/// An ext4 on a loop device, unmounted with its value.
struct Volume(PathBuf);

impl Volume {
    fn mount(home: &Path, megabytes: u64) -> Self {
        let (image, at) = (home.join("image"), home.join("volume"));
        std::fs::File::create(&image)
            .unwrap()
            .set_len(megabytes << 20)
            .unwrap();
        std::fs::create_dir(&at).unwrap();
        run(Command::new("mkfs.ext4")
            .args(["-q", "-m", "0"])
            .arg(&image));
        run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(&at));
        Self(at)
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

fn names(at: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(at)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_full_disk_where_archives_are_kept_costs_neither_the_stack_nor_an_older_archive() {
    let Some(bed) = Bed::new() else { return };
    let stack = stack(&bed);
    stack.deploy().ok();
    let volume = Volume::mount(&bed.home, 16);
    let to = volume.0.to_str().unwrap();
    stack.run(&["backup", "--to", to]).ok();
    let before = names(&volume.0);
    let older: Vec<_> = before
        .iter()
        .map(|n| std::fs::read(volume.0.join(n)).ok())
        .collect();

    noise(&stack, 24);
    let full = stack.run(&["backup", "--to", to, "--keep-last", "1"]);
    full.fails(9, &["free space", "before compression", "hint:"]);
    assert_eq!(names(&volume.0), before, "no half of an archive");
    let still: Vec<_> = before
        .iter()
        .map(|n| std::fs::read(volume.0.join(n)).ok())
        .collect();
    assert!(still == older, "the older archive is as it was");
    let left = names(&stack.base.join("backups"));
    assert_eq!(
        left,
        Vec::<String>::new(),
        "nothing is left beside the stack"
    );
    stack.run(&["health"]).ok();

    std::fs::remove_file(stack.base.join("caddy/data/noise")).unwrap();
    let made = stack.run(&["backup", "--to", to, "--json"]).ok().json();
    stack
        .run(&[
            "backup",
            "show",
            made["archive"].as_str().unwrap(),
            "--check",
        ])
        .ok();
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
}

#[test]
fn the_volume_of_the_stack_itself_is_full() {
    let Some(bed) = Bed::new() else { return };
    let volume = Volume::mount(&bed.home, 48);
    let mut stack = stack(&bed);
    stack.base = volume.0.join("stack");
    std::fs::create_dir(&stack.base).unwrap();
    let base = stack.base.display().to_string();
    let stack = stack.with("BASE_DIR", base);
    stack.deploy().ok();
    noise(&stack, 16);
    std::fs::write(volume.0.join("of-the-operator"), vec![0; 14 << 20]).unwrap();
    let before = names(&stack.base);
    stack
        .run(&["backup"])
        .fails(9, &["bytes free on the volume", "hint:"]);
    let after: Vec<_> = names(&stack.base)
        .into_iter()
        .filter(|n| n != "backups")
        .collect();
    let before: Vec<_> = before.into_iter().filter(|n| n != "backups").collect();
    assert_eq!(after, before);
    stack.run(&["health"]).ok();
    std::fs::remove_file(volume.0.join("of-the-operator")).unwrap();
    std::fs::remove_file(stack.base.join("caddy/data/noise")).unwrap();
    stack.run(&["backup"]).ok();
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
}
