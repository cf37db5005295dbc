//! A volume without space.

use crate::support::bed::Bed;
use crate::support::inventory;
use crate::support::volume::Volume;

#[test]
fn a_full_disk_is_said_and_the_same_command_goes_on_once_there_is_room() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("d");
    let volume = Volume::mount(stack.base.clone(), "64k");
    std::fs::write(stack.base.join("of-the-operator"), vec![0; 48 * 1024]).unwrap();
    let before = inventory::of(&bed.engine, &[&bed.tag]);
    let run = stack.deploy().fails(9, &["free space", "hint:"]);
    assert!(!run.err.contains("mount point"), "it is one: {}", run.err);
    inventory::same(
        &before,
        &inventory::of(&bed.engine, &[&bed.tag]),
        "the engine",
    );
    let torn: Vec<_> = inventory::tree(&stack.base)
        .lines()
        .filter(|l| l.contains(".tmp"))
        .map(str::to_owned)
        .collect();
    assert_eq!(torn, Vec::<String>::new(), "no half of a file");

    volume.resize("64m");
    let made = stack.run(&["deploy", "--json"]).ok().json();
    assert_eq!(made["services"].as_array().map(Vec::len), Some(2));
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
    assert_eq!(std::fs::read_dir(&stack.base).unwrap().flatten().count(), 1);
}
