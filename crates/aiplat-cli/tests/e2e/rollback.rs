//! A service that does not become healthy.

use crate::support::bed::Bed;
use crate::support::images::Image;
use crate::support::stack::Stack;

/// Tells its own secret, as programs do when something is wrong, and never answers.
const SILENT: &str = r#"echo "loading with password $(cat /run/secrets/redis_password)"
echo "canary line of the log"
exec sleep 3600"#;

/// Ends at once.
const CRASHING: &str = r#"echo "canary line of the log, $(cat /run/secrets/redis_password)"
exit 3"#;

fn redis(stack: &Stack<'_>) -> (String, String, String) {
    let all = stack.bed.engine.containers();
    let own = |c: &&serde_json::Value| {
        c["Name"]
            .as_str()
            .is_some_and(|n| n.contains(&stack.container("redis")))
    };
    let found: Vec<_> = all.iter().filter(own).collect();
    let [one] = found.as_slice() else {
        panic!("expected one container, found {found:#?}")
    };
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    (
        text(&one["Id"]),
        text(&one["Name"]),
        text(&one["State"]["Status"]),
    )
}

#[test]
fn a_successor_that_is_never_healthy_gives_its_place_back() {
    let Some(bed) = Bed::new() else { return };
    let image = Image::of_script(&bed, "valkey-server", SILENT);
    let stack = bed.small("r");
    stack.deploy().ok();
    let before = redis(&stack);
    let secret = std::fs::read_to_string(stack.base.join("config/secrets/redis_password")).unwrap();

    // another program on the data it has: agreed to
    let run = stack
        .clone()
        .with("IMAGE_REDIS", &image.reference)
        .run(&["deploy", "-y"]);
    let run = run.fails(
        6,
        &[
            "redis",
            "refused",
            "canary line of the log",
            "aiplat logs redis",
            "60 s",
        ],
    );
    assert!(!run.said().contains(secret.trim()), "{}", run.said());
    let after = redis(&stack);
    assert_eq!(after, before, "the old one runs again under its name");
    assert_eq!(after.2, "running");
    // and answers
    let ping = "REDISCLI_AUTH=$(cat /run/secrets/redis_password) valkey-cli ping";
    let answer = bed.engine.exec(&after.0, &["sh", "-c", ping]);
    assert!(answer.contains("PONG"), "{answer}");
    // the way back is the old value
    stack
        .clone()
        .with("IMAGE_REDIS", "localhost/aiplat/valkey:8.1.8")
        .run(&["deploy", "-y"])
        .ok();
    drop(image);
}

#[test]
fn a_new_service_that_ends_at_once_is_told_without_waiting_and_mended_by_the_same_command() {
    let Some(bed) = Bed::new() else { return };
    let image = Image::of_script(&bed, "valkey-server", CRASHING);
    let stack = bed.small("c");
    let broken = stack.clone().with("IMAGE_REDIS", &image.reference);
    let run = broken.run(&["deploy", "--json", "-y"]);
    assert_eq!(run.code, 6, "{}", run.said());
    let error = &run.json()["error"];
    // what was waited for to the end is told with its seconds
    assert!(
        !error.to_string().contains("60 s"),
        "a crash is no matter of waiting: {error}"
    );
    assert_eq!(error["kind"], "unhealthy");
    assert!(
        error.to_string().contains("canary line of the log"),
        "{error}"
    );
    let secret = std::fs::read_to_string(stack.base.join("config/secrets/redis_password")).unwrap();
    assert!(!run.said().contains(secret.trim()), "{}", run.said());

    stack
        .with("IMAGE_REDIS", "localhost/aiplat/valkey:8.1.8")
        .run(&["deploy", "-y"])
        .ok();
    drop(image);
}
