//! A file system without room, on a loop device. Only root mounts one: without, these pass and prove nothing; CI runs as root.

use std::path::{Path, PathBuf};
use std::process::Command;

use aiplat_archive::{ArchiveError, Attributes, Key, Seal, Target, TargetError, Writer};
use aiplat_archive::{Header, Options};
use serde_json::Value;

use crate::support::{Bed, is_root, me, name, picture};

struct Small(PathBuf);

impl Small {
    fn mount(bed: &Bed, megabytes: u64) -> Option<Self> {
        if !is_root() {
            return None;
        }
        let (image, at) = (bed.path("image"), bed.fresh("small"));
        std::fs::File::create(&image)
            .unwrap()
            .set_len(megabytes << 20)
            .unwrap();
        run(Command::new("mkfs.ext4")
            .args(["-q", "-m", "0"])
            .arg(&image));
        run(Command::new("mount")
            .args(["-o", "loop"])
            .arg(&image)
            .arg(&at));
        Some(Self(at))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success(), "{command:?}");
}

/// What no compression makes smaller.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(count).collect()
}

#[test]
fn a_full_disk_while_an_archive_is_written() {
    let bed = Bed::new();
    let Some(small) = Small::mount(&bed, 8) else {
        return;
    };
    let target = Target::directory(small.path());
    let before = picture(small.path()).len();
    let header = || Header::new(&name(), "id", Value::Null);
    let options = Options {
        expected: Some(32 << 20),
        ..Options::default()
    };
    let mut writer =
        Writer::begin(&target, &name(), &Seal::Unencrypted, header(), options).unwrap();
    let attributes = Attributes::new(0o600, "stack");
    let error = writer
        .bytes("a", &attributes, &noise(32 << 20))
        .unwrap_err();
    drop(writer);
    let ArchiveError::Target(TargetError::Full {
        written, expected, ..
    }) = &error
    else {
        panic!("{error}");
    };
    assert!(*written > 1 << 20 && *expected == Some(32 << 20), "{error}");
    assert!(
        error
            .to_string()
            .contains("33554432 bytes before compression"),
        "{error}"
    );
    assert_eq!(picture(small.path()).len(), before, "no half of an archive");

    // with room for it, the same works
    let mut writer =
        Writer::begin(&target, &name(), &Seal::Unencrypted, header(), options).unwrap();
    writer.bytes("a", &attributes, &noise(1 << 20)).unwrap();
    writer.finish(Value::Null).unwrap();
}

#[test]
fn a_full_disk_while_an_archive_is_unpacked() {
    let bed = Bed::new();
    let Some(small) = Small::mount(&bed, 8) else {
        return;
    };
    let mut writer = bed.writer(&Seal::Unencrypted);
    let attributes = Attributes::new(0o600, "stack");
    for file in 0..12 {
        writer
            .bytes(&format!("f{file}"), &attributes, &noise(1 << 20))
            .unwrap();
    }
    writer.finish(Value::Null).unwrap();
    let before = picture(small.path()).len();
    for keep_free in [0, 64 << 20] {
        let limits = aiplat_archive::Limits {
            keep_free,
            ..Default::default()
        };
        let from = bed.target.open(&name()).unwrap();
        let reader = aiplat_archive::Reader::open(from, &Key::Unencrypted, limits).unwrap();
        let error = reader.extract(small.path(), &me).unwrap_err();
        assert!(matches!(error, ArchiveError::NoRoom { .. }), "{error}");
        assert_eq!(picture(small.path()).len(), before);
    }
}
