//! Where archives are kept: a directory.

use aiplat_archive::{ArchiveName, Attributes, Seal, Stamp, Target, TargetError};
use serde_json::Value;

use crate::support::{Bed, name};

#[test]
fn nothing_has_its_name_before_it_is_whole() {
    let bed = Bed::new();
    let mut writer = bed.writer(&Seal::Unencrypted);
    writer
        .bytes("a", &Attributes::new(0o600, "stack"), b"x")
        .unwrap();
    assert!(bed.target.list().unwrap().is_empty());
    let again = bed.target.begin(&name(), None).err().unwrap();
    assert!(matches!(again, TargetError::Busy { .. }), "{again}");
    assert_eq!(bed.target.sweep("acme").unwrap(), 0, "it is being written");
    drop(writer);
    assert_eq!(std::fs::read_dir(bed.path("kept")).unwrap().count(), 0);
}

#[test]
fn what_a_killed_run_left_is_swept_for_its_stack_only() {
    let bed = Bed::new();
    let kept = bed.fresh("kept");
    let other = ".acme-2-20270115T080000Z.aiplat.partial";
    for file in [
        ".acme-20270115T080000Z.aiplat.partial",
        ".acme-20270115T080000Z.aiplat.json.partial",
        other,
        "mine",
    ] {
        std::fs::write(kept.join(file), "torn").unwrap();
    }
    assert_eq!(bed.target.sweep("acme").unwrap(), 2);
    let mut left: Vec<_> = std::fs::read_dir(&kept)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, [other, "mine"]);
}

#[test]
fn listed_with_what_lies_beside_and_deleted_with_it() {
    let bed = Bed::new();
    let sidecar = bed.small(&Seal::Unencrypted);
    std::fs::write(bed.path("kept/other"), "x").unwrap();
    let error = bed.target.begin(&name(), None).err().unwrap();
    assert!(matches!(error, TargetError::Exists { .. }), "{error}");
    let listed = bed.target.list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].size, sidecar.size);
    assert_eq!(listed[0].sidecar.as_ref(), Some(&sidecar));

    let at = Stamp::from_unix(1_800_000_100);
    assert!(!bed.target.mark_verified(&name(), "another", at).unwrap());
    assert!(
        bed.target
            .mark_verified(&name(), &sidecar.sha256, at)
            .unwrap()
    );
    let noted = bed.target.sidecar(&name()).unwrap().unwrap();
    assert_eq!(noted.verified, Some(at));

    std::fs::write(bed.path("kept").join(name().sidecar()), "{").unwrap();
    assert_eq!(bed.target.list().unwrap()[0].sidecar, None, "no longer one");
    bed.target.delete(&name()).unwrap();
    bed.target.delete(&name()).unwrap();
    assert!(bed.target.list().unwrap().is_empty());
    assert!(bed.path("kept/other").exists());
    let missing = bed.target.open(&name()).err().unwrap();
    assert!(matches!(missing, TargetError::Missing { .. }), "{missing}");
}

#[test]
fn copied_from_elsewhere_whole_or_not_at_all() {
    let bed = Bed::new();
    bed.small(&Seal::Unencrypted);
    let elsewhere = Target::directory(bed.path("elsewhere"));
    let bytes = std::fs::read(bed.file()).unwrap();
    let short = elsewhere
        .put(&name(), &bytes[1..], bytes.len() as u64)
        .unwrap_err();
    assert!(matches!(short, TargetError::Size { .. }), "{short}");
    assert!(elsewhere.list().unwrap().is_empty());
    elsewhere
        .put(&name(), &bytes[..], bytes.len() as u64)
        .unwrap();
    assert_eq!(elsewhere.list().unwrap()[0].size, bytes.len() as u64);
}

#[test]
fn sidecars_have_no_content_and_no_key() {
    let bed = Bed::new();
    let mut writer =
        bed.writer(&Seal::passphrase("correct horse battery".to_owned().into()).unwrap());
    writer
        .bytes("a", &Attributes::new(0o600, "stack"), b"hidden")
        .unwrap();
    writer.finish(Value::Null).unwrap();
    let text = std::fs::read_to_string(bed.path("kept").join(name().sidecar())).unwrap();
    assert!(!text.contains("horse") && !text.contains("hidden"));
    assert!(text.contains("\"passphrase\""));
    assert!(ArchiveName::parse("acme-20270115T080000Z.aiplat").is_ok());
}
