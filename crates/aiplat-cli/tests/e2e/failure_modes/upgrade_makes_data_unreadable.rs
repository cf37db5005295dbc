//! An upgrade leaves data that the new program cannot read, or hides it: another major version of the database, another
//! place of its files, another encryption key. Each is refused before anything is touched. `rotate::given` refuses a key that
//! data is encrypted with, `rollback` gives the old container back where the new one does not answer.

use crate::support::bed::Bed;
use crate::support::inventory;
use crate::support::stack::Stack;

/// The data of a stack's database, byte for byte; nothing runs that could write it.
fn data(stack: &Stack<'_>) -> String {
    inventory::tree(&stack.base.join("data/postgres"))
}

#[test]
fn data_of_another_format_is_refused_and_stays_as_it_is() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("f").with("SERVICES", "postgres");
    stack.deploy().ok();
    let rows = "create table kept (word text); insert into kept values ('of-the-operator'); select word from kept";
    assert_eq!(stack.psql("postgres", rows), "of-the-operator");
    stack.run(&["teardown", "--yes"]).ok();

    // as an older version would have left it
    let marker = stack.base.join("data/postgres/.aiplat-format");
    let written = std::fs::read_to_string(&marker).unwrap();
    std::fs::write(&marker, "postgres-16\n").unwrap();
    let before = data(&stack);
    for command in ["plan", "deploy"] {
        let run = stack.run(&[command]);
        run.fails(
            3,
            &[
                "postgres",
                "format",
                ".aiplat-format",
                "go back to the image",
            ],
        );
    }
    inventory::same(&before, &data(&stack), "refused");
    let containers = bed.engine.containers();
    let made = containers
        .iter()
        .any(|c| c["Name"].as_str().is_some_and(|n| n.contains(&stack.name)));
    assert!(!made, "nothing was made");

    std::fs::write(&marker, written).unwrap();
    stack.deploy().ok();
    assert_eq!(
        stack.psql("postgres", "select word from kept"),
        "of-the-operator"
    );
}
