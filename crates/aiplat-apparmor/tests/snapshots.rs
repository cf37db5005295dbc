//! The exact text of each kind. After a wanted change: `AIPLAT_UPDATE_SNAPSHOTS=1 cargo test`, then
//! read the difference.

use std::fs;
use std::path::Path;

use aiplat_apparmor::{Capability, Kind, Writable};

mod common;

#[test]
fn each_kind_has_the_text_that_was_reviewed() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let mut everything = common::example(Kind::OpenClaw);
    everything.name = "aiplat-ai_platform.everything".parse().unwrap();
    everything.deny_passwd = true;
    everything.gpu = true;
    everything.readable = vec!["/config".parse().unwrap()];
    everything.writable.push(Writable {
        path: "/plugins".parse().unwrap(),
        exec: true,
    });
    everything.capabilities = vec![Capability::NetBindService, Capability::Chown];
    let mut specs: Vec<_> = Kind::ALL.map(common::example).to_vec();
    specs.push(everything);
    for spec in specs {
        let name = spec.name.as_str().rsplit('.').next().unwrap();
        let path = directory.join(format!("{name}.apparmor"));
        let text = spec.profile().to_string();
        if std::env::var_os("AIPLAT_UPDATE_SNAPSHOTS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        assert_eq!(
            fs::read_to_string(&path).unwrap_or_default(),
            text,
            "{}",
            path.display()
        );
    }
}

#[test]
fn rules_have_stable_ids_that_tell_them_apart() {
    for kind in Kind::ALL {
        let profile = common::example(kind).profile();
        let mut ids: Vec<_> = profile
            .rules()
            .iter()
            .map(|rule| rule.id.as_str())
            .collect();
        ids.sort_unstable();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count, "{kind}");
        for index in 0..count {
            let shorter = profile.without(index);
            assert_eq!(shorter.rules().len(), count - 1);
            assert!(
                shorter
                    .rules()
                    .iter()
                    .all(|rule| rule.id != profile.rules()[index].id)
            );
        }
        assert_eq!(profile.without(count), profile);
    }
}
