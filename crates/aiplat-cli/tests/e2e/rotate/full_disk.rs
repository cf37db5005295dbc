//! A rotation on a volume without space.

use super::{ask, secrets, settled};
use crate::support::bed::Bed;
use crate::support::volume::Volume;

#[test]
fn a_full_disk_is_said_and_the_old_values_stay_until_there_is_room() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("f").with("SERVICES", "redis,qdrant");
    let volume = Volume::mount(stack.base.clone(), "64m");
    stack.deploy().ok();
    let old = secrets(&stack);
    let ballast = stack.base.join("of-the-operator");
    volume.fill(&ballast);
    let run = stack.run(&["rotate", "--yes"]);
    assert_eq!(run.code, 9, "{}", run.said());
    assert!(run.said().contains("space"), "{}", run.said());
    for name in ["redis_password", "qdrant_api_key"] {
        assert_eq!(secrets(&stack)[name], old[name]);
    }
    assert!(ask::cache(&stack, &old["redis_password"]));
    assert!(ask::qdrant(&stack, &old["qdrant_api_key"]));
    std::fs::remove_file(&ballast).unwrap();
    stack.run(&["rotate", "--yes"]).ok();
    settled(&stack);
    assert!(!ask::cache(&stack, &old["redis_password"]));
    assert!(ask::cache(&stack, &secrets(&stack)["redis_password"]));
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
}
