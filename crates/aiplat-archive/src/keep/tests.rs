//! Retention: examples, then what holds for any list.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::sidecar::Sealed;
use crate::stamp::Stamp;

fn archive(stack: &str, id: &str, at: Stamp, verified: bool) -> Sidecar {
    Sidecar {
        name: ArchiveName::new(stack, at).unwrap(),
        format: 1,
        stack: stack.to_owned(),
        stack_id: id.to_owned(),
        created: at,
        size: 1,
        content: 1,
        entries: 1,
        sha256: String::new(),
        sealed: Sealed::Passphrase,
        verified: verified.then_some(at),
        metadata: Value::Null,
    }
}

fn at(text: &str) -> Stamp {
    Stamp::parse(text).unwrap()
}

fn kept(keep: Keep, all: &[Sidecar]) -> Vec<(String, Reason)> {
    keep.decide("acme", "1", all)
        .into_iter()
        .filter_map(|(name, verdict)| match verdict {
            Verdict::Keep(reason) => Some((name.at().to_string(), reason)),
            Verdict::Delete => None,
        })
        .collect()
}

#[test]
fn one_of_each_day_week_and_month() {
    let all: Vec<_> = [
        "20260930T120000Z", // a month's
        "20261115T120000Z", // a Sunday, the week before's
        "20261121T010000Z", // a day's
        "20261122T010000Z", // goes
        "20261122T020000Z", // the newest
    ]
    .map(|text| archive("acme", "1", at(text), false))
    .into();
    let keep = Keep {
        last: 1,
        daily: 2,
        weekly: 2,
        monthly: 2,
    };
    assert_eq!(
        kept(keep, &all),
        [
            ("20260930T120000Z".to_owned(), Reason::Monthly),
            ("20261115T120000Z".to_owned(), Reason::Weekly),
            ("20261121T010000Z".to_owned(), Reason::Daily),
            ("20261122T020000Z".to_owned(), Reason::Newest),
        ]
    );
}

#[test]
fn no_rule_deletes_nothing() {
    let all = [archive("acme", "1", at("20260930T120000Z"), false)];
    assert_eq!(kept(Keep::default(), &all)[0].1, Reason::NoRule);
}

fn any_archive() -> impl Strategy<Value = Sidecar> {
    let stacks = prop_oneof![4 => Just("acme"), 1 => Just("acme-2"), 1 => Just("other")];
    let ids = prop_oneof![4 => Just("1"), 1 => Just("2")];
    // some 200 days, a few archives a day
    (stacks, ids, 0_u64..800, any::<bool>()).prop_map(|(stack, id, step, verified)| {
        archive(stack, id, Stamp::from_unix(step * 21_600), verified)
    })
}

proptest! {
    #[test]
    fn never_the_newest_verified_never_another_stacks_never_too_few(
        all in prop::collection::vec(any_archive(), 0..60),
        (last, daily, weekly, monthly) in (0_u32..5, 0_u32..5, 0_u32..5, 0_u32..5),
    ) {
        let keep = Keep { last, daily, weekly, monthly };
        let decided = keep.decide("acme", "1", &all);
        prop_assert_eq!(decided.len(), all.len());
        let gone: Vec<_> = all.iter().zip(&decided)
            .filter(|(_, (_, verdict))| *verdict == Verdict::Delete)
            .map(|(a, _)| a).collect();
        let stay: Vec<_> = all.iter().zip(&decided)
            .filter(|(a, (_, verdict))| *verdict != Verdict::Delete && a.stack == "acme" && a.stack_id == "1")
            .map(|(a, _)| a).collect();
        for a in &gone {
            prop_assert!(a.stack == "acme" && a.stack_id == "1");
            prop_assert!(stay.iter().any(|s| s.created > a.created), "something newer stays");
            if a.verified.is_some() {
                let newer = stay.iter().any(|s| s.verified.is_some() && s.created > a.created);
                prop_assert!(newer, "something newer and verified stays");
            }
        }
        let names: BTreeSet<_> = stay.iter().map(|a| &a.name).collect();
        let had: BTreeSet<_> = all.iter()
            .filter(|a| a.stack == "acme" && a.stack_id == "1").map(|a| &a.name).collect();
        prop_assert!(names.len() >= had.len().min(last as usize));
        // each of the last days that had one still has one
        let days: BTreeSet<_> = had.iter().map(|name| name.at().day()).collect();
        for day in days.iter().rev().take(daily as usize) {
            prop_assert!(names.iter().any(|name| name.at().day() == *day));
        }
        // deciding again over what stayed deletes nothing more
        let left: Vec<_> = stay.iter().map(|a| (*a).clone()).collect();
        let again = keep.decide("acme", "1", &left);
        prop_assert!(again.iter().all(|(_, verdict)| *verdict != Verdict::Delete));
    }
}
