//! Keys that were perhaps meant to be others.

use proptest::prelude::*;

use super::super::keys::KEYS;
use super::super::misspelt::meant;
use super::super::{KnownKeys, Settings, WarningKind};
use super::{known, manifest};

fn warned(text: &str) -> Vec<(Option<usize>, String)> {
    let (_, warnings) = Settings::resolve(&manifest(text), &known()).expect("valid");
    let told = |kind| {
        if let WarningKind::Misspelt { meant } = kind {
            Some(meant)
        } else {
            None
        }
    };
    warnings
        .into_iter()
        .filter_map(|w| Some((w.line, told(w.kind)?)))
        .collect()
}

#[test]
fn a_likely_key_is_named_with_the_line() {
    let text = "# c\nGRAFNA_PORT=1\nBASEDIR=x\nbase_dir=y\nVECTRO_DB=z\nPOSTGRES_PASSWROD=p\n\
                IMAGE_GRAFANNA=g\nMY_PRT=3\nSTACK_USER_ID=9\nMODEL=q\n";
    let expected = [
        (2, "GRAFANA_PORT"),
        (3, "BASE_DIR"),
        (4, "BASE_DIR"),
        (5, "VECTOR_DB"),
        (6, "POSTGRES_PASSWORD"),
        (7, "IMAGE_GRAFANA"),
        (8, "MY_PORT"),
        (9, "STACK_USER_GID"),
    ];
    let expected = expected.map(|(line, key)| (Some(line), key.to_owned()));
    assert_eq!(warned(text), expected);
}

#[test]
fn other_keys_are_somebodys_own() {
    let own =
        "COMPOSE_PROJECT_NAME=x\nTZ=UTC\nSMTP_HOST=h\nQDRANT_URL=u\nHTTP_PROXY=p\nPATH_X=1\nA=1\n";
    assert_eq!(warned(own), []);
}

#[test]
fn no_known_key_is_taken_for_another() {
    let known = known();
    let all: Vec<_> = known.names().into_iter().collect();
    let all = all.join("=\n") + "=\n";
    assert_eq!(warned(&all), []);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// One slip of the keyboard in any key is noticed; in a crowd of like names another may be as near.
    #[test]
    fn one_slip_is_noticed(row in 0..KEYS.len(), at in any::<prop::sample::Index>(), slip in 0..4, letter in "[A-Z_]") {
        let known = KnownKeys::default();
        let names = known.names();
        let mut word: Vec<char> = KEYS[row].name.chars().collect();
        let at = at.index(word.len() - 1);
        match slip {
            0 => { word.remove(at); }
            1 => word.swap(at, at + 1),
            2 => word.insert(at, letter.chars().next().expect("one")),
            _ => word[at] = letter.chars().next().expect("one"),
        }
        let word: String = word.into_iter().collect();
        prop_assume!(!names.contains(word.as_str()));
        prop_assert!(meant(&word, &names).is_some(), "{}", word);
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let known = KnownKeys::default();
        let _ = meant(&text, &known.names());
    }
}
