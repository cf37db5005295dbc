//! Everything that a stack's own user, or an accident, may put in the way of a tool that runs as root.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use aiplat_core::observed::PathState;
use aiplat_core::spec::{DirectorySpec, FileSpec, Owner};

use rustix::fs::{Mode, OFlags};

use super::{
    append_line, make_directory, path_state, purge_directory, read_file, remove_file, write_file,
};
use crate::host::mounts::mounts;
use crate::host::{HostError, Outcome};

const STACK: Owner = Owner {
    uid: 3000,
    gid: 3001,
};

struct Base {
    dir: tempfile::TempDir,
}

impl Base {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    fn make(&self, below: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(&path).unwrap();
        path
    }

    fn file(&self, below: &str, content: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn purge(&self, below: &str) -> Result<(), HostError> {
        purge(&self.path(below), self.dir.path())
    }

    fn names(&self, below: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(below))
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn purge(path: &Path, base: &Path) -> Result<(), HostError> {
    purge_directory(path, base, &mounts(Path::new("/proc")).unwrap())
}

fn directory(path: PathBuf) -> DirectorySpec {
    DirectorySpec {
        path,
        owner: STACK,
        mode: 0o750,
    }
}

fn file(path: PathBuf, content: &str) -> FileSpec {
    FileSpec {
        path,
        content: content.into(),
        owner: STACK,
        mode: 0o400,
    }
}

fn owner_and_mode(path: &Path) -> (u32, u32, u32) {
    let found = fs::symlink_metadata(path).unwrap();
    (
        found.uid(),
        found.gid(),
        found.permissions().mode() & 0o7777,
    )
}

type Expected = fn(&HostError) -> bool;

/// Something mounted for the length of a test.
struct Mounted(PathBuf);

impl Mounted {
    fn new(arguments: &[&str], at: &Path) -> Self {
        let status = Command::new("mount")
            .args(arguments)
            .arg(at)
            .status()
            .unwrap();
        assert!(status.success());
        Self(at.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_directory_has_its_owner_and_mode_and_making_it_again_changes_nothing() {
    let base = Base::new();
    let spec = directory(base.path("data"));
    assert_eq!(make_directory(&spec).unwrap(), Outcome::Created);
    assert_eq!(owner_and_mode(&spec.path), (3000, 3001, 0o750));
    assert_eq!(make_directory(&spec).unwrap(), Outcome::Unchanged);
    assert_eq!(base.names(""), ["data"]);
}

#[test]
fn only_a_wider_mode_is_mended_and_nothing_below() {
    let base = Base::new();
    let spec = directory(base.path("data"));
    make_directory(&spec).unwrap();
    let inner = base.file("data/inner", "");
    fs::set_permissions(&spec.path, PermissionsExt::from_mode(0o777)).unwrap();
    assert_eq!(make_directory(&spec).unwrap(), Outcome::Changed);
    assert_eq!(owner_and_mode(&spec.path), (3000, 3001, 0o750));
    assert_eq!(owner_and_mode(&inner).0, 0);
    fs::set_permissions(&spec.path, PermissionsExt::from_mode(0o700)).unwrap();
    assert_eq!(make_directory(&spec).unwrap(), Outcome::Unchanged);
}

#[test]
fn a_fresh_volume_is_taken_over_and_any_other_directory_is_not() {
    let base = Base::new();
    base.make("fresh/lost+found");
    assert_eq!(
        make_directory(&directory(base.path("fresh"))).unwrap(),
        Outcome::Changed
    );
    assert_eq!(owner_and_mode(&base.path("fresh")), (3000, 3001, 0o750));
    base.file("used/theirs", "");
    let before = owner_and_mode(&base.path("used"));
    let refused = make_directory(&directory(base.path("used"))).unwrap_err();
    assert!(matches!(refused, HostError::WrongOwner { .. }), "{refused}");
    let hint = refused.hint().unwrap();
    assert!(hint.contains("chown 3000:3001 "), "{hint}");
    assert_eq!(owner_and_mode(&base.path("used")), before);
}

#[test]
fn a_directory_is_made_through_no_link_and_under_no_missing_parent() {
    let base = Base::new();
    let outside = base.make("outside");
    symlink(&outside, base.path("link")).unwrap();
    for (below, linked) in [("link", true), ("link/data", true), ("missing/data", false)] {
        let refused = make_directory(&directory(base.path(below))).unwrap_err();
        let fits = match refused {
            HostError::SymlinkRefused { .. } => linked,
            HostError::NoParent { .. } => !linked,
            _ => false,
        };
        assert!(fits, "{below}");
    }
    base.file("file", "");
    let refused = make_directory(&directory(base.path("file"))).unwrap_err();
    assert!(matches!(refused, HostError::NotADirectory { .. }));
    for bad in [base.path("outside/../x"), "relative".into(), "/".into()] {
        let refused = make_directory(&directory(bad)).unwrap_err();
        assert!(matches!(refused, HostError::NotNormal { .. }), "{refused}");
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(owner_and_mode(&outside).0, 0);
}

#[test]
fn what_a_killed_run_left_is_tidied_up() {
    let base = Base::new();
    // no process has a number above the kernel's largest
    base.make(".data.4194305.tmp");
    base.file(".file.4194305.tmp", "half");
    base.file(".file.1.tmp", "a living process's");
    base.file(".file.x.tmp", "somebody else's");
    make_directory(&directory(base.path("data"))).unwrap();
    write_file(&file(base.path("file"), "whole")).unwrap();
    assert_eq!(
        base.names(""),
        [".file.1.tmp", ".file.x.tmp", "data", "file"]
    );
}

#[test]
fn a_file_is_written_whole_with_owner_and_mode() {
    let base = Base::new();
    let spec = file(base.path("secret"), "one");
    assert_eq!(write_file(&spec).unwrap(), Outcome::Created);
    assert_eq!(owner_and_mode(&spec.path), (3000, 3001, 0o400));
    assert_eq!(write_file(&spec).unwrap(), Outcome::Unchanged);
    assert_eq!(
        write_file(&file(base.path("secret"), "two")).unwrap(),
        Outcome::Changed
    );
    assert_eq!(read_file(&spec.path, 3).unwrap().unwrap(), b"two");
    assert!(matches!(
        read_file(&spec.path, 2),
        Err(HostError::TooLarge { limit: 2, .. })
    ));
    assert_eq!(read_file(&base.path("absent"), 3).unwrap(), None);
    assert_eq!(read_file(&base.path("absent/deeper"), 3).unwrap(), None);
    assert_eq!(base.names(""), ["secret"]);
}

#[test]
fn writing_touches_neither_a_link_s_target_nor_a_hard_linked_file() {
    let base = Base::new();
    let shadow = base.file("shadow", "theirs");
    symlink(&shadow, base.path("link")).unwrap();
    fs::hard_link(&shadow, base.path("hard")).unwrap();
    let refused = write_file(&file(base.path("link"), "ours")).unwrap_err();
    assert!(matches!(refused, HostError::SymlinkRefused { .. }));
    let refused = append_line(&file(base.path("link"), "ours")).unwrap_err();
    assert!(matches!(refused, HostError::SymlinkRefused { .. }));
    assert!(matches!(
        read_file(&base.path("link"), 9),
        Err(HostError::SymlinkRefused { .. })
    ));
    let hard = base.path("hard");
    assert!(matches!(
        read_file(&hard, 9),
        Err(HostError::HardLink { .. })
    ));
    let refused = append_line(&file(hard.clone(), "ours")).unwrap_err();
    assert!(matches!(refused, HostError::HardLink { .. }));
    // even the same content is not kept in a file that somebody else may change
    write_file(&file(hard.clone(), "theirs")).unwrap();
    assert_eq!(fs::metadata(&hard).unwrap().nlink(), 1);
    assert_eq!(fs::read_to_string(&shadow).unwrap(), "theirs");
    assert_eq!(owner_and_mode(&shadow).0, 0);
    remove_file(&base.path("link")).unwrap();
    assert!(shadow.exists());
}

#[test]
fn a_link_at_the_temporary_name_leads_nowhere() {
    let base = Base::new();
    let shadow = base.file("shadow", "theirs");
    symlink(
        &shadow,
        base.path(&format!(".file.{}.tmp", std::process::id())),
    )
    .unwrap();
    write_file(&file(base.path("file"), "ours")).unwrap();
    assert_eq!(fs::read_to_string(&shadow).unwrap(), "theirs");
    assert_eq!(base.names(""), ["file", "shadow"]);
}

#[test]
fn neither_a_directory_nor_a_pipe_nor_a_socket_is_a_file() {
    let base = Base::new();
    base.make("dir");
    let _socket = UnixListener::bind(base.path("socket")).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(base.path("pipe"))
            .status()
            .unwrap()
            .success()
    );
    for name in ["dir", "socket", "pipe"] {
        let path = base.path(name);
        let refused = write_file(&file(path.clone(), "x")).unwrap_err();
        assert!(
            matches!(refused, HostError::NotAFile { .. }),
            "{name}: {refused}"
        );
        let refused = read_file(&path, 9).unwrap_err();
        assert!(
            matches!(refused, HostError::NotAFile { .. }),
            "{name}: {refused}"
        );
        if name != "dir" {
            assert_eq!(path_state(&path).unwrap(), PathState::Other);
        }
    }
    assert!(matches!(
        remove_file(&base.path("dir")),
        Err(HostError::NotAFile { .. })
    ));
}

#[test]
fn the_state_of_paths() {
    let base = Base::new();
    base.make("dir/lost+found");
    base.file("full/file", "abc");
    symlink("full", base.path("link")).unwrap();
    let root = Owner { uid: 0, gid: 0 };
    let state = |below: &str| path_state(&base.path(below)).unwrap();
    assert!(
        matches!(state("dir"), PathState::Directory { empty: true, owner, .. } if owner == root)
    );
    assert!(matches!(
        state("full"),
        PathState::Directory { empty: false, .. }
    ));
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert!(matches!(state("full/file"), PathState::File { sha256: s, .. } if s == sha256));
    assert_eq!(state("link"), PathState::Link);
    assert_eq!(state("link/file"), PathState::Link);
    for absent in ["none", "none/deeper", "full/file/below"] {
        assert_eq!(state(absent), PathState::Absent, "{absent}");
    }
    assert!(matches!(
        path_state(Path::new("/")).unwrap(),
        PathState::Directory { .. }
    ));
}

#[test]
fn a_line_is_appended_and_the_file_made_with_owner_and_mode() {
    let base = Base::new();
    let spec = |line: &str| FileSpec {
        mode: 0o600,
        ..file(base.path("journal"), line)
    };
    append_line(&spec("one")).unwrap();
    append_line(&spec("two")).unwrap();
    assert_eq!(
        fs::read_to_string(base.path("journal")).unwrap(),
        "one\ntwo\n"
    );
    assert_eq!(owner_and_mode(&base.path("journal")), (3000, 3001, 0o600));
}

#[test]
fn a_full_disk_leaves_the_old_file_and_no_litter() {
    let base = Base::new();
    let tiny = base.make("tiny");
    let _mounted = Mounted::new(&["-t", "tmpfs", "-o", "size=64k", "tiny"], &tiny);
    let spec = file(base.path("tiny/manifest"), "old");
    write_file(&spec).unwrap();
    let large = "x".repeat(128 << 10);
    let refused = write_file(&file(spec.path.clone(), &large)).unwrap_err();
    assert!(matches!(refused, HostError::NoSpace { .. }), "{refused}");
    assert_eq!(fs::read_to_string(&spec.path).unwrap(), "old");
    assert_eq!(base.names("tiny"), ["manifest"]);
    let journal = |line: &str| file(base.path("tiny/journal"), line);
    append_line(&journal("first")).unwrap();
    assert!(matches!(
        append_line(&journal(&large)),
        Err(HostError::NoSpace { .. })
    ));
    append_line(&journal("second")).unwrap();
    assert_eq!(
        fs::read_to_string(base.path("tiny/journal")).unwrap(),
        "first\nsecond\n"
    );
}

#[test]
fn a_purge_removes_all_and_only_what_is_named() {
    let base = Base::new();
    let outside = Base::new();
    let precious = outside.file("precious", "theirs");
    base.file("data/a/b/c/file", "");
    base.file("data/.hidden", "");
    base.file("logs/kept", "");
    fs::hard_link(&precious, base.path("data/hard")).unwrap();
    symlink(outside.dir.path(), base.path("data/a/link")).unwrap();
    symlink(&precious, base.path("data/file-link")).unwrap();
    let _socket = UnixListener::bind(base.path("data/socket")).unwrap();
    base.purge("data").unwrap();
    base.purge("data").unwrap();
    assert_eq!(base.names(""), ["logs"]);
    assert_eq!(base.names("logs"), ["kept"]);
    assert_eq!(fs::read_to_string(&precious).unwrap(), "theirs");
}

#[test]
fn a_purge_refuses_whatever_is_not_a_directory_inside() {
    let base = Base::new();
    let outside = Base::new();
    outside.file("kept/file", "");
    base.file("file", "");
    symlink(outside.path("kept"), base.path("link")).unwrap();
    symlink(outside.dir.path(), base.path("parent")).unwrap();
    let inside = base.dir.path();
    let contained: Expected = |e| matches!(e, HostError::NotContained { .. });
    let normal: Expected = |e| matches!(e, HostError::NotNormal { .. });
    let linked: Expected = |e| matches!(e, HostError::SymlinkRefused { .. });
    let cases: Vec<(PathBuf, &Path, Expected)> = vec![
        ("/".into(), inside, contained),
        ("/".into(), Path::new("/"), contained),
        ("/etc".into(), Path::new("/"), contained),
        (outside.path("kept"), inside, contained),
        (inside.parent().unwrap().into(), inside, contained),
        (format!("{}2", inside.display()).into(), inside, contained),
        (base.path("x/../../kept"), inside, normal),
        ("kept".into(), inside, normal),
        (inside.into(), Path::new("base"), normal),
        (base.path("link"), inside, linked),
        (base.path("parent/kept"), inside, linked),
        (base.path("file"), inside, |e| {
            matches!(e, HostError::NotADirectory { .. })
        }),
    ];
    for (path, base, expected) in cases {
        let refused = purge(&path, base).unwrap_err();
        assert!(expected(&refused), "{}: {refused}", path.display());
    }
    // a linked `BASE_DIR` is not canonical
    let refused = purge(&base.path("link/below"), &base.path("link")).unwrap_err();
    assert!(linked(&refused), "{refused}");
    assert!(outside.path("kept/file").exists());
}

#[test]
fn a_purge_refuses_mounts_and_removes_nothing_then() {
    let base = Base::new();
    base.file("data/before", "");
    let theirs = base.make("theirs");
    fs::write(theirs.join("precious"), "").unwrap();
    let at = base.make("data/deep/mounted");
    let mounted = Mounted::new(&["--bind", theirs.to_str().unwrap()], &at);
    for path in ["data", "data/deep", "data/deep/mounted"] {
        let refused = base.purge(path).unwrap_err();
        assert!(
            matches!(&refused, HostError::MountInside { path } if *path == at),
            "{refused}"
        );
    }
    // and without a look at the list, as when the mount comes after it
    let refused = purge_directory(&base.path("data"), base.dir.path(), &[]).unwrap_err();
    assert!(
        matches!(refused, HostError::MountInside { .. }),
        "{refused}"
    );
    assert!(base.path("data/before").exists());
    assert!(theirs.join("precious").exists());
    drop(mounted);
    base.purge("data").unwrap();
    assert_eq!(base.names(""), ["theirs"]);
}

#[test]
fn a_purge_refuses_a_directory_with_another_stack_in_it() {
    for (below, content) in [
        ("data/other/config/stack-id", "0123456789ab\n"),
        ("data/other/config/.env", "# a stack\nBASE_DIR=/x\n"),
    ] {
        let base = Base::new();
        base.file(below, content);
        let refused = base.purge("data").unwrap_err();
        assert!(matches!(&refused, HostError::OtherStack { path } if *path == base.path(below)));
        assert!(base.path(below).exists());
    }
    let base = Base::new();
    base.file("config/stack-id", "0123456789ab\n");
    base.file("config/.env", "BASE_DIR=/x\n");
    base.file("data/app/config/.env", "COLOUR=blue\n");
    base.purge("config").unwrap();
    base.purge("data").unwrap();
    assert!(base.names("").is_empty());
}

#[test]
fn a_purge_copes_with_any_depth() {
    let base = Base::new();
    let data = base.make("data");
    // deeper than a path may be long
    let mut dir = fs::File::open(&data).unwrap();
    for _ in 0..1200 {
        rustix::fs::mkdirat(&dir, "deeper", Mode::RWXU).unwrap();
        dir = rustix::fs::openat(&dir, "deeper", OFlags::DIRECTORY, Mode::empty())
            .unwrap()
            .into();
    }
    base.purge("data").unwrap();
    assert!(base.names("").is_empty());
}

#[test]
fn an_interrupted_purge_is_finished_and_somebody_else_s_directory_is_not_taken_for_one() {
    let base = Base::new();
    let left = base.file(".aiplat-trash-0123456789abcdef/whole/file", "");
    let trash = left.parent().unwrap().parent().unwrap();
    fs::set_permissions(trash, PermissionsExt::from_mode(0o700)).unwrap();
    base.file(".aiplat-trash-open/file", "");
    base.purge("data").unwrap();
    assert_eq!(base.names(""), [".aiplat-trash-open"]);
}

#[test]
fn a_base_directory_itself_goes_only_when_it_is_empty_and_no_volume() {
    let base = Base::new();
    let inner = base.make("stack");
    fs::write(inner.join("kept"), "").unwrap();
    purge(&inner, &inner).unwrap();
    assert!(inner.join("kept").exists());
    fs::remove_file(inner.join("kept")).unwrap();
    let mounted = Mounted::new(&["-t", "tmpfs", "tiny"], &inner);
    purge(&inner, &inner).unwrap();
    drop(mounted);
    assert!(inner.exists());
    purge(&inner, &inner).unwrap();
    purge(&inner, &inner).unwrap();
    assert!(!inner.exists());
}
