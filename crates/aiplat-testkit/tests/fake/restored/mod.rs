//! A restore that is refused or dies at every single call of engine and host, on real files: the same command again comes
//! to the same end, with nothing lost, left over or held twice.

mod archive;
mod lane;

use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;

use aiplat_docker::stack::{RestoreError, RestoreReport};
use aiplat_testkit::fake::{Machine, Trouble};
use tokio::task::JoinSet;

use archive::DUMP;
use lane::{Lane, View};

/// How many places there are to try in: as many as most machines have processors.
const LANES: usize = 2;

/// What is restored.
#[derive(Clone, Copy)]
struct Case {
    /// In the place of the stack that is there, or beside it.
    in_place: bool,
    /// What the archive's manifest has beside the stack's.
    changed: &'static [(&'static str, &'static str)],
}

impl Case {
    fn fails(&self) -> bool {
        !self.changed.is_empty()
    }

    /// Whether it came to the end that it must come to.
    fn is_ended(&self, done: &Result<RestoreReport, RestoreError>) -> bool {
        match done {
            Ok(_) => !self.fails(),
            Err(error) => self.fails() && matches!(error, RestoreError::PutBack { .. }),
        }
    }
}

/// What nothing goes wrong with.
struct Quiet {
    old: View,
    wanted: View,
    calls: Vec<String>,
}

async fn everywhere(case: Case) {
    if !rustix::process::geteuid().is_root() {
        // nobody else can give files to others
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let home = home.path().canonicalize().unwrap();
    let mut lanes = JoinSet::new();
    for number in 0..LANES {
        lanes.spawn(one_lane(case, home.join(number.to_string()), number));
    }
    let (mut died, mut failed) = (0, 0);
    while let Some(tried) = lanes.join_next().await {
        let tried = tried.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()));
        died += tried.0;
        failed += tried.1;
    }
    assert!(died > 20 && failed > 20, "{died} died, {failed} failed");
}

async fn one_lane(case: Case, home: PathBuf, number: usize) -> (usize, usize) {
    let lane = Lane::new(home, case.changed).await;
    let machine = lane.anew();
    let old = lane.view(&machine);
    let done = lane.restore(&machine, case.in_place).await.unwrap();
    assert!(case.is_ended(&done), "{done:?}");
    let quiet = Quiet {
        old,
        wanted: lane.view(&machine),
        calls: machine.calls(),
    };
    assert_eq!(quiet.old == quiet.wanted, case.fails());
    assert!(fed(&machine));
    let stack = if case.in_place { "a" } else { "b" };
    assert!(lane.is_settled(&machine, stack).await);
    let (mut died, mut failed) = (0, 0);
    // up to what it fails at it is as one that does not
    let fails_at = quiet.calls.iter().position(|c| c.starts_with("pull "));
    let all = fails_at.unwrap_or(0)..quiet.calls.len();
    for n in all.skip(number).step_by(LANES) {
        for trouble in [Trouble::Refuse(n), Trouble::DieAfter(n)] {
            // after a question all is as it was before it
            if trouble == Trouble::Refuse(n) || is_act(&quiet.calls[n]) {
                let (dead, wrong) = tried(&lane, case, &quiet, trouble).await;
                died += usize::from(dead);
                failed += usize::from(wrong);
            }
        }
    }
    (died, failed)
}

fn is_act(call: &str) -> bool {
    let questions = ["facts", "containers", "networks", "image", "inspect"];
    !questions.iter().any(|question| call.starts_with(question))
}

/// Brings one trouble, and repeats the command. Whether it died, and whether it failed.
async fn tried(lane: &Lane, case: Case, quiet: &Quiet, trouble: Trouble) -> (bool, bool) {
    let machine = lane.anew();
    machine.trouble(trouble);
    let first = lane.restore(&machine, case.in_place).await;
    let (Trouble::Refuse(n) | Trouble::DieAfter(n)) = trouble else {
        unreachable!("no other is brought");
    };
    let call = machine.calls().get(n).cloned().unwrap_or_default();
    let at = format!("{trouble:?} at `{call}`");
    if let Some(Err(error)) = &first {
        told(&at, error, lane);
        if case.in_place {
            let now = without_leftovers(lane.view(&machine));
            let same = [&quiet.old, &quiet.wanted].contains(&&now);
            // one whose way back was refused says so
            let stuck = matches!(
                error,
                RestoreError::NotPutBack { .. } | RestoreError::NotUp { .. }
            );
            let told = differences(&now, &quiet.old).join("\n");
            assert!(same || (case.fails() && stuck), "{at}: {error}:\n{told}");
        } else {
            // one that came to nothing leaves nothing, the unpacked secrets least of all
            let now = lane.view(&machine);
            if differences(&without_leftovers(now.clone()), &quiet.old).is_empty() {
                same(&at, &now, &quiet.old);
            }
        }
    }
    machine.trouble(Trouble::Never);
    let mut again = lane.restore(&machine, case.in_place).await.unwrap();
    if let Err(RestoreError::PutBack { source }) = &again
        && matches!(**source, RestoreError::Earlier)
    {
        same(&at, &lane.view(&machine), &quiet.old);
        again = lane.restore(&machine, case.in_place).await.unwrap();
    }
    // nothing knows any more of one that was done when the last trace of it was gone
    let last = call.starts_with("remove ") && call.ends_with("/.aiplat-restore");
    let done = matches!(first, Some(Ok(_))) || (first.is_none() && last);
    let over = done && matches!(again, Err(RestoreError::NotEmpty { .. }));
    assert!(over || case.is_ended(&again), "{at}, again: {again:?}");
    same(&at, &lane.view(&machine), &quiet.wanted);
    assert!(fed(&machine), "{at}: the database has not got its data");
    (first.is_none(), matches!(first, Some(Err(_))))
}

/// Whether the last program that restored a database was given all of it.
fn fed(machine: &Machine) -> bool {
    let all = machine.attached();
    all.last().is_some_and(|(_, input)| input.ends_with(DUMP))
}

/// A refusal is told in words, without a secret.
fn told(at: &str, error: &RestoreError, lane: &Lane) {
    let mut words = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        words = format!("{words} {error}");
        source = error.source();
    }
    let plain = ["the test wants it so", "is full", "NoSpace", "Pull"];
    assert!(plain.iter().any(|w| words.contains(w)), "{at}: {words}");
    let leaked = lane.secrets.iter().find(|secret| words.contains(*secret));
    assert_eq!(leaked, None, "{at}: {words}");
}

/// What is there beside what a restore keeps for its end.
fn without_leftovers(mut view: View) -> View {
    let own = ["/.aiplat-restore", "/.aiplat-before-restore-"];
    view.retain(|path, _| !own.iter().any(|own| path.contains(own)));
    view
}

fn same(at: &str, found: &View, wanted: &View) {
    let differing = differences(found, wanted);
    assert!(differing.is_empty(), "{at}:\n{}", differing.join("\n"));
}

fn differences(found: &View, wanted: &View) -> Vec<String> {
    let keys: BTreeSet<_> = found.keys().chain(wanted.keys()).collect();
    let differing = keys.into_iter().filter(|k| found.get(*k) != wanted.get(*k));
    let told = |k: &String| format!("{k}: {:?}, not {:?}", found.get(k), wanted.get(k));
    differing.map(told).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_the_stack_it_is_of() {
    everywhere(Case {
        in_place: false,
        changed: &[],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_place_of_the_stack_it_is_of() {
    everywhere(Case {
        in_place: true,
        changed: &[],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_in_place_gives_the_stack_back() {
    everywhere(Case {
        in_place: true,
        changed: &[("IMAGE_PROMETHEUS", "registry.example/gone:1")],
    })
    .await;
}
