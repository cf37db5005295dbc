//! Exactly one stack goes; what is anybody else's stays, and data stays unless it is given up by name.

use crate::support::bed::Bed;
use crate::support::stack::Stack;
use crate::support::{inventory, leftovers};

/// A container and a network of somebody else's, whose names look like the stack's own.
struct Foreign<'b> {
    bed: &'b Bed,
    container: String,
    network: String,
}

impl<'b> Foreign<'b> {
    fn beside(bed: &'b Bed, stack: &Stack<'_>) -> Self {
        Self {
            bed,
            container: bed.engine.foreign_container(&stack.container("foreign")),
            network: bed
                .engine
                .foreign_network(&format!("{}-foreign", stack.name)),
        }
    }
}

impl Drop for Foreign<'_> {
    fn drop(&mut self) {
        self.bed.engine.remove_container(&self.container);
        self.bed.engine.remove_network(&self.network);
    }
}

const AUTHORITY: &str = "caddy/data/caddy/pki/authorities/local/root.crt";

#[test]
fn what_was_there_before_is_there_afterwards_and_the_data_too() {
    let Some(bed) = Bed::new() else { return };
    let a = bed.small("a");
    a.deploy().ok();
    let b = bed.small("b");
    let foreign = Foreign::beside(&bed, &b);
    std::fs::write(b.base.join("of-the-operator"), "x").unwrap();
    let marks = [bed.tag.as_str(), &format!("aip-{}", &a.id()[..8])];
    let before = inventory::of(&bed.engine, &marks);
    b.deploy().ok();
    assert_ne!(inventory::of(&bed.engine, &marks), before);
    let (id, authority) = (b.id(), std::fs::read(b.base.join(AUTHORITY)).unwrap());

    // nobody agreed, then somebody does
    b.run(&["teardown"]).fails(8, &["--yes"]);
    b.run(&["teardown", "--yes"]).ok();
    let marks_and_b = [marks[0], marks[1], &format!("aip-{}", &id[..8])];
    inventory::same(
        &before,
        &inventory::of(&bed.engine, &marks_and_b),
        "after teardown",
    );
    assert_eq!(
        std::fs::read(b.base.join(AUTHORITY)).unwrap(),
        authority,
        "data stays"
    );
    b.run(&["teardown", "--yes"]).ok();

    let register = || std::fs::read_to_string(bed.state_dir.join("register.json")).unwrap();
    assert!(
        register().contains(&id),
        "its users and ports stay its own while there is data"
    );

    // the same stack comes back, with its data
    b.deploy().ok();
    assert_eq!(b.id(), id);
    assert_eq!(std::fs::read(b.base.join(AUTHORITY)).unwrap(), authority);

    // one that is killed and not wanted any more: the engine may still be stopping what the plan sees running
    let killed = b.clone().with("AIPLAT_TEST_KILL_AFTER", "1");
    let killed = killed.run(&["teardown", "--yes"]);
    assert_eq!(killed.signal, Some(9), "{}", killed.said());
    let told = b.run(&["plan"]).out;
    assert!(told.contains("was interrupted was stopping it"), "{told}");
    b.deploy().ok();
    assert_eq!(b.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    b.run(&["teardown", "--purge", "--confirm", &b.name]).ok();
    inventory::same(
        &before,
        &inventory::of(&bed.engine, &marks_and_b),
        "after the purge",
    );
    assert!(!register().contains(&id));
    let left: Vec<_> = std::fs::read_dir(&b.base)
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert_eq!(left, ["of-the-operator"], "only what is not the stack's");
    b.run(&["teardown", "--yes"]).fails(10, &["no stack"]);
    drop(foreign);
    assert_eq!(
        leftovers::left(&bed, &[id])
            .iter()
            .filter(|l| !l.contains(&a.name))
            .count(),
        0
    );
}
