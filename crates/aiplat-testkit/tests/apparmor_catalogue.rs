//! The profiles that the catalogue really gets, of two stacks: each compiles with the real parser,
//! all are loaded into one kernel side by side, and each holds its processes away from the other
//! stack's of the same service.
#![expect(clippy::print_stderr, reason = "a test that did not run has to say so")]

#[path = "apparmor_vm/lab.rs"]
#[expect(dead_code, reason = "shared with the tests of the tables")]
mod lab;

use aiplat_apparmor::{ProfileName, check_compiled, check_names};
use aiplat_core::catalogue::{Allowance, Catalogue, Service};
use aiplat_core::spec::ProfileFile;
use aiplat_testkit::fake::stack::{Recipe, canary, engine_facts};
use aiplat_testkit::vm::{Policies, Script};
use aiplat_vectordb::StoreKind;

/// Every profile of a stack with all that can run with this store.
fn profiles(stack: &str, seed: u8, store: StoreKind) -> Vec<ProfileFile> {
    let catalogue = Catalogue::built_in().unwrap_or_else(|all| panic!("{all:?}"));
    let recipe = Recipe::named(stack, seed)
        .with("VECTOR_DB", store.as_str())
        .with("TAILSCALE_AUTH_KEY", &canary(seed, "tailscale_auth_key"));
    let stack = recipe.alone(&catalogue).unwrap_or_else(|e| panic!("{e}"));
    let desired = stack
        .desired(&catalogue, &engine_facts(true))
        .unwrap_or_else(|e| panic!("{e}"));
    assert!(desired.profiles.len() >= desired.services.len());
    desired.profiles
}

#[test]
fn every_service_s_profile_compiles() {
    use aiplat_apparmor::Parser;
    let Some(lab) = lab::lab() else { return };
    let mut checked = 0;
    for store in StoreKind::ALL {
        for profile in profiles("ai_platform", 1, store) {
            let name: ProfileName = profile.name.parse().unwrap();
            check_names(&name, &lab.parser.names(&profile.text).unwrap()).unwrap();
            check_compiled(&name, &lab.parser.compile(&profile.text).unwrap()).unwrap();
            checked += 1;
        }
    }
    println!("{checked} profiles compiled");
    assert!(checked > 40);
}

/// What has to hold for every service there is: operation, and the answers that are right.
const ROWS: [(&str, &[&str]); 8] = [
    ("read /etc/hostname", &["ok"]),
    ("tcp 127.0.0.1", &["ok"]),
    ("signal-own", &["ok"]),
    ("signalled-by runc", &["ok"]),
    ("write /etc/passwd", &["EACCES", "EPERM"]),
    ("read /etc/shadow", &["EACCES", "EPERM"]),
    ("signal {other}", &["EACCES", "EPERM"]),
    ("read-environment {other}", &["EACCES", "EPERM"]),
];

/// What a row must answer for a profile: an image whose root is writable (a stated exception of its service) may write
/// its own user files, which are no other container's; every other row holds for it as for all.
fn right(
    profile: &ProfileFile,
    row: &str,
    all: &'static [&'static str],
    writable: &[String],
) -> &'static [&'static str] {
    let own_image = matches!(row, "write /etc/passwd" | "read /etc/shadow");
    let exempt = writable
        .iter()
        .any(|service| profile.name.ends_with(&format!(".{service}")));
    if own_image && exempt { &["ok"] } else { all }
}

/// Services whose file states that their root is writable.
fn writable_roots() -> Vec<String> {
    let catalogue = Catalogue::built_in().unwrap_or_else(|all| panic!("{all:?}"));
    let stated = |s: &&Service| {
        s.exceptions
            .iter()
            .any(|e| e.allow == Allowance::WritableRoot)
    };
    catalogue
        .services()
        .filter(stated)
        .map(|s| s.name.to_string())
        .collect()
}

#[test]
fn two_stacks_profiles_hold_side_by_side() {
    let Some(lab) = lab::lab() else { return };
    let (a, b) = (
        profiles("ai_platform", 1, StoreKind::Qdrant),
        profiles("ai_platform_2", 2, StoreKind::Qdrant),
    );
    let texts: Vec<_> = a
        .iter()
        .chain(&b)
        .map(|p| (p.name.clone(), p.name.parse().unwrap(), p.text.clone()))
        .collect();
    let runtimes = lab.compile(&[]);
    let policies: Policies = runtimes.with(&lab.parser, &texts).unwrap();
    let mut script = Script::new();
    script.quiet();
    let mut steps = Vec::new();
    let writable = writable_roots();
    assert!(
        writable.len() <= 1,
        "the exception is the sandbox's alone: {writable:?}"
    );
    steps.push((
        "runtimes".to_owned(),
        script.load(lab::RUNTIMES),
        &["ok"][..],
    ));
    for (name, ..) in &texts {
        steps.push((format!("loading {name}"), script.load(name), &["ok"][..]));
    }
    script.container();
    for (one, other) in a.iter().zip(&b).chain(b.iter().zip(&a)) {
        let start = script.subject(Some(&one.name), &other.name);
        steps.push((format!("starting {}", one.name), start, &["ok"][..]));
        for (row, all) in ROWS {
            let right = right(one, row, all, &writable);
            steps.push((format!("{}: {row}", one.name), script.row(row), right));
        }
    }
    let listed = script.profiles();
    let transcript = lab.machine.run(&script, &policies).unwrap();
    let wrong: Vec<String> = steps
        .iter()
        .filter(|(_, step, right)| !right.contains(&transcript.answers.of(*step)))
        .map(|(what, step, _)| format!("{what}: {}", transcript.answers.of(*step)))
        .collect();
    println!(
        "{} profiles of two stacks, {} checks, {} failures, {:.1} s in the machine",
        texts.len(),
        steps.len(),
        wrong.len(),
        transcript.took.as_secs_f64()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let enforced = transcript.answers.of(listed).matches(" (enforce)").count();
    assert_eq!(
        enforced,
        texts.len() + 3,
        "the stand-ins for runtimes are three"
    );
}
