//! Limits of disk space on file systems that have project quotas, ext4 and xfs, in a machine whose kernel holds them: real
//! stacks write until they are stopped, beside neighbours that are not. One boot; what it does is in `fixtures/quota/init`.
//!
//! On a host whose kernel has no quotas this is the only place where a limit is really held.

use std::sync::LazyLock;

use aiplat_testkit::vm::Report;
use serde_json::Value;

use super::lab::{Parts, booted, root, show};

const MEBIBYTE: u64 = 1 << 20;
/// Exit codes: done, refused as things are, and a host that lacks something.
const OK: &str = "0";
const REFUSED: &str = "4";
const HOST: &str = "9";

pub(crate) static MACHINE: LazyLock<Result<Report, String>> =
    LazyLock::new(|| Parts::get()?.boot("quota", &root().join("fixtures/quota"), Vec::new()));

fn machine() -> Option<&'static Report> {
    let report = booted(&MACHINE, "no limit of disk space was held by a kernel")?;
    show(report);
    Some(report)
}

/// The limit that the kernel has, in bytes; nothing for none.
fn limit(report: &Report, name: &str) -> Option<u64> {
    let text = report.of(&format!("limit-{name}"));
    let kibibytes: u64 = text.parse().unwrap_or_else(|_| panic!("{name}: `{text}`"));
    (kibibytes > 0).then_some(kibibytes * 1024)
}

/// What a service could write of a file of some size before it was stopped.
fn written(report: &Report, name: &str) -> u64 {
    report.of(&format!("{name}-bytes")).parse().unwrap()
}

/// It could not write all of it, and was told why.
fn stopped(report: &Report, name: &str, at_most: u64) {
    assert_ne!(report.of(name), OK, "{name}");
    let words = report.of(&format!("{name}-words"));
    let full = ["No space left on device", "Disk quota exceeded"];
    assert!(full.iter().any(|f| words.contains(f)), "{name}: {words}");
    let written = written(report, name);
    assert!(written <= at_most, "{name}: {written}");
    assert!(written > at_most / 2, "{name}: {written}");
}

fn wrote(report: &Report, name: &str, mebibytes: u64) {
    let words = report.of(&format!("{name}-words"));
    assert_eq!(report.of(name), OK, "{name}: {words}");
    assert_eq!(written(report, name), mebibytes * MEBIBYTE, "{name}");
}

#[test]
fn a_volume_made_by_the_command_holds_its_stack_to_the_limit() {
    let Some(report) = machine() else { return };
    assert_eq!(
        report.of("setup-one"),
        OK,
        "{}",
        report.of("setup-one-words")
    );
    assert!(report.of("mounted-one").ends_with("prjquota"));
    assert!(
        report.of("table-one").contains(",prjquota "),
        "after the next boot too"
    );
    assert_eq!(
        report.of("deploy-one"),
        OK,
        "{}",
        report.of("deploy-one-words")
    );
    assert_eq!(limit(report, "one"), Some(60 * MEBIBYTE));
    stopped(report, "over-one", 60 * MEBIBYTE);
    wrote(report, "under-one", 30);
    assert_eq!(report.of("again-one"), OK);
    assert!(
        report.of("again-one-words").contains("Nothing to change"),
        "{}",
        report.of("again-one-words")
    );
}

#[test]
fn a_stack_is_stopped_at_its_limit_and_its_neighbour_is_not() {
    let Some(report) = machine() else { return };
    assert_eq!(
        report.of("deploy-two"),
        OK,
        "{}",
        report.of("deploy-two-words")
    );
    assert_eq!(report.of("deploy-three"), OK);
    // each its own project, by its user; none without a limit
    let projects: Vec<u32> = report
        .of("projects")
        .split(' ')
        .map(|number| number.parse().unwrap())
        .collect();
    assert!(projects[0] > 0 && projects[1] > projects[0], "{projects:?}");
    assert_eq!(projects[2], 0, "{projects:?}");
    assert_eq!(limit(report, "two"), Some(40 * MEBIBYTE));
    stopped(report, "over-two", 40 * MEBIBYTE);
    wrote(report, "over-three", 80);
    wrote(report, "under-two", 20);
    let status: Value = serde_json::from_str(report.of("status-two-json")).unwrap();
    assert_eq!(status["limit_bytes"], 40 * MEBIBYTE, "{status}");
    assert_eq!(status["problem"], Value::Null, "{status}");
    let used = status["used_bytes"].as_u64().unwrap();
    assert!((1..10 * MEBIBYTE).contains(&used), "{used}");
    let metrics = report.of("metrics-two-words");
    let line = format!(
        "aiplat_stack_disk_limit_bytes{{stack=\"two\"}} {}",
        40 * MEBIBYTE
    );
    assert!(metrics.contains(&line), "{metrics}");
    assert!(
        metrics.contains("aiplat_stack_disk_used_bytes{"),
        "{metrics}"
    );
}

#[test]
fn another_limit_is_a_change_and_one_that_is_too_small_is_refused() {
    let Some(report) = machine() else { return };
    assert_eq!(report.of("plan-raised"), "2");
    assert!(
        report
            .of("plan-raised-words")
            .contains("another limit of disk space")
    );
    assert_eq!(report.of("raised"), OK);
    assert_eq!(limit(report, "raised"), Some(120 * MEBIBYTE));
    wrote(report, "after-raised", 80);
    assert_eq!(report.of("too-small"), REFUSED);
    assert!(
        report
            .of("too-small-words")
            .contains("`STACK_DISK`: expected at least")
    );
    assert_eq!(limit(report, "too-small"), Some(120 * MEBIBYTE), "it stays");
    for (number, size) in [(1, 51), (2, 52)] {
        assert_eq!(report.of(&format!("after-{number}")), OK, "{number}");
        let found = limit(report, &number.to_string());
        assert_eq!(found, Some(size * MEBIBYTE), "{number}");
        assert_eq!(report.of(&format!("killed-{number}")), "137", "it died");
    }
}

#[test]
fn what_is_changed_by_hand_is_shown_and_mended() {
    let Some(report) = machine() else { return };
    for name in ["wider", "gone", "unmarked", "top", "half", "scratch"] {
        assert_eq!(report.of(&format!("plan-{name}")), "2", "{name}");
        let words = report.of(&format!("plan-{name}-words"));
        assert!(words.contains("disk space"), "{name}: {words}");
        assert_eq!(report.of(&format!("mend-{name}")), OK, "{name}");
        assert_eq!(limit(report, name), Some(52 * MEBIBYTE), "{name}");
        assert_eq!(report.of(&format!("quiet-{name}")), OK, "{name}");
    }
    let two = report.of("projects").split(' ').nth(1);
    assert_eq!(Some(report.of("kept")), two);
    assert_eq!(report.of("escaped"), "0", "files that count for nobody");
    assert_eq!(report.of("beside-scratch"), OK);
    assert_eq!(report.of("scratch"), "77", "another stack's");
    // the manual says so
    assert_eq!(report.of("owner"), "0 0");
}

#[test]
fn a_limit_goes_when_it_is_taken_out_and_with_its_data() {
    let Some(report) = machine() else { return };
    assert_eq!(report.of("plan-unset"), "2");
    assert_eq!(report.of("unset"), OK);
    assert_eq!(limit(report, "unset"), None);
    assert_eq!(report.of("quiet-unset"), OK);
    assert_eq!(report.of("last"), OK);
    assert_eq!(report.of("teardown-two"), OK);
    assert_eq!(limit(report, "torn"), Some(70 * MEBIBYTE));
    assert_eq!(
        report.of("purge-two"),
        OK,
        "{}",
        report.of("purge-two-words")
    );
    // nothing belongs to the project any more, so that there is no line of it
    assert_eq!(report.of("limit-purged"), "");
    assert_eq!(report.of("project-purged"), "0");
}

#[test]
fn what_cannot_be_held_is_refused_with_the_way_to_get_it() {
    let Some(report) = machine() else { return };
    let words = |name: &str| report.of(&format!("{name}-words")).to_owned();
    assert_eq!(report.of("refused"), HOST);
    for word in ["`prjquota`", "tune2fs -O project,quota", "/etc/fstab"] {
        assert!(words("refused").contains(word), "{}", words("refused"));
    }
    assert_eq!(report.of("refused-left"), "", "nothing was made");
    assert_eq!(report.of("best-effort"), OK, "{}", words("best-effort"));
    for name in ["best-effort", "best-effort-status"] {
        assert!(
            words(name).contains("not in force"),
            "{name}: {}",
            words(name)
        );
    }
    assert_ne!(report.of("best-effort-doctor"), OK);
    assert!(report.of("doctor-quota").contains("not in force"));
    assert_eq!(report.of("no-program"), HOST);
    assert!(words("no-program").contains("install the package `quota`"));
    assert_eq!(report.of("taken"), REFUSED, "{}", words("taken"));
    assert!(words("taken").contains("files of somebody else"));
}
