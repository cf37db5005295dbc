//! Removing a service, a stack or a mount takes data of the host with it: through a link, a mount, another stack's
//! directory, or because to remove was to purge.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::support::bed::Bed;
use crate::support::inventory;

#[test]
fn a_purge_is_refused_for_what_is_not_the_stacks_own() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("p");
    stack.deploy().ok();
    let purge = ["teardown", "--purge", "--confirm", stack.name.as_str()];
    let marks = [bed.tag.as_str(), &format!("aip-{}", &stack.id()[..8])];
    let whole = || {
        (
            inventory::of(&bed.engine, &marks),
            inventory::tree(&stack.base.join("config/secrets")),
        )
    };
    let before = whole();
    let unchanged = |when: &str| {
        let now = whole();
        inventory::same(&before.0, &now.0, when);
        inventory::same(&before.1, &now.1, when);
    };

    stack
        .run(&["teardown", "--purge"])
        .fails(8, &["--confirm", &stack.name]);
    stack
        .run(&["teardown", "--purge", "--yes"])
        .fails(8, &["--confirm"]);
    stack
        .run(&["teardown", "--purge", "--confirm", "another"])
        .fails(8, &[&stack.name]);
    unchanged("a name that was not given");
    stack
        .run(&[
            "--base-dir",
            "/",
            "teardown",
            "--purge",
            "--confirm",
            &stack.name,
        ])
        .fails(10, &[]);
    unchanged("the root directory");

    let (data, outside) = (stack.base.join("data"), bed.home.join("outside"));
    std::fs::rename(&data, &outside).unwrap();
    symlink(&outside, &data).unwrap();
    let kept = inventory::tree(&outside.join("redis"));
    stack.run(&purge).fails(4, &["symbolic link", "data"]);
    unchanged("a link");
    std::fs::remove_file(&data).unwrap();
    std::fs::rename(&outside, &data).unwrap();
    assert_eq!(inventory::tree(&data.join("redis")), kept);

    let other = data.join("redis/data/other/config");
    std::fs::create_dir_all(&other).unwrap();
    std::fs::write(other.join("stack-id"), "0123456789ab\n").unwrap();
    stack.run(&purge).fails(4, &["other stack", "stack-id"]);
    unchanged("another stack's directory");
    assert!(Path::new(&other).join("stack-id").is_file());
    std::fs::remove_dir_all(other.parent().unwrap()).unwrap();

    stack.run(&purge).ok();
}

#[test]
fn to_remove_is_not_to_purge() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("r");
    stack.deploy().ok();
    assert_eq!(stack.redis("set kept of-the-operator"), "OK");
    assert_eq!(stack.redis("save"), "OK");
    let own = stack.clone().without("SERVICES");
    own.run(&["remove", "redis", "--yes"]).ok();
    assert!(!stack.holding("of-the-operator").is_empty(), "data stays");
    own.run(&["teardown", "--yes"]).ok();
    assert!(!stack.holding("of-the-operator").is_empty(), "data stays");
    stack.deploy().ok();
    assert_eq!(stack.redis("get kept"), "of-the-operator");
}

#[test]
fn a_purge_that_was_killed_at_its_end_is_finished_by_the_same_command() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("k");
    stack.deploy().ok();
    let id = stack.id();
    stack.run(&["teardown", "--yes"]).ok();
    // what a purge leaves that is killed between putting the last directory aside and emptying it
    for directory in ["data", "logs", "caddy", "ssl", "apparmor"] {
        std::fs::remove_dir_all(stack.base.join(directory)).unwrap();
    }
    let trash = stack.base.join(".aiplat-trash-0123456789abcdef");
    std::fs::create_dir(&trash).unwrap();
    std::fs::set_permissions(&trash, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::rename(stack.base.join("config"), trash.join("whole")).unwrap();

    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
    assert_eq!(inventory::tree(&stack.base), "", "nothing is left in it");
    let register = std::fs::read_to_string(bed.state_dir.join("register.json")).unwrap();
    assert!(!register.contains(&id));
}

#[test]
fn a_purge_never_leaves_its_directory() {
    let Some(bed) = Bed::new() else { return };
    let (stack, other) = (bed.small("p"), bed.small("o"));
    stack.deploy().ok();
    other.deploy().ok();
    let purge = |base: &str, name: &str, code: i32, words: &[&str]| {
        let mut command = bed.bare();
        command.args(["--base-dir", base, "teardown", "--purge", "--confirm", name]);
        crate::support::run::start(command).end().fails(code, words);
    };
    let precious = bed.home.join("precious");
    std::fs::create_dir(&precious).unwrap();
    std::fs::write(precious.join("file"), "of-the-host").unwrap();
    let before = inventory::tree(&precious);
    let others = inventory::tree(&other.base.join("config"));

    let base = stack.base.display().to_string();
    purge(&format!("{base}/../p"), &stack.name, 9, &["BASE_DIR"]);
    // another stack's name for this one, and this one's for another
    purge(&base, &other.name, 8, &[&stack.name]);
    purge(
        &other.base.display().to_string(),
        &stack.name,
        8,
        &[&other.name],
    );
    let link = bed.home.join("link");
    symlink(&stack.base, &link).unwrap();
    purge(
        &link.display().to_string(),
        &stack.name,
        9,
        &["symbolic link"],
    );
    std::fs::remove_file(&link).unwrap();

    // somebody mounted something of theirs inside
    let inside = stack.base.join("data/redis/mounted");
    std::fs::create_dir_all(&inside).unwrap();
    let run = |program: &str, arguments: &[&Path]| {
        let done = Command::new(program).args(arguments).status();
        assert!(done.unwrap().success(), "{program}");
    };
    run("mount", &[Path::new("--bind"), &precious, &inside]);
    let refused = stack.run(&["teardown", "--purge", "--confirm", &stack.name]);
    run("umount", &[&inside]);
    refused.fails(4, &["mounted"]);

    assert_eq!(inventory::tree(&precious), before);
    assert_eq!(inventory::tree(&other.base.join("config")), others);
    stack.run(&["health"]).ok();
    other.run(&["health"]).ok();
}
