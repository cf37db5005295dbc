//! Images that cannot read the data there is, or would put it where it is lost: refused, and nothing is touched.

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::images::Image;
use crate::support::inventory;
use crate::support::stack::Stack;

fn id(stack: &Stack<'_>, service: &str) -> Value {
    let path = format!("/containers/{}/json", stack.container(service));
    stack.bed.engine.get(&path)["Id"].clone()
}

/// Refused with these words by plan, deploy and upgrade alike; container and data as they were.
fn refused(stack: &Stack<'_>, service: &str, key: &str, image: &str, words: &[&str]) {
    let before = id(stack, service);
    let data = stack.base.join("data").join(service);
    let other = stack.clone().with(key, image);
    for run in [
        other.run(&["plan"]),
        other.run(&["deploy", "-y"]),
        stack.run(&["upgrade", service, "--to", image, "-y"]),
    ] {
        assert_eq!(run.code, 3, "{}", run.said());
        for word in words {
            assert!(run.said().contains(word), "`{word}` in {}", run.said());
        }
    }
    assert_eq!(id(stack, service), before, "the same container");
    assert!(!inventory::tree(&data).is_empty());
    assert_eq!(stack.manifest(key), None);
    assert_eq!(stack.run(&["plan"]).code, 0);
}

#[test]
fn another_major_version_of_postgres_and_a_moved_data_directory() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("p").with("SERVICES", "postgres");
    stack.deploy().ok();
    let version = stack.base.join("data/postgres/data/pgdata/PG_VERSION");
    assert_eq!(std::fs::read_to_string(version).unwrap().trim(), "17");

    // by its tag, since no registry has it
    let absent = "127.0.0.1:9/postgres:18.1-trixie";
    let words = ["version 17", "version 18", "pg_dumpall"];
    refused(&stack, "postgres", "IMAGE_POSTGRES", absent, &words);
    // by what it says of itself, whatever its tag
    let base = "localhost/aiplat/postgres:17.11-trixie";
    let config = bed.engine.get(&format!("/images/{base}/json"))["Config"].clone();
    let mut newer = config.clone();
    for entry in newer["Env"].as_array_mut().unwrap() {
        if entry.as_str().unwrap().starts_with("PG_MAJOR=") {
            *entry = json!("PG_MAJOR=18");
        }
    }
    let image = Image::configured(&bed, base, "pg18", &newer);
    refused(
        &stack,
        "postgres",
        "IMAGE_POSTGRES",
        &image.reference,
        &words,
    );
    // the directory that version 18 moved
    let mut moved = config;
    moved["Volumes"] = json!({"/var/lib/postgresql": {}});
    let other = Image::configured(&bed, base, "moved", &moved);
    let words = ["/var/lib/postgresql", "would be lost with the container"];
    refused(
        &stack,
        "postgres",
        "IMAGE_POSTGRES",
        &other.reference,
        &words,
    );
    drop((image, other));
}

#[test]
fn another_vector_store_leaves_vectors_behind_only_where_that_is_said() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed
        .small("v")
        .with("SERVICES", "qdrant,caddy")
        .with("VECTOR_DB", "qdrant");
    stack.deploy().ok();
    let before = id(&stack, "qdrant");
    let data = stack.base.join("data/qdrant");
    for name in ["one", "two"] {
        let folder = data.join("storage/collections").join(name);
        std::fs::create_dir_all(folder).unwrap();
    }
    let other = stack
        .clone()
        .with("SERVICES", "chroma,caddy")
        .with("VECTOR_DB", "chroma");
    let words = [
        "2 collections",
        "qdrant",
        "--yes-lose-vectors",
        "data/qdrant",
    ];
    let run = other.run(&["deploy", "-y"]);
    assert_ne!(run.code, 0);
    for word in words {
        assert!(run.said().contains(word), "`{word}` in {}", run.said());
    }
    assert_eq!(id(&stack, "qdrant"), before);
    assert_eq!(stack.manifest("VECTOR_DB").unwrap(), "qdrant");
    let plan = other.run(&["plan"]);
    assert!(
        plan.code == 2 && plan.out.contains("2 collections"),
        "{}",
        plan.said()
    );
    other.run(&["deploy", "-y", "--yes-lose-vectors"]).ok();
    assert!(
        data.join("storage/collections/one").is_dir(),
        "it stays on disk"
    );
    assert_eq!(other.run(&["plan"]).code, 0);
}
