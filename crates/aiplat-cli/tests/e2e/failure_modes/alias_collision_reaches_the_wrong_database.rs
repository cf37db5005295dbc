//! A service's plain name leads into another stack's database, because both stand on one network.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::engine::FOREIGN_IMAGE;
use crate::support::stack::Stack;

/// Addresses of a stack's containers, by service.
fn addresses(stack: &Stack<'_>, services: &[&str]) -> BTreeMap<String, String> {
    services
        .iter()
        .map(|service| ((*service).to_owned(), stack.address(service)))
        .collect()
}

/// What each name leads to for a container; names that lead nowhere are left out.
fn resolved(stack: &Stack<'_>, service: &str, names: &[String]) -> BTreeMap<String, String> {
    let script = format!(
        "for name in {}; do echo \"$name\" $(nslookup -type=a $name 2>/dev/null | grep '^Address' | tail -n +2 | cut -d' ' -f2); done",
        names.join(" ")
    );
    let asker = format!("{}-asks-{service}", stack.name);
    let printed = stack
        .bed
        .engine
        .in_network_of(&stack.container(service), &asker, &script);
    let pairs = printed
        .lines()
        .filter_map(|line| line.trim().split_once(' '));
    pairs
        .map(|(name, to)| (name.to_owned(), to.to_owned()))
        .collect()
}

#[test]
fn every_name_leads_home_or_nowhere() {
    let Some(bed) = Bed::new() else { return };
    let a = bed.small("a").with("SERVICES", "postgres,redis,caddy");
    let b = bed.small("b").with("SERVICES", "redis,caddy");
    a.deploy().ok();
    b.deploy().ok();
    // somebody else's, under the very same names, on a network of theirs
    let network = bed.engine.foreign_network(&format!("{}-foreign", bed.tag));
    let twin = format!("{}-twin", bed.tag);
    let spec = json!({
        "Image": FOREIGN_IMAGE, "Cmd": ["sleep", "600"], "Entrypoint": [], "HostConfig": {"NetworkMode": network, "Init": true},
        "NetworkingConfig": {"EndpointsConfig": {network.clone(): {"Aliases": ["postgres", "redis", "qdrant"]}}},
    });
    let (status, body) = bed
        .engine
        .call("POST", &format!("/containers/create?name={twin}"), &spec);
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
    bed.engine
        .call("POST", &format!("/containers/{twin}/start"), &Value::Null);

    let of_a = ["postgres", "redis", "caddy"];
    let of_b = ["redis", "caddy"];
    let plain = ["postgres", "redis", "caddy", "qdrant"].map(str::to_owned);
    for (stack, own, other) in [(&a, &of_a[..], &b), (&b, &of_b[..], &a)] {
        let home = addresses(stack, own);
        let mut names = plain.to_vec();
        names.extend(own.iter().map(|service| stack.container(service)));
        names.extend(of_a.iter().map(|service| other.container(service)));
        names.extend([
            twin.clone(),
            format!("redis.{}", other.name),
            format!("{}.{}", other.container("redis"), other.name),
        ]);
        for service in own {
            let seen = resolved(stack, service, &names);
            for (name, address) in &seen {
                assert!(
                    home.values().any(|a| a == address),
                    "`{name}` leads {} `{service}` to {address}",
                    stack.name
                );
            }
            for (name, address) in &home {
                assert_eq!(
                    seen.get(name),
                    Some(address),
                    "{} `{service}`: its own `{name}`",
                    stack.name
                );
            }
            assert_eq!(seen.len(), 2 * own.len(), "{seen:?}");
        }
    }
    bed.engine.remove_container(&twin);
    bed.engine.remove_network(&network);
}
