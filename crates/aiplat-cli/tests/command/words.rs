//! What the command says when all is well.

use serde_json::Value;
use tempfile::tempdir;

use crate::{aiplat, run};

#[test]
fn help_is_for_everybody_and_has_no_colours_without_a_terminal() {
    let dir = tempdir().unwrap();
    let (code, out, err) = run(aiplat(dir.path()).arg("help"));
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("deploy") && !out.contains('\u{1b}'), "{out}");
    assert!(
        !out.contains("\n  man "),
        "the generator of manual pages is for packages:\n{out}"
    );
}

#[test]
fn exit_codes_are_told_in_help_as_a_table_and_as_json() {
    let dir = tempdir().unwrap();
    let (_, help, _) = run(aiplat(dir.path()).args(["help", "exit-codes"]));
    let (_, table, _) = run(aiplat(dir.path()).arg("exit-codes"));
    for line in table.lines() {
        let word = line
            .split_whitespace()
            .nth(1)
            .expect("each line has code and word");
        assert!(help.contains(word), "{word}");
    }
    let (_, json, _) = run(aiplat(dir.path()).args(["exit-codes", "--json"]));
    let codes: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(codes.as_array().unwrap().len(), table.lines().count());
}

#[test]
fn each_shell_has_completions() {
    let dir = tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, out, err) = run(aiplat(dir.path()).args(["completions", shell]));
        assert!(code == 0 && out.contains("teardown"), "{shell}: {err}");
    }
}

#[test]
fn there_is_a_manual_page_for_each_command() {
    let dir = tempdir().unwrap();
    let (code, _, err) = run(aiplat(dir.path()).args(["man", "--dir", "pages"]));
    assert_eq!(code, 0, "{err}");
    let page = |name: &str| std::fs::read_to_string(dir.path().join("pages").join(name)).unwrap();
    for command in aiplat_cli::command()
        .get_subcommands()
        .filter(|c| !c.is_hide_set() && c.get_name() != "help")
    {
        let text = page(&format!("aiplat-{}.1", command.get_name()));
        assert!(text.contains("Examples"), "{}", command.get_name());
    }
    assert!(page("aiplat-exit-codes.1").contains("locked"));
    assert!(page("aiplat-catalog-show.1").contains("service"));
}

#[test]
fn the_catalogue_is_shown_without_an_engine() {
    let dir = tempdir().unwrap();
    let (_, out, _) = run(aiplat(dir.path()).args(["catalog", "list"]));
    assert!(out.contains("postgres") && out.contains("caddy"), "{out}");
    let (_, out, _) = run(aiplat(dir.path()).args(["catalog", "show", "n8n", "--json"]));
    let service: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(service["name"], "n8n");
    assert_eq!(service["vector_stores"].as_object().unwrap().len(), 4);
}

#[test]
fn a_variable_that_is_no_utf8_harms_nobody() {
    use std::os::unix::ffi::OsStrExt;
    let dir = tempdir().unwrap();
    let odd = std::ffi::OsStr::from_bytes(&[0xff, 0xfe]);
    let (code, _, err) = run(aiplat(dir.path())
        .env("AIPLAT_ODD", odd)
        .env("ODD", odd)
        .arg("exit-codes"));
    assert_eq!(code, 0, "{err}");
}
