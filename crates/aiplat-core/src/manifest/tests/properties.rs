//! For all input.

use super::super::{Manifest, portable};
use super::{any_value, manifest_like};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn round_trip_of_what_parses(text in prop_oneof![manifest_like(), any::<String>()]) {
        if let Ok(manifest) = Manifest::parse(&text) {
            prop_assert_eq!(manifest.to_text(), text);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(manifest) = Manifest::parse_bytes(&bytes) {
            prop_assert_eq!(manifest.to_text().into_bytes(), bytes);
        }
    }

    #[test]
    fn what_is_set_is_got(text in manifest_like(), values in prop::collection::vec(any_value(), 3)) {
        let mut manifest = Manifest::parse(&text).unwrap_or_default();
        let before: Vec<_> = manifest.iter().map(|(k, v)| (k.to_owned(), v.expose().to_owned())).collect();
        for (key, value) in ["K", "NEW", "B_2"].into_iter().zip(&values) {
            manifest.set(key, value).expect("short values of valid keys can be set");
            prop_assert_eq!(manifest.get(key).expect("just set").expose(), value);
        }
        // what was written is read again as the same, and other keys are as before unless they refer to these
        let again = Manifest::parse(&manifest.to_text()).expect("what was written can be read");
        prop_assert_eq!(again.to_text(), manifest.to_text());
        for (key, value) in manifest.iter() {
            prop_assert_eq!(again.get(key).expect("still there").expose(), value.expose());
            prop_assert_eq!(again.line(key), manifest.line(key));
        }
        if !text.contains('$') {
            for (key, value) in before.iter().filter(|(k, _)| !["K", "NEW", "B_2"].contains(&k.as_str())) {
                prop_assert_eq!(manifest.get(key).expect("untouched").expose(), value);
            }
        }
    }

    #[test]
    fn what_is_portable_is_written_so(value in any_value()) {
        let mut manifest = Manifest::default();
        manifest.set("K", &value).expect("no NUL");
        prop_assert_eq!(manifest.differences().is_empty(), portable(&value));
    }

    #[test]
    fn a_removed_key_is_gone_and_the_rest_stays(text in manifest_like()) {
        if let Ok(mut manifest) = Manifest::parse(&text) && manifest.remove("K").is_ok() {
            prop_assert!(manifest.get("K").is_none());
            prop_assert!(Manifest::parse(&manifest.to_text()).is_ok());
        }
    }
}
