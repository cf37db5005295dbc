//! The trail on a real file system: full disks, runs that died, writers at once, somebody else's hand.

use std::path::{Path, PathBuf};

use aiplat_core::audit::{Begin, End, Event, Finding, Head, Note, Outcome, Who, entries};
use aiplat_core::names::StackId;

use super::AuditStore;
use crate::audit::Caller;
use crate::host::HostError;
use crate::stack::{Operation, Places};

struct Bed {
    dir: tempfile::TempDir,
    places: Places,
}

fn id() -> StackId {
    "0123456789ab".parse().unwrap()
}

impl Bed {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("base/config")).unwrap();
        let places = Places {
            state_dir: dir.path().join("state"),
            caller: Caller {
                arguments: vec!["restart".into(), "redis".into()],
                ..Caller::default()
            },
        };
        let bed = Self { dir, places };
        std::fs::write(bed.base().join("config/stack-id"), format!("{}\n", id())).unwrap();
        bed
    }

    fn base(&self) -> PathBuf {
        self.dir.path().join("base")
    }

    fn log(&self) -> PathBuf {
        self.base().join("config/audit.jsonl")
    }

    fn head(&self) -> PathBuf {
        self.places.state_dir.join("audit/0123456789ab.json")
    }

    fn store(&self) -> AuditStore {
        AuditStore::new(&self.places.state_dir, &self.base(), &id())
    }

    fn begin(&self, command: &str) -> Result<Operation, HostError> {
        let mut operation = Operation::quiet(&self.places, &self.base(), command)?;
        operation.started(&id(), None)?;
        Ok(operation)
    }

    fn run(&self) -> Operation {
        self.begin("restart").unwrap()
    }

    fn ends(&self, result: Result<(), HostError>) {
        let _ = self.run().end(result);
    }

    fn findings(&self) -> Vec<Finding> {
        self.store().read().unwrap().verdict().findings
    }

    fn words(&self) -> Vec<String> {
        let verdict = self.store().read().unwrap().verdict();
        let ended = |e: &aiplat_core::audit::Entry| match &e.ended {
            None => "nothing".to_owned(),
            Some(end) => match &end.outcome {
                Outcome::Ok => "ok".to_owned(),
                Outcome::Failed { error } => error.clone(),
            },
        };
        entries(&verdict.records).iter().map(ended).collect()
    }
}

#[test]
fn a_run_leaves_who_what_and_how_it_ended() {
    let bed = Bed::new();
    bed.ends(Ok(()));
    bed.ends(Err(HostError::NoAppArmor));
    drop(bed.run());
    std::mem::forget(bed.run());
    let trail = bed.store().read().unwrap();
    let verdict = trail.verdict();
    assert_eq!((verdict.findings, verdict.notes), (vec![], vec![]));
    let words = bed.words();
    assert_eq!(words[0], "ok");
    assert!(words[1].contains("enforces AppArmor"), "{words:?}");
    assert!(words[2].contains("stopped early"), "{words:?}");
    assert_eq!(words[3], "nothing", "it died");
    let entry = &entries(&verdict.records)[0];
    assert_eq!(entry.begin.command, "restart");
    assert_eq!(entry.begin.arguments, ["restart", "redis"]);
    assert_eq!(entry.who.uid, rustix::process::getuid().as_raw());
    humantime::parse_rfc3339(&entry.at).expect("a time in UTC");
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(&bed.log()), mode(&bed.head())), (0o600, 0o600));
}

#[test]
fn a_run_that_is_kept_out_leaves_no_trace() {
    let bed = Bed::new();
    let first = bed.run();
    let other = bed.begin("deploy");
    assert!(matches!(other, Err(HostError::Held(_))));
    first.end(Ok::<_, HostError>(())).unwrap();
    assert_eq!(bed.words(), ["ok"]);
    let quiet = Operation::quiet(&bed.places, &bed.base(), "deploy").unwrap();
    quiet.end(Ok::<_, HostError>(())).unwrap();
    assert_eq!(bed.words(), ["ok"], "nothing was begun");
}

#[test]
fn whoever_dies_at_any_byte_leaves_a_trail_that_the_next_run_completes() {
    let bed = Bed::new();
    bed.ends(Ok(()));
    let (log, head) = (
        std::fs::read(bed.log()).unwrap(),
        std::fs::read(bed.head()).unwrap(),
    );
    // what the disk held at each moment of the third record's way
    let pending = {
        let mut pending: Head = serde_json::from_slice(&head).unwrap();
        let begin = Event::Begin(Begin::default());
        let line =
            aiplat_core::audit::link(&pending, "2026-11-22T09:36:32Z", &Who::default(), begin);
        pending.pending.push(line);
        pending
    };
    let line = pending.pending_text();
    // every byte is tried on the format alone; here each costs ten syncs
    for cut in (0..=line.len())
        .step_by(13)
        .chain([1, line.len() - 1, line.len()])
    {
        std::fs::write(bed.head(), serde_json::to_vec(&pending).unwrap()).unwrap();
        std::fs::write(bed.log(), [&log, &line.as_bytes()[..cut]].concat()).unwrap();
        let verdict = bed.store().read().unwrap().verdict();
        assert_eq!(
            (verdict.findings, verdict.records.len()),
            (vec![], 3),
            "cut at {cut}"
        );
        bed.ends(Ok(()));
        let verdict = bed.store().read().unwrap().verdict();
        assert_eq!(
            (verdict.findings, verdict.notes),
            (vec![], vec![]),
            "cut at {cut}"
        );
        assert_eq!(bed.words(), ["ok", "nothing", "ok"]);
    }
    std::fs::write(bed.log(), &log).unwrap();
    std::fs::write(bed.head(), head).unwrap();
    assert_eq!(bed.findings(), []);
}

#[test]
fn what_was_done_to_the_log_is_found_even_after_later_runs() {
    let bed = Bed::new();
    for _ in 0..3 {
        bed.ends(Ok(()));
    }
    let whole = std::fs::read(bed.log()).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    std::fs::write(bed.log(), lines[..4].concat()).unwrap();
    assert_eq!(bed.findings(), [Finding::Truncated { from: 5, to: 6 }]);
    bed.ends(Ok(()));
    assert_eq!(bed.findings(), [Finding::Missing { from: 5, to: 6 }]);
    std::fs::remove_file(bed.log()).unwrap();
    assert_eq!(bed.findings(), [Finding::Truncated { from: 1, to: 8 }]);
    bed.ends(Ok(()));
    assert_eq!(bed.findings(), [Finding::Missing { from: 1, to: 8 }]);
}

#[test]
fn a_lost_head_is_said_and_the_next_run_makes_one_and_says_so_for_good() {
    let bed = Bed::new();
    bed.ends(Ok(()));
    for spoilt in ["{", ""] {
        std::fs::write(bed.head(), spoilt).unwrap();
        assert_eq!(bed.findings(), [Finding::NoHead]);
    }
    std::fs::remove_file(bed.head()).unwrap();
    assert_eq!(bed.findings(), [Finding::NoHead]);
    bed.ends(Ok(()));
    let verdict = bed.store().read().unwrap().verdict();
    assert_eq!(verdict.findings, []);
    assert_eq!(verdict.notes, [Note::Adopted { seq: 3 }]);
}

#[test]
fn a_link_in_the_log_s_place_is_refused() {
    let bed = Bed::new();
    let target = bed.dir.path().join("target");
    std::fs::write(&target, "kept").unwrap();
    std::os::unix::fs::symlink(&target, bed.log()).unwrap();
    let refused = bed.begin("restart");
    assert!(
        matches!(refused, Err(HostError::SymlinkRefused { .. })),
        "{refused:?}"
    );
    assert_eq!(std::fs::read_to_string(target).unwrap(), "kept");
}

#[test]
fn a_purged_stack_s_trail_stays_and_goes_on_in_the_state_directory() {
    let bed = Bed::new();
    bed.ends(Ok(()));
    let run = bed.run();
    run.retire().unwrap();
    run.retire().unwrap();
    std::fs::remove_dir_all(bed.base()).unwrap();
    run.end(Ok::<_, HostError>(())).unwrap();
    let trail = bed.store().read().unwrap();
    assert_eq!(
        trail.path,
        bed.places.state_dir.join("audit/0123456789ab.jsonl")
    );
    assert_eq!(trail.verdict().findings, []);
    assert_eq!(bed.words(), ["ok", "ok"]);
}

#[test]
fn of_a_stack_that_was_never_made_nothing_stays() {
    let bed = Bed::new();
    bed.run().forget().unwrap();
    assert!(!bed.log().exists() && !bed.head().exists());
}

#[test]
fn writers_at_once_each_have_their_turn() {
    let bed = Bed::new();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut done = 0;
                while done < 5 {
                    match bed.begin("restart") {
                        Ok(run) => {
                            run.end(Ok::<_, HostError>(())).unwrap();
                            done += 1;
                        }
                        Err(HostError::Held(_)) => std::thread::yield_now(),
                        Err(other) => panic!("{other}"),
                    }
                }
            });
        }
    });
    let verdict = bed.store().read().unwrap().verdict();
    assert_eq!((verdict.findings, verdict.records.len()), (vec![], 80));
}

/// A file system of its own, unmounted with its value.
struct Small(PathBuf);

impl Small {
    fn mount(at: &Path) -> Self {
        let done = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
            .arg(at)
            .status();
        assert!(done.unwrap().success(), "expected the right to mount");
        Self(at.to_owned())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_volume_records_wait_in_the_head_and_come_into_the_log_once_there_is_room() {
    let bed = Bed::new();
    let _small = Small::mount(&bed.base());
    std::fs::create_dir(bed.base().join("config")).unwrap();
    std::fs::write(bed.base().join("config/stack-id"), format!("{}\n", id())).unwrap();
    bed.ends(Ok(()));
    let fill = bed.base().join("fill");
    let mut filling = std::fs::File::create(&fill).unwrap();
    while std::io::Write::write_all(&mut filling, &[0; 512]).is_ok() {}
    // the log's own last page has room: it must fill, too
    for _ in 0..20 {
        bed.ends(Ok(()));
    }
    let trail = bed.store().read().unwrap();
    assert!(
        !trail.head.as_ref().unwrap().pending.is_empty(),
        "the volume was full"
    );
    let verdict = trail.verdict();
    assert_eq!((verdict.findings, verdict.records.len()), (vec![], 42));
    assert!(matches!(
        verdict.notes[..],
        [Note::Interrupted { to: 42, .. }]
    ));
    drop(filling);
    std::fs::remove_file(fill).unwrap();
    bed.ends(Ok(()));
    let trail = bed.store().read().unwrap();
    assert_eq!(trail.head.as_ref().unwrap().pending, Vec::<String>::new());
    let verdict = trail.verdict();
    assert_eq!((verdict.findings, verdict.notes), (vec![], vec![]));
    assert_eq!(verdict.records.len(), 44);
    assert!(matches!(
        &verdict.records[43].event,
        Event::End(End { of: 43, .. })
    ));
}

#[test]
fn there_is_no_way_to_a_stack_s_lock_that_leaves_no_trace() {
    fn walk(dir: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if std::fs::read_to_string(&path)
                .unwrap()
                .contains("StackLock::acquire(")
            {
                found.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut found,
    );
    found.sort();
    // the lock's and the manifest's own tests, this one, and the one place
    assert_eq!(
        found,
        ["lock.rs", "manifest.rs", "operation.rs", "tests.rs"]
    );
}
