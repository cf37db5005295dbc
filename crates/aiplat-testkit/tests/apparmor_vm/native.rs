//! The tables on the running kernel, where it enforces `AppArmor`.

use std::fs;
use std::time::Duration;

use aiplat_apparmor::ProfileName;
use aiplat_testkit::vm::{ApparmorParser, Native, Policies, Script, Table, Verdict, build_probe};

use crate::lab::{fixtures, root};

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
    let scratch = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let probe = build_probe(env!("CARGO").as_ref(), &root(), &scratch.join("probe")).unwrap();
    let (tables, spared) = tables();
    let texts: Vec<_> = tables
        .iter()
        .map(|t| {
            (
                t.profile.name.to_string(),
                t.profile.name.clone(),
                t.profile.profile().to_string(),
            )
        })
        .collect();
    let policies = Policies::compile(&parser, &texts, 2).unwrap();
    let mut script = Script::new();
    let names: Vec<&str> = tables.iter().map(|t| t.profile.name.as_str()).collect();
    let loads: Vec<_> = names.iter().map(|name| script.load(name)).collect();
    let mut cases = Vec::new();
    for table in &tables {
        script.container();
        script.table(table);
        // not without a profile: what a table tries is not to be tried on somebody's host
        cases.push((
            table,
            script.case(Some(table.profile.name.as_str()), &table.other),
        ));
    }
    script.container();
    for name in &names {
        script.remove(name);
    }
    let native = Native {
        probe: fs::read(probe).unwrap(),
        limit: Duration::from_secs(180),
    };
    let ran = native.run(&script, &policies);
    // ours by their names, and gone already where the script came to its end
    for name in &names {
        let _ = fs::write("/sys/kernel/security/apparmor/.remove", name);
    }
    let transcript = ran.unwrap();
    for load in loads {
        assert_eq!(transcript.answers.of(load), "ok", "a policy was not loaded");
    }
    let mut failures = Vec::new();
    let mut tried = 0;
    for (table, case) in &cases {
        for (row, word) in table
            .rows()
            .iter()
            .zip(transcript.answers.words(case, table))
        {
            tried += 1;
            if let Verdict::Unexpected(word) = row.judge(&word) {
                failures.push(format!("{}: `{}`: {word}", table.name, row.words()));
            }
        }
    }
    println!(
        "{tried} rows on the running kernel, Linux {}; {spared} left to the virtual machine",
        transcript.kernel
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
