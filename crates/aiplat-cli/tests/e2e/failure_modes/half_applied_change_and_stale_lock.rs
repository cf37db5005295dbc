//! A run dies half-way and leaves half a change, a torn file or a lock that blocks for weeks; two runs at once spoil the
//! manifest. `kill_9` kills after every record of the journal, `two_at_once` has two deploys of one stack, and `disk_full`
//! a volume without space; here is what a dead run leaves behind, and two runs that both rewrite the manifest.

use std::io::Write;

use crate::support::bed::Bed;

#[test]
fn a_dead_runs_lock_and_torn_files_block_nobody() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("d");
    let killed = stack.clone().with("AIPLAT_TEST_KILL_AFTER", "7").deploy();
    assert_eq!(killed.signal, Some(9), "{}", killed.said());
    let config = stack.base.join("config");
    let lock = std::fs::read_to_string(config.join("lock")).unwrap();
    assert!(
        lock.contains("deploy"),
        "the dead run's name is still in the lock: {lock}"
    );
    // the kernel wrote half of the last record, and half of a new manifest
    let journal = std::fs::OpenOptions::new()
        .append(true)
        .open(config.join("journal.jsonl"));
    journal.unwrap().write_all(b"{\"step\":\"conta").unwrap();
    let manifest = std::fs::read_to_string(config.join(".env")).unwrap();
    std::fs::write(config.join(".env.tmp"), &manifest[..manifest.len() / 2]).unwrap();

    stack.deploy().ok();
    assert_eq!(stack.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    assert_eq!(
        std::fs::read_to_string(config.join(".env")).unwrap(),
        manifest
    );
}

#[test]
fn two_runs_that_rewrite_the_manifest_lose_no_line_of_it() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed.small("w");
    stack.deploy().ok();
    let path = stack.base.join("config/.env");
    let mut manifest = std::fs::OpenOptions::new()
        .append(true)
        .open(&path)
        .unwrap();
    manifest
        .write_all(b"# by the operator\nOF_NOBODY='stays ${HOME}'\n")
        .unwrap();
    let own = stack.clone().without("SERVICES");
    let runs = [
        own.start(&["add", "prometheus"]),
        own.start(&["add", "qdrant"]),
    ];
    let ended = runs.map(crate::support::run::Running::end);
    assert!(ended.iter().any(|run| run.code == 0), "{ended:?}");
    for (run, name) in ended.into_iter().zip(["prometheus", "qdrant"]) {
        // whoever came second was told so, or found the first one's service and kept it
        if run.code != 0 {
            run.fails(7, &["lock"]);
            own.run(&["add", name]).ok();
        }
    }
    let services = own.manifest("SERVICES").unwrap_or_default();
    for name in ["redis", "caddy", "prometheus", "qdrant"] {
        assert!(
            services.split(',').any(|s| s.trim() == name),
            "`{name}` in SERVICES={services}"
        );
    }
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.ends_with("# by the operator\nOF_NOBODY='stays ${HOME}'\n"),
        "{text}"
    );
    assert_eq!(own.run(&["deploy", "--json"]).ok().json()["changes"], 0);
    let torn: Vec<_> = std::fs::read_dir(stack.base.join("config"))
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .filter(|n| n.to_string_lossy().contains("tmp"))
        .collect();
    assert_eq!(torn.len(), 0, "{torn:?}");
}
