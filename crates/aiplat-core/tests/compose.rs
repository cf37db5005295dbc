//! A stack as a Compose file: the same containers, and no secret unless asked for.

mod common;

use std::collections::BTreeMap;

use aiplat_core::compose::{SecretsAs, compose, variable, variables};
use aiplat_core::names::ServiceName;
use aiplat_core::spec::{ContainerSpec, NetworkMode};
use aiplat_testkit::fake::stack::CANARY;
use aiplat_vectordb::StoreKind;
use secrecy::ExposeSecret;
use serde_json::Value;

use common::{Case, bare, case, catalogue, everything};

/// Every service with this store, on a host with `AppArmor`.
fn whole(store: StoreKind) -> Case {
    case(&everything("a", 9, store), &bare(true), &catalogue())
}

fn file(case: &Case, secrets: SecretsAs) -> (String, Value) {
    let text = compose(case.stack.config.name(), &case.desired, secrets).unwrap();
    let parsed = serde_saphyr::from_str(&text).unwrap();
    (text, parsed)
}

/// What Compose makes of a text: `${NAME:?…}` is the variable, `$$` is one `$`.
fn interpolated(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((head, tail)) = rest.split_once('$') {
        out += head;
        if let Some(tail) = tail.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else {
            let inner = tail
                .strip_prefix('{')
                .expect("a lone `$` would be a variable");
            let (inner, tail) = inner.split_once('}').expect("a variable ends");
            let (name, _) = inner
                .split_once(":?")
                .expect("a variable must not be empty");
            out += &variables[name];
            rest = tail;
        }
    }
    out + rest
}

fn values(case: &Case) -> BTreeMap<String, String> {
    let secrets = case.stack.config.secrets.iter();
    secrets
        .map(|(name, value)| (variable(name), value.expose_secret().to_owned()))
        .collect()
}

fn strings(value: &Value, variables: &BTreeMap<String, String>) -> Vec<String> {
    let all = value.as_array().expect("a list");
    all.iter()
        .map(|v| interpolated(v.as_str().expect("a text"), variables))
        .collect()
}

#[test]
fn no_secret_stands_in_the_file_and_all_of_them_in_the_variables() {
    for store in StoreKind::ALL {
        let case = whole(store);
        let (text, _) = file(&case, SecretsAs::Variables);
        assert!(!text.contains(CANARY), "{store}");
        let lines = variables(&case.stack.config.secrets);
        for (name, value) in case.stack.config.secrets.iter() {
            let line = format!("{}='{}'", variable(name), value.expose_secret());
            assert!(lines.lines().any(|l| l == line), "{name}");
        }
    }
}

#[test]
fn asked_for_they_stand_in_it() {
    let case = whole(StoreKind::Qdrant);
    let (text, _) = file(&case, SecretsAs::Values);
    assert!(text.contains(CANARY) && !text.contains("${SECRET"));
}

#[test]
fn the_containers_are_those_of_the_stack() {
    for store in StoreKind::ALL {
        let case = whole(store);
        for secrets in [SecretsAs::Variables, SecretsAs::Values] {
            let (_, file) = file(&case, secrets);
            let services = file["services"].as_object().unwrap();
            assert_eq!(services.len(), case.desired.services.len());
            for wanted in &case.desired.services {
                let shown = &services[wanted.name.as_str()];
                same(&wanted.container, shown, &values(&case));
                let after: Vec<&str> = wanted.after.iter().map(ServiceName::as_str).collect();
                let shown: Vec<&str> = shown["depends_on"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(k, _)| k.as_str())
                    .collect();
                assert_eq!(after, shown, "{}", wanted.name);
            }
        }
    }
}

fn same(spec: &ContainerSpec, shown: &Value, variables: &BTreeMap<String, String>) {
    let name = &spec.service;
    assert_eq!(shown["container_name"], spec.name.as_str(), "{name}");
    assert_eq!(shown["image"], spec.image.as_str(), "{name}");
    assert_eq!(
        shown["user"],
        format!("{}:{}", spec.user.uid, spec.user.gid),
        "{name}"
    );
    assert_eq!(shown["read_only"], spec.read_only, "{name}");
    assert_eq!(shown["cap_drop"], serde_json::json!(["ALL"]), "{name}");
    assert_eq!(shown["pids_limit"], spec.limits.pids, "{name}");
    assert_eq!(
        shown["mem_limit"].as_u64(),
        spec.limits.memory_bytes,
        "{name}"
    );
    let env: BTreeMap<String, String> = shown["environment"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, value)| {
            (
                key.clone(),
                interpolated(value.as_str().expect("a text, never a number"), variables),
            )
        })
        .collect();
    let wanted: BTreeMap<String, String> = spec
        .env
        .iter()
        .map(|(k, v)| (k.clone(), v.expose().to_owned()))
        .collect();
    assert_eq!(env, wanted, "{name}");
    for (key, texts) in [("entrypoint", &spec.entrypoint), ("command", &spec.command)] {
        let wanted = texts.as_ref().map(|all| {
            all.iter()
                .map(|t| t.expose().to_owned())
                .collect::<Vec<_>>()
        });
        let found = shown.get(key).map(|all| strings(all, variables));
        assert_eq!(found, wanted, "{name}: {key}");
    }
    let security = strings(&shown["security_opt"], variables);
    assert!(
        security.contains(&"no-new-privileges:true".to_owned()),
        "{name}"
    );
    let profile = security.iter().find_map(|s| s.strip_prefix("apparmor="));
    assert_eq!(profile, spec.apparmor.as_deref(), "{name}");
    let mounts: Vec<(&str, &str, bool)> = shown["volumes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|v| {
            (
                v["source"].as_str().unwrap(),
                v["target"].as_str().unwrap(),
                v["read_only"].as_bool().unwrap(),
            )
        })
        .collect();
    let wanted: Vec<_> = spec
        .binds
        .iter()
        .map(|b| (b.source.to_str().unwrap(), b.target.as_str(), b.read_only))
        .collect();
    assert_eq!(mounts, wanted, "{name}");
    let ports = shown["ports"].as_array().map_or(0, Vec::len);
    assert_eq!(ports, spec.ports.len(), "{name}");
    match &spec.network {
        NetworkMode::Stack { aliases, .. } => assert_eq!(
            strings(&shown["networks"]["stack"]["aliases"], variables),
            *aliases
        ),
        NetworkMode::Container { service, .. } => {
            assert_eq!(shown["network_mode"], format!("service:{service}"))
        }
        NetworkMode::None => assert_eq!(shown["network_mode"], "none"),
    }
}
