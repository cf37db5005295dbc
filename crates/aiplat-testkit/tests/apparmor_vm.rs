//! scratch
use aiplat_testkit::vm::*;
use std::path::Path;
#[test]
fn matrix() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let kernel = Kernel::fetch(&tmp.join("vm")).unwrap();
    let probe = build_probe(env!("CARGO").as_ref(), &root, &tmp.join("probe")).unwrap();
    let m = Machine {
        qemu: "/usr/bin/qemu-system-x86_64".into(),
        kernel,
        probe: std::fs::read(probe).unwrap(),
        limit: std::time::Duration::from_secs(180),
    };
    let fx = root.join("fixtures/apparmor");
    let tables: Vec<Table> = [
        "default",
        "openclaw",
        "tailscale",
        "tailscale-tun",
        "exec-inside",
        "options",
        "other-stack",
    ]
    .iter()
    .map(|n| Table::load(&fx, n).unwrap())
    .collect();
    let parser = ApparmorParser::find(fx.join("features-6.1")).unwrap();
    let mut texts: Vec<_> = tables
        .iter()
        .map(|t| {
            (
                t.name.clone(),
                t.profile.name.clone(),
                t.profile.profile().to_string(),
            )
        })
        .collect();
    texts.push((
        "runtimes".into(),
        "runc".parse().unwrap(),
        Policies::foreign(&fx.join("runtimes.apparmor")).unwrap(),
    ));
    let policies = Policies::compile(&parser, &texts, 2).unwrap();
    let mut s = Script::new();
    for (f, _, _) in &texts {
        s.load(f);
    }
    let mut cases = vec![];
    for t in &tables {
        s.container();
        s.table(t);
        cases.push((t, "control", s.case(None, "-")));
        s.container();
        s.table(t);
        cases.push((
            t,
            "confined",
            s.case(Some(t.profile.name.as_str()), &t.other),
        ));
    }
    let t = m.run(&s, &policies).unwrap();
    println!("{:?}", t.took);
    for (table, how, case) in &cases {
        println!(
            "== {} {} {} {} rows {}",
            table.name,
            how,
            t.answers.started(case),
            t.answers.label(case),
            table.rows().len()
        );
        for (row, word) in table.rows().iter().zip(t.answers.words(case, table)) {
            let bad = if *how == "control" {
                word != "ok"
            } else {
                row.judge(&word) != Verdict::AsExpected
            };
            if bad {
                println!("{:?} {} -> {word}", row.expect, row.words());
            }
        }
    }
}
