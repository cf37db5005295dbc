//! No value in any output.

use super::super::{Manifest, Value};
use proptest::prelude::*;

const CANARY: &str = "Canary7fe1";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    /// A canary anywhere in a value, in a comment or on a line that is no assignment.
    #[test]
    fn nothing_shows_a_value(
        before in super::manifest_like(),
        glue in prop::sample::select(vec!["K=", "K='", "K=\"", "K=${", "K=$", "# ", "export K=x ", "K=\\", "", "A b=", "1="]),
        after in super::manifest_like(),
    ) {
        let text = format!("{before}\n{glue}{CANARY}{after}");
        let shown = match Manifest::parse(&text) {
            Ok(manifest) => {
                let values: Vec<Value> = manifest.iter().map(|(_, value)| value.clone()).collect();
                format!("{manifest:?} {:?} {values:?} {:?}", manifest.warnings(), manifest.differences())
            }
            Err(problems) => format!("{problems:?} {problems}"),
        };
        // a key that is made of the canary is no value: `CANARY=…` alone on its line, after no glue
        let is_key = glue.is_empty() || glue.ends_with("x ");
        prop_assert!(is_key || !shown.contains(CANARY), "{}", shown);
    }
}
