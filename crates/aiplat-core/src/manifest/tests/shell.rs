//! A real shell reads what we write, and what we say it reads alike.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use super::super::{Manifest, portable};
use super::{any_value, manifest_like};
use proptest::prelude::*;

/// What `sh` has in its environment after reading the file.
fn shell(text: &str) -> BTreeMap<String, String> {
    let mut sh = Command::new("/bin/sh")
        .args(["-c", "set -a; . /dev/stdin; exec /usr/bin/env -0"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a POSIX shell");
    let mut stdin = sh.stdin.take().expect("piped");
    stdin.write_all(text.as_bytes()).expect("sh reads");
    drop(stdin);
    let output = sh.wait_with_output().expect("sh ends");
    assert!(output.status.success(), "sh failed on {text:?}");
    let output = String::from_utf8(output.stdout).expect("text in, text out");
    let pair = |pair: &str| {
        pair.split_once('=')
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
    };
    output.split_terminator('\0').filter_map(pair).collect()
}

fn assert_same(manifest: &Manifest) {
    let seen = shell(&manifest.to_text());
    for (key, value) in manifest.iter() {
        let seen = seen.get(key).map(String::as_str);
        assert_eq!(
            seen,
            Some(value.expose()),
            "`{key}` of {:?}",
            manifest.to_text()
        );
    }
}

#[test]
fn the_page_is_true() {
    let text = "# c\nA=plain-._/:,@%+=\nexport B=v # note\nC=v#x\nD='a \"b\"\n$c \\n'\nE=\"a\\\\b\\\"c\\$d\"\n\
                F=${A}/x\nG=\"${A} x\"\nH='${A}'\nI=1\nI=2\nJ=\nL=\"it's\"\nM=#x\n";
    let manifest = Manifest::parse(text).expect("well formed");
    assert!(manifest.differences().is_empty());
    assert_same(&manifest);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_shell_reads_what_we_write(values in prop::collection::vec(any_value(), 1..30)) {
        let mut manifest = Manifest::default();
        for (index, value) in values.iter().enumerate() {
            manifest.set(&format!("V{index}"), value).expect("no NUL");
        }
        // backticks are written so that the shell and we agree, too
        assert_same(&manifest);
    }

    #[test]
    fn a_shell_reads_alike_what_is_not_named_as_different(parts in prop::collection::vec(manifest_like(), 40)) {
        let same = |text: &String| {
            let parsed = Manifest::parse(text);
            let shadowed = |m: &Manifest| m.warnings().is_empty();
            parsed.is_ok_and(|m| shadowed(&m) && m.differences().is_empty() && !text.starts_with('\u{feff}')
                && !strange_blanks(text))
        };
        for text in parts.iter().filter(|text| same(text)).take(4) {
            assert_same(&Manifest::parse(text).expect("parsed before"));
        }
    }

    #[test]
    fn the_writer_takes_quotes_that_compose_shares(value in any_value()) {
        let hard = value.contains('`')
            && (value.contains('\'') || !super::super::quoting::trailing_backslashes(&value).is_multiple_of(2));
        prop_assert_eq!(portable(&value), !hard);
    }
}

/// A blank line or comment with blanks that a shell takes for text: a command to it, but about no entry.
fn strange_blanks(text: &str) -> bool {
    text.split('\n')
        .any(|line| line.trim_start() != line.trim_start_matches([' ', '\t']))
}
