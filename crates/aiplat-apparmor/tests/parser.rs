//! The real `apparmor_parser` on what we generate and on what an attacker would like us to.
//!
//! Needs Debian's package `apparmor`, but no kernel that has it. Where the program is missing these
//! tests say loudly that they did not run; with `AIPLAT_REQUIRE_APPARMOR_PARSER=1` they fail.

#![expect(clippy::print_stderr, reason = "a test that did not run has to say so")]

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use aiplat_apparmor::{
    Capability, ContainerPath, Kind, Parser, ParserOutput, ProfileName, ProfileSpec, Writable,
    check_names, check_profile, quote,
};

mod common;

struct Program(PathBuf);

impl Program {
    fn find() -> Option<Self> {
        let found = ["/usr/sbin/apparmor_parser", "/sbin/apparmor_parser"]
            .into_iter()
            .map(PathBuf::from)
            .find(|path| path.exists());
        if found.is_none() {
            let required = std::env::var_os("AIPLAT_REQUIRE_APPARMOR_PARSER");
            assert!(
                required.is_none_or(|value| value != "1"),
                "apparmor_parser is not installed"
            );
            eprintln!(
                "NOT RUN: no profile met the real parser: install Debian's package `apparmor`"
            );
        }
        found.map(Self)
    }

    fn run(&self, arguments: &[&str], text: &str) -> io::Result<ParserOutput> {
        let features =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/apparmor/features-6.1");
        let mut file = tempfile::NamedTempFile::new()?;
        file.write_all(text.as_bytes())?;
        let output = Command::new(&self.0)
            .arg("--kernel-features")
            .arg(features)
            .args(arguments)
            .arg(file.path())
            .output()?;
        Ok(ParserOutput {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}

impl Parser for Program {
    type Error = io::Error;

    fn names(&self, text: &str) -> io::Result<ParserOutput> {
        self.run(&["-N"], text)
    }

    fn compile(&self, text: &str) -> io::Result<ParserOutput> {
        self.run(&["-Q", "-K"], text)
    }
}

#[test]
fn every_kind_with_every_option_compiles() {
    let Some(parser) = Program::find() else {
        return;
    };
    for kind in Kind::ALL {
        for options in [false, true] {
            let mut spec = common::example(kind);
            (spec.deny_passwd, spec.gpu, spec.writable_root) = (options, options, options);
            if options {
                spec.capabilities = Capability::ALL.to_vec();
                spec.readable = vec!["/config".parse().unwrap()];
                let path: ContainerPath = "/var/lib/postgresql/data/x-y".parse().unwrap();
                spec.writable.push(Writable { path, exec: true });
                spec.writable.push(Writable {
                    path: "/run".parse().unwrap(),
                    exec: true,
                });
            }
            check_profile(&parser, &spec.profile()).unwrap();
        }
    }
}

#[test]
fn a_profile_without_any_one_rule_compiles() {
    let Some(parser) = Program::find() else {
        return;
    };
    let profile = common::example(Kind::Default).profile();
    for index in 0..profile.rules().len() {
        check_profile(&parser, &profile.without(index)).unwrap();
    }
}

#[test]
fn the_longest_names_and_paths_compile() {
    let Some(parser) = Program::find() else {
        return;
    };
    let name: ProfileName = format!("a{}", "z".repeat(62)).parse().unwrap();
    let mut spec = ProfileSpec::new(name, Kind::Default);
    spec.writable = (0..30)
        .map(|n| Writable::data(format!("/data-{n}/{}", "x".repeat(200)).parse().unwrap()))
        .collect();
    check_profile(&parser, &spec.profile()).unwrap();
}

/// Directory names that change what a profile says where they are put into it as they are.
const HOSTILE: &[&str] = &[
    "/srv/a rw,\n}\nprofile evil flags=(unconfined) {\n  /x",
    "/srv/a\" rw,\n}\nprofile evil flags=(unconfined) {\n  \"/x",
    "/srv/a rw, /etc/shadow",
    "/srv/a\" rw, \"/etc/shadow",
    "/srv/*",
    "/srv/**",
    "/srv/?",
    "/srv/{a,b}",
    "/srv/[a]",
    "/srv/[^a]",
    "/srv/a^b",
    "/srv/\\101",
    "/srv/a\\",
    "/srv/{",
    "/srv/}",
    "/srv/[",
    "/srv/]",
    "/srv/@{HOME}",
    "/srv/@{X}",
    "/srv/${X}",
    "/srv/a b",
    "/srv/a\tb",
    "/srv/!a",
    "/srv/a #b",
    "/srv/a -> b",
    "/srv/a,",
    "/srv/'",
    "/srv/(a)",
    "/srv/a;b",
    "/srv/a=b|c:d%e~f+g@h",
    "/srv/ümläut",
    "/srv/a\n#include \"/etc/passwd\"\n",
    "/srv/a\0b",
    "/srv/a\u{7f}b",
    "/srv//a",
    "/srv/../etc",
];

#[test]
fn no_hostile_path_breaks_out_of_its_quotes() {
    let Some(parser) = Program::find() else {
        return;
    };
    let name: ProfileName = "aiplat-a.b".parse().unwrap();
    let (mut refused, mut quoted) = (0, 0);
    for path in HOSTILE {
        assert!(
            path.parse::<ContainerPath>().is_err(),
            "{path:?} was taken as a container path"
        );
        let Ok(word) = quote(path) else {
            refused += 1;
            continue;
        };
        quoted += 1;
        let text = format!("abi <abi/3.0>,\nprofile {name} {{\n  {word} r,\n}}\n");
        check_names(&name, &parser.names(&text).unwrap())
            .unwrap_or_else(|e| panic!("{path:?}: {e}"));
        let compiled = parser.compile(&text).unwrap();
        assert!(compiled.success, "{path:?}: {}", compiled.stderr);
    }
    assert!(
        refused > 5 && quoted > 20,
        "{refused} refused, {quoted} quoted"
    );
}

/// The test above is worth something only if the same strings do harm without the escaper.
#[test]
fn the_same_paths_do_break_out_unescaped() {
    let Some(parser) = Program::find() else {
        return;
    };
    let name: ProfileName = "aiplat-a.b".parse().unwrap();
    let broke_out = |text: &str| {
        let output = parser.names(text).unwrap();
        output.success && check_names(&name, &output).is_err()
    };
    for raw in [&HOSTILE[0], &HOSTILE[1]] {
        let bare = format!("profile {name} {{\n  {raw} r,\n}}\n");
        let in_quotes = format!("profile {name} {{\n  \"{raw}\" r,\n}}\n");
        assert!(
            broke_out(&bare) || broke_out(&in_quotes),
            "{raw:?} is harmless"
        );
    }
}
