//! The tables on the running kernel, where it enforces `AppArmor`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use aiplat_apparmor::ProfileName;
use aiplat_testkit::vm::{
    ApparmorParser, Case, Image, Native, Policies, Script, Step, Table, Transcript, Verdict,
    build_probe,
};

use crate::lab::{fixtures, lab, root};

/// The tables that are tried: each names another that stands beside it.
const TABLES: [&str; 3] = ["default", "openclaw", "tailscale"];

/// The tables under names that nobody else's profiles have, without what concerns the whole host, and how many rows that
/// left out.
pub(crate) fn tables() -> (Vec<Table>, usize) {
    let own = |name: &str| {
        ProfileName::for_service(&format!("native-{}", std::process::id()), name).unwrap()
    };
    let mut spared = 0;
    let tables = TABLES
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let mut table = Table::load(&fixtures(), name).unwrap();
            table.profile.name = own(name);
            table.other = own(TABLES[(index + 1) % TABLES.len()]).to_string();
            spared += Native::spare(&mut table);
            table
        })
        .collect();
    (tables, spared)
}

/// What is loaded, tried and removed again.
struct Plan {
    script: Script,
    loads: Vec<Step>,
    cases: Vec<Case>,
    texts: Vec<(String, ProfileName, String)>,
}

fn plan(tables: &[Table]) -> Plan {
    let texts: Vec<_> = tables
        .iter()
        .map(|table| {
            let profile = &table.profile;
            let name = profile.name.clone();
            (name.to_string(), name, profile.profile().to_string())
        })
        .collect();
    let mut script = Script::new();
    let loads = texts.iter().map(|(name, ..)| script.load(name)).collect();
    let mut cases = Vec::new();
    for table in tables {
        script.container();
        script.table(table);
        // not without a profile: what a table tries is not to be tried on somebody's host
        cases.push(script.case(Some(table.profile.name.as_str()), &table.other));
    }
    // whoever wears a profile ends before it goes
    script.container();
    for (name, ..) in &texts {
        script.remove(name);
    }
    Plan {
        script,
        loads,
        cases,
        texts,
    }
}

fn judge(tables: &[Table], plan: &Plan, transcript: &Transcript, spared: usize) {
    let answers = &transcript.answers;
    for load in &plan.loads {
        assert_eq!(answers.of(*load), "ok", "a policy was not loaded");
    }
    let mut failures = Vec::new();
    let mut tried = 0;
    for (table, case) in tables.iter().zip(&plan.cases) {
        for (row, word) in table.rows().iter().zip(answers.words(case, table)) {
            tried += 1;
            if let Verdict::Unexpected(word) = row.judge(&word) {
                failures.push(format!("{}: `{}`: {word}", table.name, row.words()));
            }
        }
    }
    println!(
        "{tried} rows as on a host, Linux {}; {spared} are for the virtual machine alone",
        transcript.kernel
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_row_is_answered_natively_as_its_table_says() {
    if let Some(why) = Native::missing() {
        eprintln!("NOT RUN natively: {why}; the virtual machine's kernel carries these tables");
        return;
    }
    let Some(parser) = ApparmorParser::find(Native::features()) else {
        eprintln!("NOT RUN natively: no apparmor_parser (Debian package `apparmor`)");
        return;
    };
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let probe = build_probe(env!("CARGO").as_ref(), &root(), &scratch.join("probe")).unwrap();
    let (tables, spared) = tables();
    let plan = plan(&tables);
    let policies = Policies::compile(&parser, &plan.texts, 2).unwrap();
    let native = Native {
        probe: fs::read(probe).unwrap(),
        limit: Duration::from_secs(180),
    };
    let ran = native.run(&plan.script, &policies);
    // ours by their names, and gone already where the script came to its end
    for (name, ..) in &plan.texts {
        let _ = fs::write("/sys/kernel/security/apparmor/.remove", name);
    }
    judge(&tables, &plan, &ran.unwrap(), spared);
}

/// The lane above on a kernel that has `AppArmor`, wherever these tests run: the machine stands for the host.
#[test]
fn what_is_done_natively_works_on_a_host_that_has_apparmor() {
    let Some(lab) = lab() else { return };
    let (tables, spared) = tables();
    let plan = plan(&tables);
    let policies = Policies::compile(&lab.parser, &plan.texts, 2).unwrap();
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("vm");
    let packages = ["busybox-static".to_owned()];
    let image = Image::fetch(&cache, "busybox", &packages, &[]).unwrap();
    let busybox = fs::read(image.root().join("bin/busybox")).unwrap();
    let transcript = lab
        .machine
        .run_as_host(&busybox, &plan.script, &policies)
        .unwrap();
    judge(&tables, &plan, &transcript, spared);
}
