//! A second stack adopts, recreates or deletes the first: by its name, by its directory's name, or as a copy of it.
//! `bad_input` refuses the first one's name, ports, users and subnet.

use std::path::Path;
use std::process::Command;

use crate::support::bed::Bed;
use crate::support::inventory;
use crate::support::stack::Stack;

/// All of the first stack: its objects on the engine, its rules, and its directory but for what its services write.
fn whole(a: &Stack<'_>, id: &str) -> String {
    let marks = [a.name.as_str(), &format!("aip-{}", &id[..8])];
    let register = std::fs::read_to_string(a.bed.state_dir.join("register.json")).unwrap();
    assert!(register.contains(id), "its reservation is there");
    let files: String = inventory::tree(&a.base.join("config"));
    format!("{}\n{files}", inventory::of(&a.bed.engine, &marks))
}

fn copied(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let done = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(done.unwrap().success());
}

#[test]
fn by_its_prefix_or_by_a_directory_of_the_same_name() {
    let Some(bed) = Bed::new() else { return };
    let a = bed.small("a");
    a.deploy().ok();
    let id = a.id();
    let before = whole(&a, &id);
    let prefix = format!("{}-", a.name);
    bed.small("p")
        .with("CONTAINER_PREFIX", &prefix)
        .deploy()
        .fails(4, &["CONTAINER_PREFIX", &a.name]);
    bed.small("n")
        .with("DOCKER_NETWORK", &a.name)
        .deploy()
        .fails(4, &["DOCKER_NETWORK", &a.name]);
    inventory::same(&before, &whole(&a, &id), "a name that the first has");

    // Compose took the directory's last name for the project's: there the second was the first
    let mut twin = bed.small("t");
    twin.base = bed.home.join("elsewhere/a");
    std::fs::create_dir_all(&twin.base).unwrap();
    let twin = twin
        .clone()
        .with("BASE_DIR", twin.base.display().to_string());
    twin.deploy().ok();
    assert_ne!(twin.id(), id);
    inventory::same(&before, &whole(&a, &id), "a directory of the same name");
    twin.run(&["teardown", "--purge", "--confirm", &twin.name])
        .ok();
    inventory::same(&before, &whole(&a, &id), "and its removal");
}

#[test]
fn as_a_copy_of_its_directory() {
    let Some(bed) = Bed::new() else { return };
    let a = bed.small("a");
    a.deploy().ok();
    let id = a.id();
    let before = whole(&a, &id);
    let copy = bed.home.join("a-copy");
    let there = copy.display().to_string();
    let home = a.base.display().to_string();
    let try_all = |when: &str| {
        for words in [
            &["deploy", "--yes"][..],
            &["plan"],
            &["teardown", "--yes"],
            &["teardown", "--purge", "--confirm", &a.name],
            &["remove", "redis", "--yes"],
            &["restart", "redis"],
        ] {
            let mut command = bed.bare();
            command.args(["--base-dir", &there]).args(words);
            let run = crate::support::run::start(command).end();
            assert_eq!(run.code, 4, "{when}: {words:?}: {}", run.said());
            assert!(
                run.said().contains(&home) || run.said().contains("BASE_DIR"),
                "{}",
                run.said()
            );
        }
        inventory::same(&before, &whole(&a, &id), when);
    };
    copied(&a.base, &copy);
    try_all("a copy as it is");

    // somebody who knows that a copy has another directory, and forgets the identity
    let manifest = copy.join("config/.env");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace(&home, &there)).unwrap();
    try_all("a copy whose manifest names its own directory");

    // nothing of the first runs, but its data is there and its place is reserved
    a.run(&["teardown", "--yes"]).ok();
    for words in [
        &["deploy", "--yes"][..],
        &["teardown", "--purge", "--confirm", &a.name],
    ] {
        let mut command = bed.bare();
        command.args(["--base-dir", &there]).args(words);
        crate::support::run::start(command).end().fails(4, &[&home]);
    }
    std::fs::remove_dir_all(&copy).unwrap();
    a.deploy().ok();
    assert_eq!(a.id(), id);
}

#[test]
fn a_stack_that_was_moved_while_it_was_torn_down_is_itself_at_its_new_place() {
    let Some(bed) = Bed::new() else { return };
    let a = bed.small("a");
    a.deploy().ok();
    let id = a.id();
    a.run(&["teardown", "--yes"]).ok();
    let moved = bed.home.join("moved");
    std::fs::rename(&a.base, &moved).unwrap();
    let manifest = moved.join("config/.env");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let (old, new) = (a.base.display().to_string(), moved.display().to_string());
    std::fs::write(&manifest, text.replace(&old, &new)).unwrap();
    let mut there = a.clone().with("BASE_DIR", new);
    there.base = moved;
    there.deploy().ok();
    assert_eq!(there.id(), id);
    there
        .run(&["teardown", "--purge", "--confirm", &a.name])
        .ok();
}
