//! No bytes panic; what parses is written back as it was; what is set is got.
#![no_main]

use aiplat_core::manifest::Manifest;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut manifest) = Manifest::parse_bytes(bytes) else {
        return;
    };
    assert!(
        manifest.to_text().as_bytes() == bytes,
        "not written back byte for byte"
    );
    let _ = (manifest.warnings(), manifest.differences());

    // the text itself is as good a value as any
    let value = String::from_utf8_lossy(bytes).replace('\0', "");
    let key = manifest.keys().next().unwrap_or("K").to_owned();
    if manifest.set(&key, &value).is_ok() {
        let again = Manifest::parse(&manifest.to_text()).expect("what was written can be read");
        assert!(
            again.get(&key).is_some_and(|got| got.expose() == value),
            "not got as set"
        );
        for (key, value) in manifest.iter() {
            assert!(
                again
                    .get(key)
                    .is_some_and(|got| got.expose() == value.expose()),
                "another changed"
            );
        }
    }
});
