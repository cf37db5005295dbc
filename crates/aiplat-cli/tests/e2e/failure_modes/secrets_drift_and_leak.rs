//! A secret drifts (the file says one thing, the database another), is mangled (`$`), or leaks: in what the engine shows,
//! in a command line, in a log, through a port on every address. `secrets` reads every place that might tell one,
//! `rotate` has values that changed in the file alone refused, and changed ones let in and old ones refused by the service.

use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use crate::support::bed::Bed;
use crate::support::stack::Stack;

/// Everything that shells, Compose and URLs take for something else.
const ODD: &str = r#"Pa$$w0rd-${HOME}-$(id)-`id`-%2F-@:/?#&=+'"\x"#;

fn logs_in(stack: &Stack<'_>, password: &str) -> bool {
    let quoted = format!("'{}'", password.replace('\'', r"'\''"));
    let script =
        format!("PGPASSWORD={quoted} psql -h $(hostname -i) -U postgres -AtqXc 'select 41+1'");
    stack.shell("postgres", &script).trim() == "42"
}

#[test]
fn every_character_of_a_secret_is_itself() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed
        .small("o")
        .with("SERVICES", "postgres,caddy")
        .with("POSTGRES_PASSWORD", ODD);
    stack.deploy().ok();
    assert_eq!(stack.secret("postgres_password"), ODD);
    assert!(logs_in(&stack, ODD));
    assert!(!logs_in(&stack, "Pa$$w0rd"));
    assert_eq!(stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);
}

/// Addresses of the host that others can reach.
fn outside() -> Vec<String> {
    let printed = Command::new("ip")
        .args(["-4", "-o", "address", "show", "scope", "global"])
        .output();
    let text = String::from_utf8(printed.expect("iproute2").stdout).unwrap();
    let all = text.lines().filter_map(|line| {
        line.split("inet ")
            .nth(1)?
            .split('/')
            .next()
            .map(str::to_owned)
    });
    all.collect()
}

#[test]
fn nothing_listens_where_nobody_asked_for_it() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed
        .small("p")
        .with("SERVICES", "postgres,redis,qdrant,prometheus,caddy");
    stack.deploy().ok();
    let address = stack.env["BIND_ADDRESS"].clone();
    let mut published = Vec::new();
    for container in bed.engine.containers() {
        if container["Config"]["Labels"]["aiplat.stack"] != stack.name.as_str() {
            continue;
        }
        let ports = container["NetworkSettings"]["Ports"]
            .as_object()
            .cloned()
            .unwrap_or_default();
        for binding in ports
            .values()
            .flat_map(|b| b.as_array().cloned().unwrap_or_default())
        {
            assert_eq!(binding["HostIp"], address.as_str(), "{}", container["Name"]);
            published.push(
                binding["HostPort"]
                    .as_str()
                    .unwrap()
                    .parse::<u16>()
                    .unwrap(),
            );
        }
    }
    assert!(published.len() >= 3, "{published:?}");
    let open = |host: &str, port: u16| {
        let to: SocketAddr = format!("{host}:{port}").parse().unwrap();
        TcpStream::connect_timeout(&to, Duration::from_millis(500)).is_ok()
    };
    for port in &published {
        assert!(
            open(&address, *port),
            "{address}:{port} is where it should be"
        );
    }
    // stores have no host port at all
    let stores = [5432, 6379, 6333, 6334];
    let bridge = stack.manifest("STACK_SUBNET").unwrap();
    for host in outside() {
        let own = bridge
            .rsplit_once('.')
            .is_some_and(|(net, _)| host.starts_with(net));
        for port in published.iter().chain(&stores) {
            assert!(own || !open(&host, *port), "{host}:{port} is open");
        }
    }
    for port in stores {
        assert!(!open(&address, port), "{address}:{port} is open");
    }
}
