//! What an operator does with a running stack: restart, reload, renew, look, run a command; nothing of it touches a
//! container of somebody else, whatever its name is.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::support::bed::Bed;
use crate::support::engine::FOREIGN_IMAGE;
use crate::support::inventory;
use crate::support::stack::Stack;

/// Front door, collector, dashboards and a store: the collector and the front door are the real programs.
fn stack<'b>(bed: &'b Bed, name: &str) -> Stack<'b> {
    bed.small(name).with("SERVICES", "redis,grafana,caddy")
}

/// When each of the stack's containers was started, by service.
fn started(stack: &Stack<'_>) -> std::collections::BTreeMap<String, (String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let own = |c: &Value| c["Config"]["Labels"]["aiplat.stack-id"] == stack.id().as_str();
    let all = stack.bed.engine.containers();
    all.iter()
        .filter(|c| own(c))
        .map(|c| {
            let service = text(&c["Config"]["Labels"]["aiplat.service"]);
            (service, (text(&c["Id"]), text(&c["State"]["StartedAt"])))
        })
        .collect()
}

/// Somebody else's container with the service's label, this stack's name in its own and another identity.
fn twin(bed: &Bed, stack: &Stack<'_>) -> String {
    let spec = json!({
        "Image": FOREIGN_IMAGE, "Cmd": ["sleep", "3600"], "Entrypoint": [],
        "Labels": {"aiplat.service": "redis", "aiplat.stack": format!("{}-twin", stack.name),
                   "aiplat.stack-id": "0123456789ab", "aiplat.base-dir": "/nowhere"},
        "HostConfig": {"NetworkMode": "none", "Init": true},
    });
    let name = format!("{}x", stack.container("redis"));
    let path = format!("/containers/create?name={name}");
    let (status, body) = bed.engine.call("POST", &path, &spec);
    assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
    bed.engine
        .call("POST", &format!("/containers/{name}/start"), &Value::Null);
    name
}

#[test]
fn a_restart_reaches_what_needs_it_and_nothing_else_and_is_finished_after_a_kill() {
    let Some(bed) = Bed::new() else { return };
    let stack = stack(&bed, "r");
    stack.deploy().ok();
    let twin = twin(&bed, &stack);
    let foreign = inventory::of(&bed.engine, &[&twin]);
    let before = started(&stack);
    let done = stack.run(&["restart", "prometheus", "--json"]).ok().json();
    assert_eq!(done["restarted"], json!(["prometheus", "grafana"]));
    let after = started(&stack);
    for (service, (id, at)) in &before {
        let again = matches!(service.as_str(), "prometheus" | "grafana");
        assert_eq!(&after[service].0, id, "{service} is the same container");
        assert_eq!(&after[service].1 != at, again, "{service}");
    }
    // each way to be interrupted, and both ways on
    for (killed_after, on) in [(1, "deploy"), (3, "restart"), (4, "deploy"), (7, "restart")] {
        let killed = stack
            .clone()
            .with("AIPLAT_TEST_KILL_AFTER", killed_after.to_string())
            .run(&["restart"]);
        assert_eq!(killed.signal, Some(9), "{}", killed.said());
        // an engine carries a stop to its end though its caller is gone: what runs now may not run on
        let told = stack.run(&["plan"]).out;
        let stopping = told.contains("was interrupted was stopping it");
        assert!(stopping || killed_after > 1, "{told}");
        stack.run(&[on]).ok();
        let well = stack.run(&["health", "--json"]).ok().json();
        assert_eq!(well["healthy"], true, "killed after {killed_after}: {well}");
    }
    let again = stack.run(&["deploy", "--json"]).ok().json();
    assert_eq!(again["changes"], 0, "{again}");
    stack.run(&["restart", "redisx"]).fails(3, &["redisx"]);
    stack.run(&["exec", "redisx", "id"]).fails(3, &["redisx"]);
    assert!(!stack.run(&["top", "--json"]).ok().out.contains(&twin));
    inventory::same(&foreign, &inventory::of(&bed.engine, &[&twin]), "the twin");
    bed.engine.remove_container(&twin);
}

/// The serial number of the certificate that is really served, by another program than the product.
fn serial(stack: &Stack<'_>) -> String {
    let port = stack.manifest("CADDY_HTTPS_PORT").unwrap();
    let script = format!(
        "openssl s_client -connect {}:{port} -servername grafana.{}.localhost </dev/null 2>/dev/null | openssl x509 -noout -serial",
        stack.env["FRONT_DOOR_ADDRESS"], stack.name
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    let serial = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert!(serial.starts_with("serial="), "no certificate is served");
    serial
}

/// Seconds.
const DAY: u64 = 24 * 3600;

/// A certificate of the operator's own for the stack, which ends in this many days.
fn own_certificate(stack: &Stack<'_>, days: u32) -> PathBuf {
    let folder = stack
        .base
        .join(format!("ssl/certs/{}.localhost", stack.name));
    // since the day before: one that begins just now is not yet valid when the machine's clock goes back
    let moment = |seconds: u64| {
        let at = SystemTime::now() + Duration::from_secs(seconds) - Duration::from_secs(DAY);
        let text = humantime::format_rfc3339_seconds(at).to_string();
        text.replace(['-', ':', 'T'], "")
    };
    let (begin, end) = (moment(0), moment(u64::from(days + 1) * DAY));
    let script = format!(
        "cd {0} && openssl req -new -newkey rsa:2048 -nodes -subj /CN=own -keyout privkey.pem -out own.csr && \
         printf '[ca]\ndefault_ca=own\n[own]\nnew_certs_dir=own.certs\ndatabase=own.db\nserial=own.serial\npolicy=any\n[any]\nCN=supplied\n\
                 [names]\nsubjectAltName=DNS:*.{1}.localhost\n' >own.conf && mkdir own.certs && : >own.db && \
         openssl ca -batch -notext -selfsign -md sha256 -rand_serial -config own.conf -extensions names \
                 -keyfile privkey.pem -in own.csr -startdate {begin} -enddate {end} -out fullchain.pem && \
         rm -r own.* && chown {2}:{2} *.pem && chmod 400 *.pem",
        folder.display(),
        stack.name,
        stack.env["STACK_USER_UID"],
    );
    let made = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    folder.join("fullchain.pem")
}

/// The second in which a certificate ends, as another program than the product reads it.
fn end(certificate: &Path) -> String {
    let output = Command::new("openssl")
        .args(["x509", "-noout", "-enddate", "-dateopt", "iso_8601", "-in"])
        .arg(certificate)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    let end = words.trim().strip_prefix("notAfter=").unwrap();
    end.replacen(' ', "T", 1)
}

fn overwrite(file: &Path, text: &[u8]) {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(file)
        .unwrap();
    file.write_all(text).unwrap();
}

#[test]
fn certificates_are_renewed_and_an_invalid_one_is_refused_with_the_old_still_served() {
    let Some(bed) = Bed::new() else { return };
    let stack = stack(&bed, "c");
    stack.deploy().ok();
    let first = serial(&stack);
    let renewed = stack.run(&["renew", "--json"]).ok().json();
    assert_eq!(renewed["certificates"][0]["renewed"], true, "{renewed}");
    let second = serial(&stack);
    assert_ne!(first, second);
    let kept = stack.base.join("caddy/data/renewal");
    assert_eq!(std::fs::read_dir(&kept).unwrap().count(), 0);
    // killed right after it was begun, and again
    let killed = stack
        .clone()
        .with("AIPLAT_TEST_KILL_AFTER", "1")
        .run(&["renew"]);
    assert_eq!(killed.signal, Some(9), "{}", killed.said());
    stack.run(&["renew"]).ok();
    let again = stack.run(&["deploy", "--json"]).ok().json();
    assert_eq!(again["changes"], 0, "{again}");
    stack
        .run(&["renew", "other.example.org"])
        .fails(3, &["other.example.org"]);

    // the operator's own, from now on
    let file = own_certificate(&stack, 10);
    stack.run(&["deploy", "--set", "OWN_CERTIFICATE=true"]).ok();
    let own = serial(&stack);
    let end = end(&file);
    stack
        .run(&["renew"])
        .fails(4, &["OWN_CERTIFICATE", "fullchain.pem", &end]);
    let status = stack.run(&["status", "--json"]).ok().json();
    let problem = status["certificates"][0]["problem"].as_str().unwrap();
    assert!(problem.contains(&end), "{problem}");
    stack.run(&["doctor"]).fails(11, &["ends in", &end]);
    let good = std::fs::read(&file).unwrap();
    overwrite(&file, b"canary-garbage\n");
    stack
        .run(&["reload", "caddy"])
        .fails(3, &["check the configuration of caddy", "refused"]);
    assert_eq!(serial(&stack), own, "the old one is served");
    overwrite(&file, &good);
    stack.run(&["reload"]).ok();
    assert_eq!(serial(&stack), own);
    own_certificate(&stack, 100);
    stack.run(&["reload", "caddy"]).ok();
    assert_ne!(serial(&stack), own, "a new one is taken");
    stack.run(&["doctor"]);
}

#[test]
fn a_command_in_a_container_is_given_its_input_and_gives_back_output_and_exit_code() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("x").with("SERVICES", "redis");
    stack.deploy().ok();
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let mut child = stack
        .command(&["exec", "-T", "redis", "--", "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let feed = std::thread::spawn({
        let bytes = bytes.clone();
        move || input.write_all(&bytes)
    });
    let output = child.wait_with_output().unwrap();
    feed.join().unwrap().unwrap();
    assert!(output.status.success() && output.stdout == bytes);
    let ended = stack.run(&["exec", "redis", "--", "sh", "-c", "id -u; exit 7"]);
    assert_eq!(
        (ended.code, ended.out.trim()),
        (7, stack.env["STACK_USER_UID"].as_str())
    );
    let absent = stack.run(&["exec", "redis", "nosuchprog"]);
    let absent = absent.fails(127, &["`nosuchprog`: expected a program"]);
    assert!(!absent.said().contains("OCI"), "{}", absent.said());
    let json = stack.run(&["exec", "--json", "redis", "sh", "-c", "echo a; echo b >&2"]);
    let json = json.ok().json();
    assert_eq!(
        json,
        json!({"exit_code": 0, "stdout": "a\n", "stderr": "b\n"})
    );
}
