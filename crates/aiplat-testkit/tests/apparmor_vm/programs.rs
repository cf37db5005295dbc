//! Real programs start, serve and stop under the profiles: Debian's own, as an unprivileged user
//! with `no_new_privs`, and nothing they need is denied.

use std::path::Path;
use std::time::Duration;

use aiplat_apparmor::{Kind, ProfileName, ProfileSpec, Writable};
use aiplat_testkit::vm::{Image, Initramfs, Machine, Program, Script, load_programs};

use crate::lab::{Lab, fixtures, lab};

/// Where the image lies in the machine.
const IMAGE: &str = "image";
/// Seconds until the first answer: software emulation on a busy host.
const PATIENCE: u64 = 120;

fn works_under_its_profiles(name: &str) {
    let programs = load_programs(&fixtures()).unwrap();
    let program = programs
        .iter()
        .find(|program| program.name == name)
        .unwrap();
    let Some(lab) = lab() else { return };
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vm");
    let image = Image::fetch(&cache, name, &program.packages, &program.leave_out).unwrap();
    // a boot each: `initdb` alone takes a minute where the host is busy
    let wrong: Vec<String> = program
        .kinds
        .iter()
        .flat_map(|kind| run(lab, &image, program, *kind))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is wrong with `program` under the profile of `kind`.
fn run(lab: &Lab, image: &Image, program: &Program, kind: Kind) -> Vec<String> {
    let name = ProfileName::for_service("p", &format!("{}-{kind}", program.name)).unwrap();
    let mut spec = ProfileSpec::new(name, kind);
    spec.writable.push(Writable::data(program.data.clone()));
    let profile = spec.profile();
    let policies = lab.compile(&[&profile]);
    let mut archive = Initramfs::new();
    archive.tree(IMAGE, image.root()).unwrap();

    let mut script = Script::new();
    script.load(profile.name().as_str());
    script.container_of(&format!("/{IMAGE}"));
    let mut steps = vec![(
        "it starts",
        script.start(Some(profile.name().as_str()), 1000, &program.start),
        "ok".to_owned(),
    )];
    for exchange in &program.ask {
        let step = script.program_answers(program.port, exchange, PATIENCE);
        steps.push(("it answers", step, "ok".to_owned()));
    }
    steps.push((
        "its label",
        script.program_label(),
        format!("{} (enforce)", profile.name()),
    ));
    steps.push(("it ends", script.program_stop(30), program.ends.clone()));
    let output = script.program_output();
    let log = script.log();

    // longer than for a table: programs do real work, and emulation is at the host's mercy
    let machine = Machine {
        limit: Duration::from_secs(400),
        ..lab.machine.clone()
    };
    let transcript = machine.run_with(archive, &script, &policies).unwrap();
    let answers = &transcript.answers;
    let mut wrong = Vec::new();
    for (what, step, expected) in steps {
        let answer = answers.of(step);
        if answer != expected {
            let lines = answers.of(output).replace('\t', "\n    ");
            wrong.push(format!("{}: {what}: {answer}\n    {lines}", profile.name()));
        }
    }
    let denials = answers
        .of(log)
        .split("\t\t")
        .filter(|line| !line.is_empty());
    let (expected, unexpected): (Vec<&str>, Vec<&str>) = denials.partition(|line| {
        line.rsplit('\t')
            .next()
            .is_some_and(|file| program.expects_denial(file))
    });
    wrong.extend(
        unexpected
            .iter()
            .map(|line| format!("denied: {}", line.replace('\t', " "))),
    );
    println!(
        "{} as {kind}: {} exchanges, {} expected denials, {} problems, {:.1} s in the machine",
        program.name,
        program.ask.len(),
        expected.len(),
        wrong.len(),
        transcript.took.as_secs_f64()
    );
    wrong
}

#[test]
fn redis_works() {
    works_under_its_profiles("redis");
}

#[test]
fn postgres_works() {
    works_under_its_profiles("postgres");
}

#[test]
fn caddy_works() {
    works_under_its_profiles("caddy");
}

#[test]
fn node_works() {
    works_under_its_profiles("node");
}

#[test]
fn python_works() {
    works_under_its_profiles("python");
}

#[test]
fn every_program_is_run() {
    let programs = load_programs(&fixtures()).unwrap();
    let names: Vec<_> = programs
        .iter()
        .map(|program| program.name.as_str())
        .collect();
    assert_eq!(names, ["redis", "postgres", "caddy", "node", "python"]);
}
