//! Names derived from any text fit every store and never meet.

use std::collections::BTreeMap;

use aiplat_vectordb::{
    ChromaName, ClassName, CollectionName, SqlIdent, StackNames, StoreNames, names_for,
};
use proptest::prelude::*;

/// Any text, and text that is close to real names and to each other.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9][a-z0-9_-]{0,29}",
        "[abAB_\\-. ]{0,5}",
        "[a-z]{1,3}[_-]{1,3}[a-f0-9]{16}",
        "(pg|PG|pg_)[a-z_]{0,4}",
        "[0-9.]{0,15}",
        "[a-zß日é\u{0}\n/\\\\\"';*]{0,300}",
    ]
}

/// The rules of the stores, written down a second time from their sources.
fn assert_fits(names: &StoreNames) {
    for name in [names.collection.as_str(), names.prefix.as_str()] {
        assert!((1..=255).contains(&name.len()), "{name}");
        assert!(!name.contains(['<', '>', ':', '"', '/', '\\', '|', '?', '*', '\0', '\x1f']));
    }
    for name in [names.class.as_str(), names.class_prefix.as_str()] {
        let (first, rest) = name.split_at(1);
        assert!(first.as_bytes()[0].is_ascii_uppercase(), "{name}");
        assert!(rest.len() <= 254 && !name.contains(['-', '.']));
        assert!(rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    }
    for name in [&names.user, &names.role, &names.database, &names.schema] {
        let name = name.as_str();
        assert!(
            (1..=63).contains(&name.len()),
            "{name} has {} bytes",
            name.len()
        );
        assert!(matches!(name.as_bytes()[0], b'a'..=b'z' | b'_'), "{name}");
        assert!(
            name.bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')),
            "{name}"
        );
        assert!(!name.starts_with("pg_"), "{name}");
    }
    for name in [&names.tenant, &names.chroma] {
        let name = name.as_str();
        assert!((3..=512).contains(&name.len()) && !name.contains(".."));
        assert!(name.parse::<std::net::IpAddr>().is_err());
        let bytes = name.as_bytes();
        assert!(bytes[0].is_ascii_alphanumeric() && bytes[bytes.len() - 1].is_ascii_alphanumeric());
        assert!(
            bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(b))
        );
    }
    assert_ne!(names.schema, names.role);
}

/// Each name through its own parser.
fn assert_parses(names: &StoreNames) {
    let ok = names.collection.as_str().parse::<CollectionName>().is_ok()
        && names.prefix.as_str().parse::<CollectionName>().is_ok()
        && names.class.as_str().parse::<ClassName>().is_ok()
        && names.class_prefix.as_str().parse::<ClassName>().is_ok()
        && names.tenant.as_str().parse::<ChromaName>().is_ok()
        && names.chroma.as_str().parse::<ChromaName>().is_ok()
        && [&names.user, &names.role, &names.database, &names.schema]
            .into_iter()
            .all(|name| name.as_str().parse::<SqlIdent>().is_ok());
    assert!(ok, "{names:?}");
}

/// As the stores that fold case see them.
fn folded(names: &StoreNames) -> [String; 8] {
    [
        names.collection.as_str(),
        names.prefix.as_str(),
        names.class.as_str(),
        names.class_prefix.as_str(),
        names.role.as_str(),
        names.database.as_str(),
        names.schema.as_str(),
        names.tenant.as_str(),
    ]
    .map(str::to_ascii_lowercase)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_text_gives_names_that_fit(stack in text(), service in text()) {
        let names = names_for(&stack, &service);
        assert_fits(&names);
        assert_parses(&names);
        prop_assert_eq!(&names, &StackNames::new(&*stack).service(&service));
    }

    #[test]
    fn different_pairs_never_share_a_name(
        one in (text(), text()), other in (text(), text())
    ) {
        prop_assume!(one != other);
        let (a, b) = (names_for(&one.0, &one.1), names_for(&other.0, &other.1));
        for (a, b) in folded(&a).iter().zip(folded(&b).iter()) {
            prop_assert_ne!(a, b);
        }
    }

    #[test]
    fn a_scope_holds_no_name_of_another(
        one in (text(), text()), other in (text(), text()), suffix in "[_a-z0-9A-Z]{0,9}"
    ) {
        prop_assume!(one != other);
        let (a, b) = (names_for(&one.0, &one.1), names_for(&other.0, &other.1));
        let scope = a.class_prefix.as_str().to_ascii_lowercase();
        let theirs = format!("{}{suffix}", b.class_prefix).to_ascii_lowercase();
        prop_assert!(!theirs.starts_with(&scope), "{theirs} lies in {scope}");
        prop_assert!(!b.class.as_str().to_ascii_lowercase().starts_with(&scope));
    }

    #[test]
    fn own_names_lie_in_own_scope(stack in text(), service in text()) {
        let names = names_for(&stack, &service);
        prop_assert!(names.class.as_str().starts_with(names.class_prefix.as_str()));
        prop_assert!(names.prefix.as_str().starts_with(names.collection.as_str()));
    }
}

/// Every pair over a small alphabet of what is normalised: sorted, a prefix would stand right
/// before what it begins.
#[test]
fn all_short_pairs_are_free_of_each_other() {
    let mut words = vec![String::new()];
    let mut last = words.clone();
    for _ in 0..3 {
        last = last
            .iter()
            .flat_map(|w| ["a", "A", "0", "_", "-", "!"].map(|c| format!("{w}{c}")))
            .collect();
        words.extend(last.clone());
    }
    let mut prefixes = BTreeMap::new();
    for stack in &words {
        for service in &words {
            let prefix = names_for(stack, service).prefix.to_string();
            let before = prefixes.insert(prefix, (stack, service));
            assert_eq!(before, None, "shared with {stack:?} {service:?}");
        }
    }
    assert_eq!(prefixes.len(), words.len() * words.len());
    let sorted: Vec<_> = prefixes.keys().collect();
    for pair in sorted.windows(2) {
        assert!(!pair[1].starts_with(pair[0].as_str()), "{pair:?}");
    }
}

/// A service called like the end of somebody's hashed name stays apart from it.
#[test]
fn a_service_cannot_pose_as_a_hashed_one() {
    let hashed = names_for("a", "b_c");
    let (_, tail) = hashed.collection.as_str().split_once("__").unwrap();
    let posing = names_for("a", &tail.replace('_', "-"));
    assert_ne!(posing.collection, hashed.collection);
    assert_ne!(names_for("a", tail).collection, hashed.collection);
}

/// The names that the catalogue really has stay as they are: nothing hashed, nothing cut.
#[test]
fn real_names_stay_readable() {
    for service in [
        "openwebui",
        "dify-plugin-daemon",
        "a23456789-123456789-1234",
    ] {
        let names = names_for("ai_platform", service);
        assert_eq!(
            names.role.as_str(),
            format!("ai_platform__{}", service.replace('-', "_"))
        );
    }
    let longest = names_for(&"s".repeat(30), &"v".repeat(24));
    assert_eq!(longest.role.as_str().len(), 56);
}
