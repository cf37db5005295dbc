//! A limit that is asked for and not in force: the engine drops one setting, and nobody would see it. It is read back
//! from the kernel, the deploy fails and names it, and the container that is not held goes away (failure mode 6).

use crate::support::bed::Bed;
use crate::support::proxy::Proxy;

/// What the engine is asked in a key that it does not know, and what must be missed then. Without its user, redis cannot
/// read its own files and ends before anything could be read back.
const DROPPED: [(&str, &str, &str); 6] = [
    ("\"PidsLimit\":", "\"PidsLimix\":", "processes, found none"),
    // and the swap that goes with it, without which the engine itself refuses
    ("\"Memory", "\"Memorx", "bytes of memory, found none"),
    (
        "\"NanoCpus\":",
        "\"NanoCpux\":",
        "thousandths of a processor, found none",
    ),
    (
        "\"ReadonlyRootfs\":",
        "\"ReadonlyRootfx\":",
        "a read-only root file system",
    ),
    ("\"CapDrop\":", "\"CapDrox\":", "no other capabilities"),
    ("\"SecurityOpt\":", "\"SecurityOpx\":", "no-new-privileges"),
];

#[test]
fn what_the_engine_drops_is_missed_in_the_kernel_and_fails_the_deploy() {
    let Some(bed) = Bed::new() else { return };
    let stack = bed
        .one_line("f")
        .with("SERVICES", "redis")
        .with("BIND_ADDRESS", bed.address());
    stack.deploy().ok();
    stack.run(&["teardown", "--yes"]).ok();
    let mut seen = 0;
    for (asked, dropped, words) in DROPPED {
        let proxy = Proxy::altering(&bed, asked, dropped);
        let through = stack.clone().with("AIPLAT_HOST", proxy.address());
        let run = through.deploy();
        if asked == "\"NanoCpus\":" && run.code == 0 {
            // this service has no limit of processors, or the kernel's controller is not there
            stack.run(&["teardown", "--yes"]).ok();
            continue;
        }
        run.fails(9, &["the kernel does not hold it", words]);
        let left = bed.engine.containers();
        let redis = left.iter().any(|c| {
            c["Name"]
                .as_str()
                .is_some_and(|name| name.trim_start_matches('/') == stack.container("redis"))
        });
        assert!(!redis, "{asked}: the container that is not held is gone");
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} of the settings were missed");
    let (asked, dropped, words) = DROPPED[0];
    let proxy = Proxy::altering(&bed, asked, dropped);
    let through = stack.clone().with("AIPLAT_HOST", proxy.address());
    let agreed = through.run(&["deploy", "--best-effort"]).ok();
    assert!(agreed.said().contains(words), "{}", agreed.said());
    stack.run(&["teardown", "--yes"]).ok();
    let agreed = through.run(&["deploy", "--best-effort", "--json"]).ok();
    let told = &agreed.json()["not_in_force"];
    assert_eq!(told[0]["service"], "redis", "{told}");
    assert!(
        told[0]["missing"][0].as_str().unwrap().contains(words),
        "{told}"
    );
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    // nothing is made anew, and nothing is missed where all is in force
    stack.run(&["teardown", "--yes"]).ok();
    let whole = stack.run(&["deploy", "--best-effort", "--json"]).ok();
    assert_eq!(whole.json()["not_in_force"], serde_json::json!([]));
}
