//! All that may change, on a stack with data in it.

use serde_json::Value;

use super::{ask, journals, secrets, settled, tells_none};
use crate::support::bed::Bed;
use crate::support::stack::Stack;

fn id(stack: &Stack<'_>, service: &str) -> String {
    let path = format!("/containers/{}/json", stack.container(service));
    stack.bed.engine.get(&path)["Id"].to_string()
}

/// Role and database of Flowise, as its container is told.
fn flowise(stack: &Stack<'_>) -> (String, String) {
    let path = format!("/containers/{}/json", stack.container("flowise"));
    let inspected = stack.bed.engine.get(&path);
    let value = |key: &str| {
        let all = inspected["Config"]["Env"].as_array().unwrap();
        let mut words = all.iter().filter_map(Value::as_str);
        let word = words.find_map(|w| w.strip_prefix(&format!("{key}=")));
        word.expect("told by the environment").to_owned()
    };
    (value("DATABASE_USER"), value("DATABASE_NAME"))
}

/// Who lets the values of this moment in, by the name of the secret.
fn let_in(
    stack: &Stack<'_>,
    values: &std::collections::BTreeMap<String, String>,
) -> Vec<(&'static str, bool)> {
    let (role, database) = flowise(stack);
    let v = |name: &str| values[name].as_str();
    let bearer = format!("authorization: Bearer {}", v("litellm_master_key"));
    let basic = format!("admin:{}", v("grafana_admin_password"));
    vec![
        (
            "postgres_password",
            ask::role(stack, "postgres", "postgres", v("postgres_password")),
        ),
        (
            "flowise_db_password",
            ask::role(stack, &role, &database, v("flowise_db_password")),
        ),
        ("redis_password", ask::cache(stack, v("redis_password"))),
        ("qdrant_api_key", ask::qdrant(stack, v("qdrant_api_key"))),
        (
            "qdrant_read_only_key",
            ask::qdrant(stack, v("qdrant_read_only_key")),
        ),
        (
            "litellm_master_key",
            ask::http(stack, "litellm", 4000, "/v1/models", &["--header", &bearer]),
        ),
        (
            "grafana_admin_password",
            ask::http(stack, "grafana", 3000, "/api/org", &["--user", &basic]),
        ),
    ]
}

#[test]
fn every_old_value_is_dead_and_every_new_one_alive_and_the_data_is_there() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed
        .small("s")
        .with("SERVICES", "postgres,redis,qdrant,litellm,grafana,flowise");
    let deployed = stack.deploy().ok();
    let old = secrets(&stack);
    for (name, accepted) in let_in(&stack, &old) {
        assert!(accepted, "{name} before anything");
    }
    // data of three kinds
    let (role, database) = flowise(&stack);
    let password = &old["flowise_db_password"];
    ask::psql(
        &stack,
        &role,
        &database,
        password,
        "CREATE TABLE kept AS SELECT generate_series(1, 500) AS n",
    );
    let auth = format!("AUTH {}", old["redis_password"]);
    ask::redis(&stack, &[&auth, "SET kept 500"]);
    let key = format!("api-key: {}", old["qdrant_api_key"]);
    let made = ask::status(
        &stack,
        "qdrant",
        6333,
        "/collections/kept",
        &[
            "--request",
            "PUT",
            "--header",
            &key,
            "--header",
            "content-type: application/json",
            "--data",
            r#"{"vectors": {"size": 4, "distance": "Cosine"}}"#,
        ],
    );
    assert_eq!(made, 200);
    let lasting = ["postgres", "grafana"].map(|service| (service, id(&stack, service)));

    let planned = stack.run(&["rotate", "--dry-run"]).ok();
    assert!(
        planned.out.contains("never: stored credentials"),
        "{}",
        planned.out
    );
    assert_eq!(secrets(&stack), old, "a dry run changes nothing");
    // nobody agreed
    stack.run(&["rotate"]).fails(8, &["--yes"]);
    assert_eq!(secrets(&stack), old);

    let rotated = stack.run(&["rotate", "--yes", "--json"]).ok();
    let new = secrets(&stack);
    settled(&stack);
    let names: Vec<&str> = rotated.json()["rotated"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .map(|name| {
            old.get_key_value(name)
                .expect("a secret of the stack")
                .0
                .as_str()
        })
        .collect();
    for (name, value) in &old {
        let changed = new[name] != *value;
        assert_eq!(changed, names.contains(&name.as_str()), "{name}");
    }
    for fixed in [
        "flowise_secret_key",
        "flowise_token_hash",
        "grafana_secret_key",
        "fingerprint_key",
    ] {
        assert_eq!(old[fixed], new[fixed], "{fixed} must never change");
    }
    for (name, accepted) in let_in(&stack, &old) {
        assert!(!accepted, "the old {name} is still let in");
    }
    for (name, accepted) in let_in(&stack, &new) {
        assert!(accepted, "the new {name} is not let in");
    }
    // the data is there, by the new values
    let password = &new["flowise_db_password"];
    let rows = ask::psql(
        &stack,
        &role,
        &database,
        password,
        "SELECT count(*) FROM kept",
    );
    assert!(rows.contains("500"), "{rows}");
    let auth = format!("AUTH {}", new["redis_password"]);
    assert!(ask::redis(&stack, &[&auth, "GET kept"]).contains("500"));
    let key = format!("api-key: {}", new["qdrant_api_key"]);
    assert_eq!(
        ask::status(
            &stack,
            "qdrant",
            6333,
            "/collections/kept",
            &["--header", &key]
        ),
        200
    );
    // what keeps its secret in its own data goes on without a restart
    for (service, before) in lasting {
        assert_eq!(id(&stack, service), before, "{service} was made anew");
    }
    // nothing is left to do, and nothing was told
    let again = stack.run(&["deploy", "--json"]).ok().json();
    assert_eq!(again["changes"], 0, "{again}");
    let values: Vec<&String> = old.values().chain(new.values()).collect();
    for (what, text) in [
        ("the dry run", planned.said()),
        ("rotate", rotated.said()),
        ("deploy", deployed.said()),
        ("a file", journals(&stack.base)),
    ] {
        tells_none(values.iter().copied(), what, &text);
    }
    for container in bed.engine.containers() {
        let config = &container["Config"];
        let shown = format!(
            "{}{}{}",
            config["Labels"], config["Cmd"], config["Entrypoint"]
        );
        tells_none(values.iter().copied(), "a label or an argument", &shown);
    }
    stack
        .run(&["teardown", "--purge", "--confirm", &stack.name])
        .ok();
}
