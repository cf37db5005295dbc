//! With a parser and a kernel that are imitated, so that each failure can be had; the checks also with the real parser.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use aiplat_core::spec::ProfileFile;

use super::parser::SystemParser;
use super::*;

/// Reads profiles as the real one does, and keeps `profiles` as the kernel would. Words in a text make it misbehave.
const PARSER: &str = r#"#!/bin/bash
names() { sed -n 's/^profile \([^ ]*\) {$/\1/p' "$@"; }
echo "$*" >> HERE/log
case "$1" in
--version) ;;
-N) names ;;
-Q) if grep -q BROKEN; then echo "AppArmor parser error at line 1: syntax error"; exit 1; fi ;;
-R) for name in $(names); do sed -i "/^$name (/d" HERE/profiles; done ;;
-r) shift 2
    for file; do
      case "$(cat "$file")" in
      *QUIET*) echo "AppArmor parser error in $file"; exit 0 ;;
      *REFUSED*) echo "Permission denied; attempted to load a profile" >&2; exit 243 ;;
      *IGNORED*) ;;
      *LAX*) echo "$(names "$file") (complain)" >> HERE/profiles ;;
      *) name=$(names "$file"); sed -i "/^$name (/d" HERE/profiles; echo "$name (enforce)" >> HERE/profiles ;;
      esac
    done ;;
esac
"#;

struct World {
    dir: tempfile::TempDir,
    paths: AppArmorPaths,
    proc: PathBuf,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["etc", "cache/1234.0", "proc/7/attr/apparmor", "stack"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        fs::write(at("enabled"), "Y\n").unwrap();
        fs::write(at("profiles"), "runc (unconfined)\n").unwrap();
        fs::write(at("proc/7/attr/apparmor/current"), "unconfined\n").unwrap();
        fs::write(
            at("parser"),
            PARSER.replace("HERE", dir.path().to_str().unwrap()),
        )
        .unwrap();
        fs::set_permissions(at("parser"), PermissionsExt::from_mode(0o755)).unwrap();
        std::os::unix::fs::chown(at("stack"), Some(3000), Some(3001)).unwrap();
        let paths = AppArmorPaths {
            system_dir: at("etc"),
            cache_dir: at("cache"),
            enabled: at("enabled"),
            profiles: at("profiles"),
            parser: Program::named(at("parser")),
        };
        let proc = at("proc");
        Self { dir, paths, proc }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn apparmor(&self) -> AppArmor<'_> {
        AppArmor {
            paths: &self.paths,
            proc: &self.proc,
        }
    }

    fn profile(&self, name: &str, rules: &str) -> ProfileFile {
        ProfileFile {
            name: name.into(),
            text: format!("profile {name} {{\n{rules}\n}}\n"),
            source: self.at("stack").join(name),
            system: self.at("etc").join(name),
        }
    }

    fn wear(&self, label: &str) {
        fs::write(self.at("proc/7/attr/apparmor/current"), label).unwrap();
    }

    /// Everything that loading or removing may change.
    fn picture(&self) -> Vec<(PathBuf, String)> {
        let mut all = vec![(
            self.at("profiles"),
            fs::read_to_string(self.at("profiles")).unwrap(),
        )];
        for folder in ["etc", "stack"] {
            for entry in fs::read_dir(self.at(folder)).unwrap() {
                let path = entry.unwrap().path();
                all.push((path.clone(), fs::read_to_string(path).unwrap()));
            }
        }
        all.sort();
        all
    }

    fn calls(&self, flag: &str) -> usize {
        let log = fs::read_to_string(self.at("log")).unwrap();
        log.lines().filter(|line| line.starts_with(flag)).count()
    }
}

const A: &str = "aiplat-ai.a";
const B: &str = "aiplat-ai.b";

#[test]
fn profiles_are_written_twice_and_loaded_in_one_call() {
    let world = World::new();
    let files = [world.profile(A, "one"), world.profile(B, "two")];
    world.apparmor().load(&files).unwrap();
    assert_eq!(world.calls("-r"), 1);
    let facts = world.apparmor().facts();
    assert!(facts.enabled && facts.parser);
    assert_eq!(facts.loaded[A], "enforce");
    assert_eq!(facts.loaded[B], "enforce");
    assert!(facts.files.contains(A) && facts.files.contains(B));
    let source = fs::metadata(&files[0].source).unwrap();
    assert_eq!(
        (source.uid(), source.gid(), source.mode() & 0o777),
        (3000, 3001, 0o640)
    );
    let system = fs::metadata(&files[0].system).unwrap();
    assert_eq!((system.uid(), system.mode() & 0o777), (0, 0o644));
    assert_eq!(fs::read_to_string(&files[1].system).unwrap(), files[1].text);
    let before = world.picture();
    world.apparmor().load(&files).unwrap();
    assert_eq!(world.picture(), before);
}

#[test]
fn a_failure_of_one_leaves_all_as_it_was() {
    for (rules, parser) in [
        ("BROKEN", true),
        ("QUIET", true),
        ("REFUSED", true),
        ("IGNORED", false),
        ("LAX", false),
    ] {
        let world = World::new();
        world.apparmor().load(&[world.profile(A, "old")]).unwrap();
        let before = world.picture();
        let files = [world.profile(A, "new"), world.profile(B, rules)];
        let refused = world.apparmor().load(&files).unwrap_err();
        let fits = match refused {
            HostError::Parser { .. } => parser,
            HostError::NotEnforced { ref name, .. } => !parser && name == B,
            _ => false,
        };
        assert!(fits, "{rules}: {refused}");
        assert_eq!(world.picture(), before, "{rules}");
    }
}

#[test]
fn a_text_that_defines_another_profile_is_not_written() {
    let world = World::new();
    let before = world.picture();
    for text in [
        format!("profile {A} {{\n}}\nprofile evil {{\n}}\n"),
        "profile evil {\n}\n".to_owned(),
        String::new(),
    ] {
        let file = ProfileFile {
            text,
            ..world.profile(A, "")
        };
        assert!(matches!(
            world.apparmor().load(&[file]),
            Err(HostError::Parser { .. })
        ));
    }
    assert_eq!(world.picture(), before);
}

#[test]
fn names_and_places_must_agree() {
    let world = World::new();
    let good = world.profile(A, "");
    let elsewhere = ProfileFile {
        system: world.at("stack").join(A),
        ..good.clone()
    };
    assert!(matches!(
        world.apparmor().load(&[elsewhere]),
        Err(HostError::NotContained { .. })
    ));
    for file in [
        ProfileFile {
            name: B.into(),
            ..good.clone()
        },
        ProfileFile {
            source: world.at("stack/other"),
            ..good.clone()
        },
        world.profile("docker-default", ""),
        world.profile("aiplat-a//b", ""),
    ] {
        let refused = world
            .apparmor()
            .load(std::slice::from_ref(&file))
            .unwrap_err();
        assert!(
            matches!(refused, HostError::ProfileName { .. }),
            "{refused}"
        );
        assert!(world.apparmor().remove(&[file]).is_err());
    }
}

#[test]
fn a_worn_profile_stays() {
    let world = World::new();
    let files = [world.profile(A, ""), world.profile(B, "")];
    world.apparmor().load(&files).unwrap();
    let before = world.picture();
    for label in [
        "aiplat-ai.b (enforce)\n",
        "aiplat-ai.b//child (enforce)\n",
        "x//&aiplat-ai.b (enforce)\n",
    ] {
        world.wear(label);
        let refused = world.apparmor().remove(&files).unwrap_err();
        assert!(matches!(refused, HostError::ProfileInUse { pid: 7, ref name } if name == B));
        assert_eq!(world.picture(), before, "{label}");
    }
    world.wear("aiplat-ai.b2 (enforce)\n");
    fs::write(world.at("cache/1234.0").join(A), "").unwrap();
    world.apparmor().remove(&files).unwrap();
    world.apparmor().remove(&files).unwrap();
    assert_eq!(
        world.picture(),
        [(world.at("profiles"), "runc (unconfined)\n".to_owned())]
    );
    assert!(!world.at("cache/1234.0").join(A).exists());
}

#[test]
fn without_a_kernel_that_enforces_nothing_is_loaded_and_files_can_still_go() {
    let world = World::new();
    let file = [world.profile(A, "")];
    world.apparmor().load(&file).unwrap();
    fs::write(world.at("enabled"), "N\n").unwrap();
    assert!(matches!(
        world.apparmor().load(&file),
        Err(HostError::NoAppArmor)
    ));
    world.apparmor().remove(&file).unwrap();
    assert!(!file[0].system.exists() && !file[0].source.exists());
}

#[test]
fn labels_are_read_and_their_absence_told_apart() {
    let world = World::new();
    let proc = world.at("proc");
    world.wear("aiplat-ai.a (enforce)\n");
    let label = label_of(&proc, 7).unwrap();
    assert!(label.is_enforced_by(&A.parse().unwrap()));
    assert!(matches!(
        label_of(&proc, 8),
        Err(HostError::NoProcess { pid: 8 })
    ));
    fs::create_dir_all(proc.join("9/attr")).unwrap();
    assert!(matches!(label_of(&proc, 9), Err(HostError::NoAppArmor)));
    fs::write(proc.join("9/attr/current"), "old (complain)\n").unwrap();
    assert_eq!(label_of(&proc, 9).unwrap().to_string(), "old (complain)");
}

#[test]
fn the_real_parser_accepts_one_profile_and_refuses_the_rest() {
    let program = Program::named("apparmor_parser");
    if program.run(&["--version".as_ref()], b"").is_err() {
        eprintln!("skipped: there is no apparmor_parser");
        return;
    }
    let parser = SystemParser(&program);
    let name = A.parse().unwrap();
    let profile = |body: &str| format!("abi <abi/3.0>,\nprofile {A} {{\n{body}\n}}\n");
    parser.check(&name, &profile("/** r,")).unwrap();
    for bad in [
        profile("/** r"),
        profile("}\nprofile evil {"),
        profile("!/x r,"),
        "profile other {\n}\n".to_owned(),
    ] {
        assert!(
            matches!(parser.check(&name, &bad), Err(HostError::Parser { .. })),
            "{bad}"
        );
    }
}
