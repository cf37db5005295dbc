//! The preset of every user.

use std::collections::BTreeSet;

use super::super::preset::{self, BLOCK, PresetError};
use super::super::{BaseDir, Domain, KnownKeys, Layers, Settings, Uid};
use crate::names::StackName;

fn domain() -> Domain {
    "ai.example.org".parse().expect("a domain")
}

#[test]
fn every_user_from_1001_on_has_a_valid_one_of_its_own() {
    let (mut places, mut blocks) = (BTreeSet::new(), BTreeSet::new());
    for id in 1001..=65534 {
        let uid = Uid::new(id).expect("in range");
        let preset = preset::from_user(uid, &domain()).expect("any user");
        if let Some(first) = preset.first_port {
            assert_eq!(u32::from(first.get()), 5000 + (id - 1000) * 100);
            assert!(u32::from(first.get()) + u32::from(BLOCK) <= 65536);
            assert!(blocks.insert(first));
        }
        assert_ne!(uid.openclaw(), uid);
        assert!(places.insert(preset.values["BASE_DIR"].parse::<BaseDir>().expect("valid")));
        assert!(preset.values["DOCKER_NETWORK"].parse::<StackName>().is_ok());
        assert!(preset.values["DOMAIN_NAME"].parse::<Domain>().is_ok());
        // all layers and keys for some of them, since that takes its time in a test build
        if id % 31 == 0 || id == 65534 {
            let layers = Layers {
                flags: preset.values,
                ..Layers::default()
            };
            let known = KnownKeys::default();
            let (settings, warnings) = Settings::resolve(&layers, &known).expect("valid");
            assert!(warnings.is_empty());
            assert_eq!(*settings.stack_user_uid.get(), uid);
        }
    }
    assert_eq!(
        blocks.len(),
        605,
        "users 1001 to 1605 have a preferred block"
    );
}

#[test]
fn the_words_of_the_specification() {
    let preset = preset::from_user(Uid::new(1606).expect("in range"), &domain()).expect("a user");
    let pairs: Vec<_> = preset
        .values
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let expected = [
        ("BASE_DIR", "/mnt/data-tenant-1606"),
        ("DOCKER_NETWORK", "ai-platform-1606"),
        ("DOMAIN_NAME", "tenant-1606.ai.example.org"),
        ("STACK_USER_UID", "1606"),
    ];
    assert_eq!(pairs, expected);
    assert_eq!(preset.first_port, None);
}

#[test]
fn who_has_none() {
    for id in [1, 999, 1000] {
        let uid = Uid::new(id).expect("in range");
        assert_eq!(preset::from_user(uid, &domain()), Err(PresetError::Uid));
    }
    let long = ["a"; 114].join(".").parse().expect("a long domain");
    let uid = Uid::new(1001).expect("in range");
    assert_eq!(preset::from_user(uid, &long), Err(PresetError::Domain));
}
