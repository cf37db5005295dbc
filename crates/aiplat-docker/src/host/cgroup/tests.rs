//! On the kernel that is there, and on made-up trees for the layouts that it has not.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use super::*;

const NONE: CgroupFacts = CgroupFacts {
    memory_bytes: None,
    milli_cpus: None,
    pids: None,
};

fn spec(parent: &str, limits: &CgroupFacts) -> CgroupSpec {
    let CgroupFacts {
        memory_bytes,
        milli_cpus,
        pids,
    } = limits.clone();
    CgroupSpec {
        parent: parent.into(),
        memory_bytes,
        milli_cpus,
        pids,
    }
}

fn nothing() -> Program {
    Program::named("no-such-program")
}

/// Removes the cgroup of a test even when the test fails.
struct Guard<'a>(Cgroups<'a>, String);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        let _ = self.0.remove(&self.1);
    }
}

#[test]
fn limits_are_what_the_kernel_then_has() {
    let systemctl = nothing();
    let root = Path::new("/sys/fs/cgroup");
    let parent = format!("/aiplat-test{}", std::process::id());
    let guard = Guard(
        Cgroups {
            root,
            systemctl: &systemctl,
        },
        parent.clone(),
    );
    let cgroups = &guard.0;
    assert_eq!(cgroups.facts(&parent).unwrap(), None);
    let all = CgroupFacts {
        memory_bytes: Some(64 << 20),
        milli_cpus: Some(1500),
        pids: Some(50),
    };
    let some = CgroupFacts {
        pids: Some(60),
        ..NONE
    };
    for limits in [&all, &all, &some, &NONE, &all] {
        assert_eq!(cgroups.set(&spec(&parent, limits)).unwrap(), *limits);
        assert_eq!(cgroups.facts(&parent).unwrap().as_ref(), Some(limits));
    }
    // the kernel keeps whole pages
    let odd = CgroupFacts {
        memory_bytes: Some((64 << 20) + 1),
        ..NONE
    };
    assert_eq!(
        cgroups.set(&spec(&parent, &odd)).unwrap().memory_bytes,
        Some(64 << 20)
    );

    let mut inside = Command::new("sleep")
        .arg("60")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let hierarchy = if cgroups.unified() {
        root.to_owned()
    } else {
        root.join("pids")
    };
    let place = hierarchy.join(&parent[1..]).join("engine-made");
    fs::create_dir(&place).unwrap();
    fs::write(place.join("cgroup.procs"), inside.id().to_string()).unwrap();
    let found = cgroups.used(Path::new(&parent[1..])).unwrap();
    assert_eq!(found.pids, 1, "{found:?}");
    let refused = cgroups.remove(&parent).unwrap_err();
    assert!(matches!(refused, HostError::CgroupBusy { .. }), "{refused}");
    inside.kill().unwrap();
    inside.wait().unwrap();
    cgroups.remove(&parent).unwrap();
    cgroups.remove(&parent).unwrap();
    assert_eq!(cgroups.facts(&parent).unwrap(), None);
}

#[test]
fn the_unified_layout() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let systemctl = nothing();
    let cgroups = Cgroups {
        root,
        systemctl: &systemctl,
    };
    fs::write(root.join("cgroup.controllers"), "cpu memory pids").unwrap();
    fs::write(root.join("cgroup.subtree_control"), "").unwrap();
    let place = root.join("aiplat-1");
    fs::create_dir(&place).unwrap();
    for (file, text) in [
        ("memory.max", "max\n"),
        ("cpu.max", "max 100000\n"),
        ("pids.max", "max\n"),
    ] {
        fs::write(place.join(file), text).unwrap();
    }
    assert_eq!(cgroups.facts("/aiplat-1").unwrap(), Some(NONE));
    // a file that keeps what is written at its start: shorter text would leave the rest of `max 100000`
    let all = CgroupFacts {
        memory_bytes: Some(4096),
        milli_cpus: Some(250),
        pids: Some(1234),
    };
    assert_eq!(cgroups.set(&spec("/aiplat-1", &all)).unwrap(), all);
    assert_eq!(
        fs::read_to_string(place.join("cpu.max")).unwrap().trim(),
        "25000 100000"
    );
    // a kernel that does not do what it is told
    fs::remove_file(place.join("pids.max")).unwrap();
    std::os::unix::fs::symlink("/dev/null", place.join("pids.max")).unwrap();
    let refused = cgroups.set(&spec("/aiplat-1", &all)).unwrap_err();
    assert!(
        matches!(refused, HostError::CgroupDiffers { .. }),
        "{refused}"
    );
    // and one that lacks a controller
    fs::remove_file(place.join("pids.max")).unwrap();
    let refused = cgroups.set(&spec("/aiplat-1", &all)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "this host cannot limit a cgroup by `pids.max`"
    );
    cgroups
        .set(&spec("/aiplat-1", &CgroupFacts { pids: None, ..all }))
        .unwrap();
}

/// A cgroup and a container in it that use 7 pages, 3 of which are files.
fn used(place: &Path, names: [&str; 2], prefix: &str, pids: &Path) {
    for place in [place, &place.join("c0ffee")] {
        fs::create_dir_all(place).unwrap();
        fs::write(place.join(names[0]), "28672\n").unwrap();
        fs::write(place.join(names[1]), "max\n").unwrap();
        let stat = format!(
            "anon 16384\n{prefix}inactive_file 8192\n{prefix}active_file 4096\n{prefix}unevictable 0\n"
        );
        fs::write(place.join("memory.stat"), stat).unwrap();
    }
    fs::create_dir_all(pids.join("c0ffee")).unwrap();
    fs::write(pids.join("pids.max"), "max\n").unwrap();
    fs::write(pids.join("c0ffee/pids.current"), "5\n").unwrap();
}

#[test]
fn less_memory_than_is_used_is_refused_before_anything_is_written() {
    let (older, newer) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (older, newer) = (older.path(), newer.path());
    let parent = "aiplat-1";
    let names = ["memory.usage_in_bytes", "memory.limit_in_bytes"];
    let pids = older.join("pids").join(parent);
    used(&older.join("memory").join(parent), names, "total_", &pids);
    fs::write(newer.join("cgroup.controllers"), "cpu memory pids").unwrap();
    fs::write(newer.join("cgroup.subtree_control"), "").unwrap();
    let names = ["memory.current", "memory.max"];
    used(&newer.join(parent), names, "", &newer.join(parent));
    let systemctl = nothing();
    for (root, limit) in [
        (older, "memory/aiplat-1/memory.limit_in_bytes"),
        (newer, "aiplat-1/memory.max"),
    ] {
        let cgroups = Cgroups {
            root,
            systemctl: &systemctl,
        };
        let of = |parent| cgroups.used_by_container(parent, "cgroupfs", "c0ffee");
        let found = of(Some("/aiplat-1")).unwrap();
        assert_eq!((found.memory_bytes, found.pids), (4 * 4096, 5));
        assert_eq!(of(None).unwrap(), CgroupUse::default());
        let wants = |pages: u64| CgroupFacts {
            memory_bytes: Some(pages * 4096),
            ..NONE
        };
        let refused = cgroups.set(&spec("/aiplat-1", &wants(3))).unwrap_err();
        assert!(
            matches!(
                refused,
                HostError::CgroupTooSmall {
                    wanted: 12288,
                    used: 16384,
                    ..
                }
            ),
            "{refused}"
        );
        let left = fs::read_to_string(root.join(limit)).unwrap();
        assert_eq!(left, "max\n", "it was not written");
        cgroups.set(&spec("/aiplat-1", &wants(4))).unwrap();
    }
}

#[test]
fn a_slice_is_left_to_systemd() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("cgroup");
    let place = root.join("aiplat.slice/aiplat-1.slice");
    fs::create_dir_all(&place).unwrap();
    let log = dir.path().join("log");
    let script = dir.path().join("systemctl");
    fs::write(
        &script,
        format!("#!/bin/sh\necho \"$*\" >> {}\n", log.display()),
    )
    .unwrap();
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let systemctl = Program::named(&script);
    let cgroups = Cgroups {
        root: &root,
        systemctl: &systemctl,
    };
    let all = CgroupFacts {
        memory_bytes: Some(4096),
        milli_cpus: Some(1255),
        pids: Some(9),
    };
    let refused = cgroups.set(&spec("aiplat-1.slice", &all)).unwrap_err();
    assert!(
        matches!(refused, HostError::Unsupported { .. }),
        "not with the older layout"
    );
    fs::write(root.join("cgroup.controllers"), "").unwrap();
    for (file, text) in [
        ("memory.max", "4096"),
        ("cpu.max", "125500 100000"),
        ("pids.max", "9"),
    ] {
        fs::write(place.join(file), text).unwrap();
    }
    assert_eq!(cgroups.set(&spec("aiplat-1.slice", &all)).unwrap(), all);
    let refused = cgroups.set(&spec("aiplat-1.slice", &NONE)).unwrap_err();
    assert!(matches!(refused, HostError::CgroupDiffers { .. }));
    assert_eq!(
        fs::read_to_string(log).unwrap(),
        "start aiplat-1.slice\n\
         set-property aiplat-1.slice MemoryMax=4096 CPUQuota=125.5% TasksMax=9\n\
         start aiplat-1.slice\n\
         set-property aiplat-1.slice MemoryMax=infinity CPUQuota= TasksMax=infinity\n"
    );
}

#[test]
fn no_cgroup_but_ours_is_ever_named() {
    let systemctl = nothing();
    let cgroups = Cgroups {
        root: Path::new("/sys/fs/cgroup"),
        systemctl: &systemctl,
    };
    for bad in [
        "",
        "/",
        "/docker",
        "aiplat-1",
        "/aiplat-",
        "/aiplat-../x",
        "/aiplat-1/x",
        "/aiplat-A",
        "/aiplat-1.slice",
        "system.slice",
        "aiplat-a-b.slice",
        "../aiplat-1.slice",
        "aiplat-.slice",
    ] {
        assert!(
            matches!(cgroups.remove(bad), Err(HostError::BadName { .. })),
            "{bad}"
        );
        assert!(
            matches!(
                cgroups.set(&spec(bad, &NONE)),
                Err(HostError::BadName { .. })
            ),
            "{bad}"
        );
        assert!(cgroups.facts(bad).is_err(), "{bad}");
    }
}
