//! A tree, an archive, a tree: the same one.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use aiplat_archive::{ArchiveError, Attributes, Key, Kind, Seal};
use proptest::prelude::*;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};

use crate::support::{Bed, is_root, me, numbers, options, picture, recipient};

#[derive(Debug, Clone)]
enum Node {
    File {
        content: Vec<u8>,
        times: usize,
        mode: u32,
    },
    Folder {
        inner: Vec<(String, Node)>,
        mode: u32,
    },
    Link(String),
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,3}",
        "[a-zäß€ \n=.-]{1,12}".prop_filter("a name", |n| n != "." && n != ".."),
        "[x-z]{90,120}",
    ]
}

fn any_node() -> impl Strategy<Value = Node> {
    let file = (
        prop::collection::vec(any::<u8>(), 0..600),
        prop_oneof![9 => Just(1), 1 => Just(900)],
        0_u32..0o1000,
    )
        .prop_map(|(content, times, mode)| Node::File {
            content,
            times,
            mode: mode | 0o400,
        });
    let link = any_name().prop_map(Node::Link);
    let leaf = prop_oneof![4 => file, 1 => link];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let entries = prop::collection::btree_map(any_name(), inner, 0..6);
        let modes = prop_oneof![Just(0o700), Just(0o2750), Just(0o1777), Just(0o555)];
        (entries, modes).prop_map(|(inner, mode)| Node::Folder {
            inner: inner.into_iter().collect(),
            mode,
        })
    })
}

fn make(at: &Path, node: &Node, seed: &mut u32) {
    match node {
        Node::File {
            content,
            times,
            mode,
        } => {
            std::fs::write(at, content.repeat(*times)).unwrap();
            std::fs::set_permissions(at, PermissionsExt::from_mode(*mode)).unwrap();
        }
        Node::Link(target) => symlink(target, at).unwrap(),
        Node::Folder { inner, mode } => {
            std::fs::create_dir(at).unwrap();
            for (name, node) in inner {
                make(&at.join(name), node, seed);
            }
            std::fs::set_permissions(at, PermissionsExt::from_mode(*mode)).unwrap();
        }
    }
    *seed = seed.wrapping_mul(1_103_515_245).wrapping_add(12345);
    if is_root() {
        std::os::unix::fs::lchown(at, Some(70_000 + *seed % 7), Some(80_000 + *seed % 5)).unwrap();
        if let Node::File { mode, .. } | Node::Folder { mode, .. } = node {
            std::fs::set_permissions(at, PermissionsExt::from_mode(*mode)).unwrap();
        }
    }
    let time = Timespec {
        tv_sec: i64::from(*seed) - 1_000_000_000,
        tv_nsec: i64::from(*seed % 1_000_000_000),
    };
    let times = Timestamps {
        last_access: time,
        last_modification: time,
    };
    rustix::fs::utimensat(CWD, at, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn trees_come_back_as_they_were(inner in prop::collection::btree_map(any_name(), any_node(), 0..6)) {
        let bed = Bed::new();
        let tree = Node::Folder { inner: inner.into_iter().collect(), mode: 0o750 };
        let root = bed.path("tree");
        make(&root, &tree, &mut 7);
        let (seal, key) = recipient();
        let sidecar = bed.archive(&seal, &root);
        let into = bed.fresh("into");
        let checked = bed.open(&key).unwrap().extract(&into, &numbers).unwrap();
        prop_assert_eq!(picture(&into.join("data/x")), picture(&root));
        prop_assert_eq!(&checked.sha256, &sidecar.sha256);
        prop_assert_eq!(checked.size, bed.file().metadata().unwrap().len());
        prop_assert_eq!((checked.content, checked.manifest.entries.len() as u64), (sidecar.content, sidecar.entries));
        prop_assert!(checked.manifest.left_out.is_empty());
    }
}

#[test]
fn a_passphrase_and_none() {
    let passphrase = || secrecy::SecretString::from("correct horse battery");
    for seal in [Seal::passphrase(passphrase()).unwrap(), Seal::Unencrypted] {
        let bed = Bed::new();
        let sidecar = bed.small(&seal);
        let key = Key::of(&seal).unwrap();
        let checked = bed.verify(&key).unwrap();
        assert_eq!(checked.sha256, sidecar.sha256);
        assert_eq!(checked.header.stack_id, "id");
        let kinds: Vec<_> = checked.manifest.entries.iter().map(|e| e.kind).collect();
        assert_eq!(kinds, [Kind::Directory, Kind::File, Kind::Link, Kind::File]);
        let text = std::fs::read(bed.file()).unwrap();
        let plain = text.windows(12).any(|w| w == b"some content");
        assert!(!plain, "compressed in any case");
    }
}

#[test]
fn the_wrong_key_is_said_and_opens_nothing() {
    let (seal, _) = recipient();
    let (_, other) = recipient();
    let passphrase = |text: &str| Key::Passphrase(text.to_owned().into());
    for (seal, key, said) in [
        (seal.clone(), other.clone(), "none of those given"),
        (seal.clone(), passphrase("x"), "expected an age identity"),
        (seal, Key::Unencrypted, "is encrypted"),
        (
            Seal::passphrase("correct horse battery".to_owned().into()).unwrap(),
            passphrase("wrong horse battery"),
            "this is another one",
        ),
        (
            Seal::passphrase("correct horse battery".to_owned().into()).unwrap(),
            other,
            "expected a passphrase",
        ),
        (Seal::Unencrypted, passphrase("x"), "this one is not"),
    ] {
        let bed = Bed::new();
        bed.small(&seal);
        let error = bed.verify(&key).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
        assert!(!error.contains("horse"));
    }
    assert!(Seal::passphrase("short".to_owned().into()).is_err());
    assert!(
        Seal::recipients(["AGE-SECRET-KEY-1QQ"])
            .unwrap_err()
            .to_string()
            .find("QQ")
            .is_none()
    );
}

#[test]
fn what_cannot_be_kept_is_listed() {
    let bed = Bed::new();
    let root = bed.fresh("tree");
    std::fs::write(root.join("file"), "x").unwrap();
    std::fs::write(root.join("skipped"), "x").unwrap();
    std::fs::set_permissions(root.join("file"), PermissionsExt::from_mode(0o4755)).unwrap();
    rustix::fs::mknodat(
        CWD,
        root.join("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    symlink("/etc/passwd", root.join("away")).unwrap();
    symlink("../../../etc/passwd", root.join("up")).unwrap();
    let mut writer = bed.writer(&Seal::Unencrypted);
    let walked = writer
        .tree(&root, "data/x", &options(&|path| path == "skipped"))
        .unwrap();
    assert_eq!((walked.entries, walked.bytes), (2, 1));
    writer.finish(serde_json::Value::Null).unwrap();
    let manifest = bed.verify(&Key::Unencrypted).unwrap().manifest;
    assert_eq!(manifest.left_out, walked.left_out);
    let said: Vec<_> = manifest
        .left_out
        .iter()
        .map(|l| format!("{}: {}", l.path, l.why))
        .collect();
    assert_eq!(
        said,
        [
            "data/x/away: a link out of its top folder",
            "data/x/pipe: a pipe",
            "data/x/socket: a socket",
            "data/x/up: a link out of its top folder",
        ]
    );
    assert_eq!(manifest.entries[1].mode, 0o755, "no set-user-id");
}

#[test]
fn a_stream_of_unknown_size() {
    let bed = Bed::new();
    let content = vec![7; 3 * 1024 * 1024 + 1];
    let mut writer = bed.writer(&Seal::Unencrypted);
    let attributes = Attributes::new(0o600, "stack");
    let size = writer
        .stream("dumps/rows", &attributes, &content[..], bed.folder.path())
        .unwrap();
    assert_eq!(size, content.len() as u64);
    writer.finish(serde_json::Value::Null).unwrap();
    let into = bed.fresh("into");
    bed.open(&Key::Unencrypted)
        .unwrap()
        .extract(&into, &me)
        .unwrap();
    assert_eq!(std::fs::read(into.join("dumps/rows")).unwrap(), content);
    // only what is wanted, all of it checked
    let some = bed.fresh("some");
    let checked = bed
        .open(&Key::Unencrypted)
        .unwrap()
        .extract_some(&some, &me, &|_| false)
        .unwrap();
    assert_eq!(checked.manifest.entries.len(), 1);
    assert_eq!(picture(&some).len(), 1);
}

#[test]
fn a_file_that_shrinks_is_an_error_and_leaves_nothing() {
    let bed = Bed::new();
    let mut writer = bed.writer(&Seal::Unencrypted);
    let attributes = Attributes::new(0o600, "stack");
    let error = writer.file("a", &attributes, 9, &b"short"[..]).unwrap_err();
    assert!(
        matches!(error, ArchiveError::Changed { found: 5, .. }),
        "{error}"
    );
    assert!(writer.finish(serde_json::Value::Null).is_err());
    assert!(bed.target.list().unwrap().is_empty());
    assert_eq!(std::fs::read_dir(bed.path("kept")).unwrap().count(), 0);
}

#[test]
fn an_owner_nobody_knows_and_a_directory_with_something_in_it() {
    let bed = Bed::new();
    bed.small(&Seal::Unencrypted);
    let into = bed.fresh("into");
    let error = bed
        .open(&Key::Unencrypted)
        .unwrap()
        .extract(&into, &|_| None)
        .unwrap_err();
    assert!(
        matches!(error, ArchiveError::UnknownOwner { .. }),
        "{error}"
    );
    std::fs::write(into.join("mine"), "x").unwrap();
    let error = bed
        .open(&Key::Unencrypted)
        .unwrap()
        .extract(&into, &me)
        .unwrap_err();
    assert!(matches!(error, ArchiveError::NotEmpty { .. }), "{error}");
    assert_eq!(std::fs::read(into.join("mine")).unwrap(), b"x");
}
