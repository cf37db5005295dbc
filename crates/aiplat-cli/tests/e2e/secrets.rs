//! No secret is told by any command, written anywhere but where it is kept, or shown by the engine where a file does.

use std::path::Path;

use crate::support::bed::Bed;
use crate::support::images::Image;
use crate::support::stack::Stack;

const GIVEN: [(&str, &str, &str); 3] = [
    (
        "REDIS_PASSWORD",
        "redis_password",
        "Canary0Of0The0Cache0aBcDeFgHiJkL",
    ),
    (
        "GRAFANA_ADMIN_PASSWORD",
        "grafana_admin_password",
        "Canary-1-Of-Grafana-x7Qw",
    ),
    (
        "POSTGRES_PASSWORD",
        "postgres_password",
        "Canary2Of2The2Rows2aBcDeFgHiJkLm",
    ),
];

/// Every secret of the stack, by name.
fn secrets(stack: &Stack<'_>) -> Vec<(String, String)> {
    let files = std::fs::read_dir(stack.base.join("config/secrets"))
        .unwrap()
        .flatten();
    let all = files.map(|file| {
        let value = std::fs::read_to_string(file.path())
            .unwrap()
            .trim()
            .to_owned();
        (file.file_name().into_string().unwrap(), value)
    });
    let all: Vec<_> = all.filter(|(_, value)| value.len() >= 12).collect();
    assert!(all.len() > 6, "{all:?}");
    all
}

#[track_caller]
fn tells_none(secrets: &[(String, String)], text: &str, what: &str) {
    for (name, value) in secrets {
        assert!(!text.contains(value.as_str()), "{what} tells `{name}`");
    }
    assert!(
        !text.contains("Canary"),
        "{what} tells a secret that was given"
    );
}

/// The command lines of every process of the host.
fn command_lines() -> String {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines
        .map(|line| String::from_utf8_lossy(&line).into_owned() + "\n")
        .collect()
}

#[test]
fn no_command_and_no_place_tells_a_secret() {
    let Some(bed) = Bed::new() else { return };
    let mut stack = bed.small("z").with(
        "SERVICES",
        "redis,caddy,postgres,grafana,qdrant,openwebui,n8n",
    );
    let (from_manifest, from_environment) = (&GIVEN[0], &GIVEN[1..]);
    stack.write_manifest(&format!("{}={}\n", from_manifest.0, from_manifest.2));
    for (key, _, value) in from_environment {
        stack = stack.with(key, *value);
    }
    let planned = stack.run(&["plan"]);
    assert!(!planned.said().contains("Canary"), "{}", planned.said());
    let made = stack.deploy().ok();
    let all = secrets(&stack);
    tells_none(&all, &made.said(), "deploy");
    for (key, name, value) in GIVEN {
        let kept = all.iter().find(|(kept, _)| kept == name);
        assert_eq!(
            kept.map(|(_, kept)| kept.as_str()),
            Some(value),
            "{key} is honoured"
        );
    }
    // a failure tells the last lines of a log
    let telling = r#"echo "my password is $(cat /run/secrets/redis_password)"; exit 3"#;
    let image = Image::of_script(&bed, "valkey-server", telling);
    let failed = stack
        .clone()
        .with("IMAGE_REDIS", &image.reference)
        .run(&["deploy", "-y"]);
    assert_eq!(failed.code, 6, "{}", failed.said());
    tells_none(&all, &failed.said(), "a deploy that fails");
    stack = stack.with("IMAGE_REDIS", "localhost/aiplat/valkey:8.1.8");
    for arguments in [
        &["plan"][..],
        &["plan", "--json"],
        &["deploy"],
        &["deploy", "--json"],
        &["status"],
        &["status", "--json"],
        &["health"],
        &["health", "--json"],
        &["logs"],
        &["logs", "grafana"],
        &["ls", "--json"],
        &["doctor"],
        &["doctor", "--json"],
        &["render"],
        &["render", "--json"],
        &["catalog", "list"],
        // all of it is wrong
        &[
            "deploy",
            "--vector-db",
            "Canary",
            "--set",
            "REDIS_PASSWORD=Canary",
        ],
        &["deploy", "--json", "--set", "GRAFANA_PORT=Canary"],
    ] {
        tells_none(
            &all,
            &stack.run(arguments).said(),
            &format!("{arguments:?}"),
        );
    }
    tells_none(&all, &command_lines(), "a command line");
    places_tell_none(&stack, &all);
}

fn places_tell_none(stack: &Stack<'_>, all: &[(String, String)]) {
    let journal = std::fs::read_to_string(stack.base.join("config/journal.jsonl")).unwrap();
    tells_none(all, &journal, "the journal");
    let register = std::fs::read_to_string(stack.bed.state_dir.join("register.json")).unwrap();
    tells_none(all, &register, "the register");
    for network in stack.bed.engine.networks() {
        tells_none(all, &network.to_string(), "a network");
    }
    for mut container in stack.bed.engine.containers() {
        if container["Config"]["Labels"]["aiplat.stack"] != stack.name.as_str() {
            continue;
        }
        let service = container["Config"]["Labels"]["aiplat.service"]
            .as_str()
            .unwrap()
            .to_owned();
        // its image cannot read a file; whoever may ask the engine may read the stack's files too
        if service == "openwebui" {
            container["Config"]["Env"] = serde_json::Value::Null;
        }
        tells_none(
            all,
            &container.to_string(),
            &format!("the engine's word on {service}"),
        );
    }
    world_reads_none(&stack.base.join("config/secrets"));
}

/// Each secret is its reader's alone.
fn world_reads_none(secrets: &Path) {
    use std::os::unix::fs::MetadataExt;
    for file in std::fs::read_dir(secrets).unwrap().flatten() {
        let mode = file.metadata().unwrap().mode() & 0o777;
        assert_eq!(mode, 0o400, "{}", file.path().display());
    }
    assert_eq!(secrets.metadata().unwrap().mode() & 0o007, 0);
}
