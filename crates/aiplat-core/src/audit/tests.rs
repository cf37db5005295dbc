//! Every kind of tampering is found, and nothing that a run leaves behind is taken for tampering.

use proptest::prelude::*;

use super::*;
use crate::names::StackId;

fn id() -> StackId {
    "0123456789ab".parse().unwrap()
}

fn fresh() -> Head {
    Head::new(
        &id(),
        "/mnt/data".as_ref(),
        "/mnt/data/config/audit.jsonl".as_ref(),
    )
}

fn event(number: u64) -> Event {
    if number % 2 == 1 {
        Event::Begin(Begin {
            command: "deploy".into(),
            arguments: vec!["deploy".into(), format!("--set=N={number}")],
            plan: Some("0123456789abcdef".into()),
            ..Begin::default()
        })
    } else {
        let outcome = if number.is_multiple_of(4) {
            Outcome::Ok
        } else {
            Outcome::Failed {
                error: "no \"room\"\nleft, \u{1f622}".into(),
            }
        };
        Event::End(End {
            of: number - 1,
            outcome,
        })
    }
}

/// A log of so many records, and its head.
fn written(records: u64) -> (Vec<String>, Head) {
    let (mut head, mut lines, mut bytes) = (fresh(), Vec::new(), 0);
    for number in 1..=records {
        let who = Who {
            user: "root".into(),
            ..Who::default()
        };
        let line = link(&head, "2026-11-22T09:36:32.120Z", &who, event(number));
        bytes += line.len() as u64 + 1;
        head.settle(&line, bytes);
        lines.push(line);
    }
    (lines, head)
}

fn text(lines: &[String]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| format!("{line}\n").into_bytes())
        .collect()
}

fn findings(lines: &[String], head: &Head) -> Vec<Finding> {
    verify(&id(), &text(lines), Some(head)).findings
}

#[test]
fn what_was_written_is_found_as_it_was_written() {
    for records in 0..7 {
        let (lines, head) = written(records);
        let verdict = verify(&id(), &text(&lines), Some(&head));
        assert_eq!((verdict.findings, verdict.notes), (vec![], vec![]));
        let seqs: Vec<u64> = verdict.records.iter().map(|r| r.seq).collect();
        assert_eq!(seqs, (1..=records).collect::<Vec<_>>());
        assert_eq!(
            verdict
                .records
                .iter()
                .map(|r| r.event.clone())
                .collect::<Vec<_>>(),
            (1..=records).map(event).collect::<Vec<_>>()
        );
    }
}

#[test]
fn each_finding_names_its_record() {
    let (lines, head) = written(6);
    let mut changed = lines.clone();
    changed[2] = changed[2].replace("deploy", "health");
    assert_eq!(
        findings(&changed, &head),
        [Finding::Changed { line: 3, seq: 3 }]
    );
    let mut deleted = lines.clone();
    deleted.drain(1..3);
    assert_eq!(
        findings(&deleted, &head),
        [Finding::Missing { from: 2, to: 3 }]
    );
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    assert_eq!(
        findings(&swapped, &head),
        [Finding::OutOfOrder { line: 4, seq: 3 }]
    );
    let mut twice = lines.clone();
    twice.insert(4, lines[1].clone());
    assert_eq!(
        findings(&twice, &head),
        [Finding::PutIn { line: 5, seq: 2 }]
    );
    assert_eq!(
        findings(&lines[..4], &head),
        [Finding::Truncated { from: 5, to: 6 }]
    );
    assert_eq!(
        findings(&[], &head),
        [Finding::Truncated { from: 1, to: 6 }]
    );
    let mut cut = text(&lines);
    cut.pop();
    let cut = verify(&id(), &cut, Some(&head)).findings;
    assert_eq!(
        cut,
        [
            Finding::Cut { line: 6 },
            Finding::Truncated { from: 6, to: 6 }
        ]
    );
}

#[test]
fn a_log_that_somebody_made_anew_is_not_the_one_that_was_written() {
    let (_, head) = written(4);
    let (mut made, mut other) = (Vec::new(), fresh());
    for number in 1..=4 {
        let line = link(
            &other,
            "2027-01-01T00:00:00Z",
            &Who::default(),
            event(number),
        );
        other.settle(&line, 0);
        made.push(line);
    }
    assert_eq!(findings(&made, &head), [Finding::Replaced { seq: 4 }]);
    let more = link(&head, "2027-01-01T00:00:00Z", &Who::default(), event(5));
    let (mut lines, head) = written(4);
    lines.push(more);
    assert_eq!(findings(&lines, &head), [Finding::Unknown { from: 5 }]);
}

#[test]
fn a_record_that_was_replaced_by_a_good_one_does_not_lead_to_the_next() {
    let (mut lines, head) = written(4);
    let (before, mut at) = (written(1).0, fresh());
    at.settle(&before[0], 0);
    lines[1] = link(&at, "2027-01-01T00:00:00Z", &Who::default(), event(3));
    assert_eq!(findings(&lines, &head), [Finding::Unlinked { seq: 3 }]);
}

#[test]
fn another_stack_s_log_is_no_log_of_this_one() {
    let (lines, _) = written(2);
    let other: StackId = "ffffffffffff".parse().unwrap();
    let verdict = verify(&other, &text(&lines), None);
    assert_eq!(
        verdict.findings,
        [Finding::Unlinked { seq: 1 }, Finding::NoHead]
    );
}

#[test]
fn a_run_that_died_at_any_byte_of_its_line_is_no_tampering() {
    let (lines, mut head) = written(3);
    let log = text(&lines);
    for number in 4..6 {
        let line = link(
            &head,
            "2026-11-22T09:36:33Z",
            &Who::default(),
            event(number),
        );
        head.pending.push(line);
    }
    let pending = head.pending_text();
    for cut in 0..=pending.len() {
        let torn = [&log, &pending.as_bytes()[..cut]].concat();
        let verdict = verify(&id(), &torn, Some(&head));
        assert_eq!(verdict.findings, [], "cut at {cut}");
        assert_eq!(verdict.records.len(), 5, "what is pending is not lost");
        assert_eq!(verdict.notes.is_empty(), cut == pending.len());
        assert!(head.is_interrupted(&torn[log.len()..]));
    }
    let mut other = [&log[..], b"{\"seq\":9"].concat();
    assert_eq!(
        verify(&id(), &other, Some(&head)).findings,
        [Finding::Cut { line: 4 }]
    );
    assert!(!head.is_interrupted(b"{\"seq\":9"));
    other.truncate(log.len());
    head.settle_pending(0);
    assert_eq!(
        verify(&id(), &other, Some(&head)).findings,
        [Finding::Truncated { from: 4, to: 5 }]
    );
}

#[test]
fn a_lost_head_is_made_from_the_log_and_goes_on_from_its_last_record() {
    let (lines, whole) = written(3);
    let log = [text(&lines), b"{\"seq\":4,\"torn".to_vec()].concat();
    let mut head = Head::adopting(&id(), &whole.base_dir, &whole.log, &log);
    assert_eq!((head.count, &head.hash), (3, &whole.hash));
    let begin = Event::Begin(Begin {
        adopted: true,
        ..Begin::default()
    });
    let line = link(&head, "2027-01-01T00:00:00Z", &Who::default(), begin);
    let log = [&log[..], format!("\n{line}\n").as_bytes()].concat();
    head.settle(&line, log.len() as u64);
    let verdict = verify(&id(), &log, Some(&head));
    assert_eq!(verdict.notes, [Note::Adopted { seq: 4 }]);
    let empty = Head::adopting(&id(), &whole.base_dir, &whole.log, b"");
    assert_eq!(empty, fresh());
}

#[test]
fn commands_are_told_from_beginning_to_end() {
    let (lines, head) = written(3);
    let records = verify(&id(), &text(&lines), Some(&head)).records;
    let entries = entries(&records);
    assert_eq!(entries.len(), 2);
    assert!(matches!(
        entries[0].ended,
        Some(Ending {
            outcome: Outcome::Failed { .. },
            ..
        })
    ));
    assert_eq!(entries[1].ended, None, "this one died");
}

/// One act of somebody who should not have.
#[derive(Debug, Clone)]
enum Act {
    Byte(prop::sample::Index, u8),
    Drop(prop::sample::Index),
    Add(prop::sample::Index, u8),
    Delete(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Truncate(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
    Forge(prop::sample::Index),
}

fn act() -> impl Strategy<Value = Act> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(i, b)| Act::Byte(i, b)),
        at().prop_map(Act::Drop),
        (at(), any::<u8>()).prop_map(|(i, b)| Act::Add(i, b)),
        at().prop_map(Act::Delete),
        (at(), at()).prop_map(|(i, j)| Act::Swap(i, j)),
        at().prop_map(Act::Truncate),
        (at(), at()).prop_map(|(i, j)| Act::Repeat(i, j)),
        at().prop_map(Act::Forge),
    ]
}

fn tampered(act: &Act, lines: &[String], head: &Head) -> Vec<u8> {
    let (mut lines, mut bytes) = (lines.to_vec(), text(lines));
    match act {
        Act::Byte(i, b) => {
            let at = i.index(bytes.len());
            bytes[at] = *b;
            return bytes;
        }
        Act::Drop(i) => {
            bytes.remove(i.index(bytes.len()));
            return bytes;
        }
        Act::Add(i, b) => {
            bytes.insert(i.index(bytes.len() + 1), *b);
            return bytes;
        }
        Act::Truncate(i) => {
            bytes.truncate(i.index(bytes.len()));
            return bytes;
        }
        Act::Delete(i) => {
            lines.remove(i.index(lines.len()));
        }
        Act::Swap(i, j) => {
            let (i, j) = (i.index(lines.len()), j.index(lines.len()));
            lines.swap(i, j);
        }
        Act::Repeat(i, j) => {
            let line = lines[i.index(lines.len())].clone();
            lines.insert(j.index(lines.len() + 1), line);
        }
        Act::Forge(i) => {
            let forged = link(head, "2027-01-01T00:00:00Z", &Who::default(), event(1));
            lines.insert(i.index(lines.len() + 1), forged);
        }
    }
    text(&lines)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_single_act_of_tampering_is_found(records in 1..12_u64, act in act()) {
        let (lines, head) = written(records);
        let log = tampered(&act, &lines, &head);
        prop_assume!(log != text(&lines));
        prop_assert!(!verify(&id(), &log, Some(&head)).findings.is_empty(), "{act:?}");
    }

    #[test]
    fn no_log_makes_it_panic(log in any::<Vec<u8>>()) {
        let (_, head) = written(2);
        verify(&id(), &log, Some(&head));
        verify(&id(), &log, None);
    }
}
