//! What the command says when something is wrong: the right code, all problems, a hint, and never a value.

use serde_json::Value;
use tempfile::tempdir;

use crate::{CANARY, aiplat, run};

fn error(out: &str) -> Value {
    let document: Value = serde_json::from_str(out).expect("one JSON document");
    document["error"].clone()
}

#[test]
fn an_engine_that_is_not_there_is_named_with_what_to_do() {
    let dir = tempdir().unwrap();
    for command in ["plan", "deploy", "ls"] {
        let (code, out, err) = run(aiplat(dir.path()).args([command, "--base-dir", "."]));
        assert_eq!(code, 5, "{command}: {err}");
        assert!(
            out.is_empty() && err.starts_with("error: ") && err.contains("hint: "),
            "{err}"
        );
        assert!(err.contains("/nonexistent/engine.sock"), "{err}");
    }
    let (code, out, err) = run(aiplat(dir.path()).args(["ls", "--json"]));
    assert_eq!((code, err.as_str()), (5, ""));
    assert_eq!(error(&out)["kind"], "engine");
}

#[test]
fn a_wrong_command_line_is_64_in_both_forms() {
    let dir = tempdir().unwrap();
    for arguments in [
        &["nonsense"][..],
        &["plan", "--nonsense"],
        &["logs", "-n", "many"],
        &[],
    ] {
        let (code, out, err) = run(aiplat(dir.path()).args(arguments));
        assert_eq!(code, 64, "{arguments:?}");
        assert!(out.is_empty() && !err.is_empty(), "{arguments:?}");
    }
    let (code, out, _) = run(aiplat(dir.path()).args(["--json", "nonsense"]));
    assert_eq!(code, 64);
    assert_eq!(error(&out)["code"], 64);
}

#[test]
fn no_stack_is_no_failure_of_the_engine() {
    let dir = tempdir().unwrap();
    for command in ["status", "health", "logs", "render"] {
        let (code, _, err) = run(aiplat(dir.path()).args([command, "--base-dir", "."]));
        assert_eq!(code, 10, "{command}: {err}");
    }
}

#[test]
fn every_problem_of_a_manifest_is_told_by_key_and_line_and_no_value_is() {
    let dir = tempdir().unwrap();
    std::fs::create_dir(dir.path().join("config")).unwrap();
    let manifest = format!(
        "BASE_DIR={}\nVECTOR_DB={CANARY}\nGRAFANA_PORT={CANARY}\nTAILSCALE_AUTH_KEY='{CANARY} x'\n",
        dir.path().display()
    );
    std::fs::write(dir.path().join("config/.env"), manifest).unwrap();
    std::fs::write(dir.path().join("config/stack-id"), "0123456789ab\n").unwrap();
    // found from below, without any flag
    let below = dir.path().join("config");
    let mut command = aiplat(&below);
    let (code, out, err) = run(command.args(["status", "--json"]));
    assert_eq!(code, 3, "{out}{err}");
    let problems = error(&out)["problems"].clone();
    let lines: Vec<_> = problems
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["key"].as_str(), p["line"].as_u64()))
        .collect();
    for wanted in [
        (Some("VECTOR_DB"), Some(2)),
        (Some("GRAFANA_PORT"), Some(3)),
        (Some("TAILSCALE_AUTH_KEY"), Some(4)),
    ] {
        assert!(lines.contains(&wanted), "{lines:?}");
    }
}

#[test]
fn a_secret_given_by_flag_is_refused_and_not_repeated() {
    let dir = tempdir().unwrap();
    for pair in [
        format!("TAILSCALE_AUTH_KEY={CANARY}"),
        CANARY.to_owned(),
        format!("{CANARY} x=1"),
    ] {
        let (code, _, err) =
            run(aiplat(dir.path()).args(["plan", "--base-dir", ".", "--set", &pair]));
        assert_eq!(code, 3, "{err}");
    }
}

#[test]
fn a_setup_never_asks_without_a_terminal() {
    let dir = tempdir().unwrap();
    let (code, _, err) = run(aiplat(dir.path())
        .args(["setup", "--allow-unmounted", "--base-dir", "."])
        .write_stdin(""));
    // its questions come before its engine, which is not there
    assert_eq!(code, 5, "{err}");
}

#[test]
fn an_own_service_file_is_checked_with_every_problem() {
    let dir = tempdir().unwrap();
    let text = "name = \"mine\"\n[image]\nreference = \"example/mine:1.0\"\n";
    std::fs::write(dir.path().join("mine.toml"), text).unwrap();
    let (code, out, _) = run(aiplat(dir.path()).args(["catalog", "check", "mine.toml", "--json"]));
    assert_eq!(code, 3);
    assert_eq!(error(&out)["kind"], "invalid");
    for key in ["`title`", "`image.source`", "`health`"] {
        assert!(
            error(&out)["problems"].to_string().contains(key),
            "{key}: {out}"
        );
    }
}

#[test]
fn doctor_goes_as_far_as_it_gets_without_an_engine() {
    let dir = tempdir().unwrap();
    let (code, out, _) = run(aiplat(dir.path()).args(["doctor", "--json"]));
    assert_eq!(code, 11);
    let document: Value = serde_json::from_str(&out).unwrap();
    let findings = document["findings"].as_array().unwrap();
    assert!(
        findings
            .iter()
            .any(|f| f["check"] == "engine" && f["severity"] == "error")
    );
    assert!(findings.iter().any(|f| f["check"] == "apparmor"));
}
