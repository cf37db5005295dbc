//! Archives made to do harm: each refused with words, and nothing is ever written outside of the directory.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use aiplat_archive::{ArchiveError, Attributes, Key, Limits, Reader, Seal};
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tar::EntryType;

use crate::support::{Bed, me, picture};

/// One raw entry, written as it is.
#[derive(Debug, Clone)]
struct Raw {
    kind: EntryType,
    path: Vec<u8>,
    target: Vec<u8>,
    mode: u32,
    owner: &'static str,
    content: Vec<u8>,
    pax: bool,
}

impl Raw {
    fn new(kind: EntryType, path: &str) -> Self {
        Self {
            kind,
            path: path.as_bytes().to_vec(),
            target: Vec::new(),
            mode: 0o644,
            owner: "stack",
            content: Vec::new(),
            pax: false,
        }
    }

    fn to(mut self, target: &str) -> Self {
        self.target = target.as_bytes().to_vec();
        self
    }

    fn append(&self, tar: &mut tar::Builder<Vec<u8>>) {
        if self.pax {
            let mut keys = vec![("path", &self.path[..])];
            keys.extend((!self.target.is_empty()).then_some(("linkpath", &self.target[..])));
            tar.append_pax_extensions(keys).unwrap();
        }
        let mut header = tar::Header::new_gnu();
        let old = header.as_old_mut();
        let put = |field: &mut [u8], bytes: &[u8]| {
            let length = bytes.len().min(field.len());
            field[..length].copy_from_slice(&bytes[..length]);
        };
        put(&mut old.name, &self.path);
        put(&mut old.linkname, &self.target);
        header.set_entry_type(self.kind);
        header.set_mode(self.mode);
        header.set_username(self.owner).unwrap();
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(self.content.len() as u64);
        header.set_cksum();
        tar.append(&header, &self.content[..]).unwrap();
    }
}

/// Closes raw bytes of tar as an archive without encryption.
fn closed(tar: &[u8]) -> Vec<u8> {
    let mut bytes = zstd::encode_all(tar, 3).unwrap();
    let sum = Sha256::digest(&bytes);
    bytes.extend(0x184D_2A50_u32.to_le_bytes());
    bytes.extend(32_u32.to_le_bytes());
    bytes.extend(sum);
    bytes
}

fn with_header(entries: &[Raw]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = Raw::new(EntryType::Regular, "header.json");
    header.content = br#"{"format":1,"stack":"acme","stack_id":"id","created":"2027-01-15T08:00:00Z","metadata":null}"#.to_vec();
    header.append(&mut tar);
    for entry in entries {
        entry.append(&mut tar);
    }
    closed(&tar.into_inner().unwrap())
}

/// A directory to unpack into, with things around it that must stay.
fn sandbox(bed: &Bed) -> PathBuf {
    let outside = bed.fresh("outside");
    std::fs::write(outside.join("canary"), "sings").unwrap();
    std::fs::write(bed.path("canary"), "sings").unwrap();
    bed.fresh("into")
}

fn extract(bytes: Vec<u8>, into: &Path) -> Result<(), ArchiveError> {
    let limits = Limits::default();
    Reader::open(std::io::Cursor::new(bytes), &Key::Unencrypted, limits)?.extract(into, &me)?;
    Ok(())
}

fn refused(entries: &[Raw]) -> String {
    let bed = Bed::new();
    let into = sandbox(&bed);
    let before = picture(bed.folder.path()).len();
    let error = extract(with_header(entries), &into).unwrap_err();
    assert_eq!(picture(bed.folder.path()).len(), before, "{error}");
    error.to_string()
}

#[test]
fn each_kind_of_harm_is_refused_with_words() {
    let file = |path: &str| Raw::new(EntryType::Regular, path);
    let folder = |path: &str| Raw::new(EntryType::Directory, path);
    let link = |path: &str, to: &str| Raw::new(EntryType::Symlink, path).to(to);
    let mut setuid = file("top/su");
    setuid.mode = 0o4755;
    let mut sticky = file("top/t");
    sticky.mode = 0o1644;
    let mut latin = file("");
    latin.path = b"caf\xe9".to_vec();
    let mut nobody = file("a");
    nobody.owner = "root;rm";
    let mut long = file(&format!("top/{}", "x".repeat(300)));
    long.pax = true;
    let mut deep = file("d/".repeat(300).trim_end_matches('/'));
    deep.pax = true;
    let mut hard = Raw::new(EntryType::Link, "top/hard").to("/etc/shadow");
    hard.pax = false;
    let mut fat_link = link("top/l", "a");
    fat_link.content = b"x".to_vec();
    for (entries, words) in [
        (vec![file("/etc/cron.d/x")], "is absolute"),
        (vec![file("../x")], "has `..`"),
        (vec![file("a/../../x")], "has `..`"),
        (vec![file("./a")], "has `.`"),
        (vec![file("a//b")], "an empty name"),
        (vec![file("")], "an empty name"),
        (vec![latin], "is not UTF-8"),
        (vec![long], "is too long"),
        (vec![deep], "is too long"),
        (vec![hard], "is a hard link"),
        (vec![Raw::new(EntryType::Char, "top/null")], "is a device"),
        (vec![Raw::new(EntryType::Block, "top/sda")], "is a device"),
        (vec![Raw::new(EntryType::Fifo, "top/p")], "is a pipe"),
        (
            vec![Raw::new(EntryType::GNUSparse, "top/s")],
            "is a sparse file",
        ),
        (vec![Raw::new(EntryType::GNULongName, "top/s")], "neither"),
        (vec![Raw::new(EntryType::XGlobalHeader, "top/s")], "neither"),
        (vec![setuid], "special permission bits"),
        (vec![sticky], "special permission bits"),
        (vec![nobody], "owner that is no role"),
        (vec![fat_link], "has content"),
        (vec![link("top/l", "/etc")], "is absolute"),
        (vec![link("top/l", "../outside")], "leads out"),
        (vec![link("l", "outside")], "leads out"),
        (vec![link("top/l", "a/../../../x")], "leads out"),
        (vec![file("a"), file("a")], "is there twice"),
        (vec![folder("a"), folder("a/")], "is there twice"),
        (
            vec![folder("t"), link("t/l", "d"), file("t/l/x")],
            "below what is no folder",
        ),
        (vec![file("a"), file("a/b")], "below what is no folder"),
        (vec![file("header.json")], "is there twice"),
        (vec![file("a")], "without its manifest"),
    ] {
        let said = refused(&entries);
        assert!(said.contains(words), "{entries:?}: {said}");
    }
}

#[test]
fn what_the_manifest_does_not_say_is_refused() {
    let listed = |path: &str, sha: &str| {
        format!(
            r#"{{"format":1,"entries":[{{"path":"{path}","kind":"file","size":1,"mode":420,"owner":"stack","mtime":{{"seconds":0,"nanoseconds":0}},"sha256":"{sha}"}}],"left_out":[],"metadata":null}}"#
        )
    };
    let right = Sha256::digest(b"x")
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect::<String>();
    let wrong = right.replace(|c: char| c.is_ascii_digit(), "a");
    let mut file = Raw::new(EntryType::Regular, "a");
    file.content = b"x".to_vec();
    let try_it = |entries: &[Raw], manifest: String| {
        let mut last = Raw::new(EntryType::Regular, "manifest.json");
        last.content = manifest.into_bytes();
        let all: Vec<_> = entries.iter().cloned().chain([last]).collect();
        let bed = Bed::new();
        let into = sandbox(&bed);
        extract(with_header(&all), &into).map_err(|e| e.to_string())
    };
    assert_eq!(
        try_it(std::slice::from_ref(&file), listed("a", &right)),
        Ok(())
    );
    let none = r#"{"format":1,"entries":[],"left_out":[],"metadata":null}"#.to_owned();
    for (entries, manifest, words) in [
        (
            vec![file.clone()],
            listed("a", &wrong),
            "is not as its manifest has it",
        ),
        (
            vec![file.clone()],
            listed("b", &right),
            "where its manifest has `b`",
        ),
        (vec![file.clone()], none, "1 entries, its manifest 0"),
        (vec![], listed("a", &right), "0 entries, its manifest 1"),
        (
            vec![file.clone()],
            r#"{"format":2}"#.to_owned(),
            "found format 2",
        ),
        (vec![file], "[]".to_owned(), "cannot be read"),
    ] {
        let said = try_it(&entries, manifest).unwrap_err();
        assert!(said.contains(words), "{said}");
    }
}

fn any_path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => Just("a"), 4 => Just("b"), 2 => Just("l"), 2 => Just(".."), 1 => Just("."), 1 => Just(""),
        1 => Just("outside"), 1 => Just("canary"), 1 => Just("into"),
    ];
    (prop::collection::vec(part, 1..5), 0..12_u8).prop_map(|(parts, front)| {
        let path = parts.join("/");
        match front {
            0 => format!("/{path}"),
            1 => format!("/tmp/{path}"),
            _ => path,
        }
    })
}

fn any_raw() -> impl Strategy<Value = Raw> {
    let kind = prop_oneof![
        6 => Just(EntryType::Regular), 4 => Just(EntryType::Directory), 4 => Just(EntryType::Symlink),
        1 => Just(EntryType::Link), 1 => Just(EntryType::Fifo), 1 => Just(EntryType::Continuous),
    ];
    (kind, any_path(), any_path(), any::<bool>()).prop_map(|(kind, path, target, pax)| {
        let mut raw = Raw::new(kind, &path);
        if matches!(kind, EntryType::Symlink | EntryType::Link) {
            raw = raw.to(&target);
        }
        if kind == EntryType::Regular {
            raw.content = b"harm".to_vec();
        }
        raw.pax = pax;
        raw
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nothing_is_ever_written_outside(entries in prop::collection::vec(any_raw(), 1..10)) {
        let bed = Bed::new();
        let into = sandbox(&bed);
        let before = picture(bed.folder.path());
        // without a manifest it ends in an error at the latest then
        prop_assert!(extract(with_header(&entries), &into).is_err());
        let after = picture(bed.folder.path());
        let others = |all: &[String]| all.iter().filter(|l| !l.starts_with("./into ")).cloned().collect::<Vec<_>>();
        prop_assert_eq!(others(&before), others(&after));
    }

    #[test]
    fn random_bytes_in_a_well_formed_stream_break_nothing(
        bytes in prop::collection::vec(any::<u8>(), 0..3000), at in 0_usize..3,
    ) {
        let bed = Bed::new();
        let into = sandbox(&bed);
        let stream = match at {
            0 => bytes,
            1 => closed(&bytes),
            _ => [b"age-encryption.org/v1\n", &bytes[..]].concat(),
        };
        prop_assert!(extract(stream, &into).is_err());
    }
}

#[test]
fn somebody_who_swaps_folders_for_links_meanwhile_gains_nothing() {
    let bed = Bed::new();
    let root = bed.fresh("tree");
    for folder in 0..40 {
        let folder = root.join(format!("d{folder}/e"));
        std::fs::create_dir_all(&folder).unwrap();
        for file in 0..20 {
            std::fs::write(folder.join(format!("f{file}")), "content").unwrap();
        }
    }
    bed.archive(&Seal::Unencrypted, &root);
    let outside = bed.fresh("outside");
    let before = picture(&outside);
    let into = bed.fresh("into");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let top = into.join("data/x");
            while !done.load(Ordering::Relaxed) {
                for folder in 0..40 {
                    let (folder, aside) = (top.join(format!("d{folder}")), top.join("aside"));
                    if std::fs::rename(&folder, &aside).is_ok() {
                        let _ = symlink(&outside, &folder);
                        let _ = std::fs::remove_file(&folder);
                        let _ = std::fs::rename(&aside, &folder);
                    }
                }
            }
        });
        for _ in 0..30 {
            // it may fail, and it may not: what matters is outside
            let reader = bed.open(&Key::Unencrypted).unwrap();
            if reader.extract(&into, &me).is_ok() {
                let _ = std::fs::remove_dir_all(into.join("data"));
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(picture(&outside), before);
}

#[test]
fn bombs_are_bounded() {
    let bed = Bed::new();
    let mut writer = bed.writer(&Seal::Unencrypted);
    let attributes = Attributes::new(0o600, "stack");
    for file in 0..20 {
        let path = format!("top/f{file}");
        writer
            .file(&path, &attributes, 1 << 20, std::io::repeat(0))
            .unwrap();
    }
    writer.finish(serde_json::Value::Null).unwrap();
    let small = Limits {
        ratio_from: 1 << 20,
        ..Limits::default()
    };
    for (limits, words) in [
        (
            Limits {
                entries: 19,
                ..Limits::default()
            },
            "at most 19 entries",
        ),
        (
            Limits {
                content: 10 << 20,
                ..Limits::default()
            },
            "bytes of content",
        ),
        (
            Limits {
                ratio: 100,
                ..small
            },
            "for each of its own",
        ),
        (
            Limits {
                manifest: 100,
                ..Limits::default()
            },
            "header or manifest",
        ),
        (
            Limits {
                keep_free: u64::MAX / 2,
                ..Limits::default()
            },
            "of free space for `top/f0`",
        ),
    ] {
        let into = tempfile::tempdir().unwrap();
        let from = bed.target.open(&crate::support::name()).unwrap();
        let error = Reader::open(from, &Key::Unencrypted, limits)
            .and_then(|reader| reader.extract(into.path(), &me))
            .unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(picture(into.path()).len(), 1);
    }
    let from = bed.target.open(&crate::support::name()).unwrap();
    Reader::open(
        from,
        &Key::Unencrypted,
        Limits {
            ratio: 50_000,
            ..small
        },
    )
    .unwrap()
    .verify()
    .unwrap();
}

#[test]
fn a_size_that_is_not_there_costs_no_memory() {
    // an extended header of 8 GiB, and a file of as much
    for kind in [EntryType::XHeader, EntryType::Regular] {
        let mut header = tar::Header::new_gnu();
        header.set_path("a").unwrap();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_username("stack").unwrap();
        header.set_size(8 << 30);
        header.set_cksum();
        let whole = zstd::decode_all(&with_header(&[])[..]).unwrap();
        let end = whole.len() - 1024;
        let stream = [&whole[..end], header.as_bytes()].concat();
        let bed = Bed::new();
        let error = extract(closed(&stream), &sandbox(&bed))
            .unwrap_err()
            .to_string();
        let words = ["does not fit", "it ends after", "of free space"];
        assert!(words.iter().any(|w| error.contains(w)), "{error}");
    }
}

#[test]
fn a_window_larger_than_any_of_ours_is_refused() {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(29).unwrap();
    encoder.write_all(&[0; 4096]).unwrap();
    let bytes = encoder.finish().unwrap();
    let error = Reader::open(
        std::io::Cursor::new(bytes),
        &Key::Unencrypted,
        Limits::default(),
    );
    assert!(error.is_err());
}
