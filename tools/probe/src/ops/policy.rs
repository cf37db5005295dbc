//! Getting out of the profile by `AppArmor`'s own interfaces.

use std::fs::OpenOptions;
use std::io::Write;

use super::{Op, in_thread};
use crate::answer::Outcome;

pub(super) const OPS: &[(&str, usize, Op)] = &[
    ("change-profile", 1, |a| {
        let profile = a[0].to_owned();
        in_thread(move || change_profile(&profile))
    }),
    ("change-at-exec", 1, |a| {
        let words = format!("exec {}", a[0]);
        in_thread(move || tell("exec", &words))
    }),
];

/// Takes `profile` on, for the calling thread and for good.
pub(crate) fn change_profile(profile: &str) -> Outcome {
    tell("current", &format!("changeprofile {profile}"))
}

fn tell(attribute: &str, words: &str) -> Outcome {
    let path = format!("/proc/thread-self/attr/apparmor/{attribute}");
    Ok(OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(words.as_bytes())?)
}
