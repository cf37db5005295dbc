//! The processes of a container, by its cgroup.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use procfs::process::{Stat, StatFlags};
use procfs::{FromBufRead, FromRead, ProcessCGroups};

use super::HostError;

/// Hierarchies of the older layout in which the engine gives each container a cgroup of its own, likeliest first.
const CONTROLLERS: [&str; 4] = ["pids", "memory", "cpu", "name=systemd"];

/// Every process in the cgroup of `pid` and below. `pid` alone where it is in no cgroup but the root.
///
/// One that the engine is only just bringing in, as it does for every health check, is none of the container's yet: it
/// puts itself under the container's limits first, gives up the host's rights after that, and then becomes the program.
pub(crate) fn members(proc: &Path, cgroups: &Path, pid: u32) -> Result<Vec<u32>, HostError> {
    let path = proc.join(pid.to_string()).join("cgroup");
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return Err(HostError::NoProcess { pid });
        }
        Err(e) => return Err(HostError::io("read", &path, e)),
    };
    let Some(cgroup) = own_cgroup(cgroups, &path, &text)? else {
        return Ok(vec![pid]);
    };
    let mut found = BTreeSet::from([pid]);
    collect(&cgroup, &mut found);
    let all = found.clone();
    found.retain(|other| *other == pid || !enters(proc, *other, &all));
    Ok(found.into_iter().collect())
}

/// Whether a process came from outside and has not become another program since: the children of a container's own
/// processes have their parents inside, whatever becomes of those.
fn enters(proc: &Path, pid: u32, inside: &BTreeSet<u32>) -> bool {
    let stat = Stat::from_file(proc.join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| {
        let forked = StatFlags::from_bits_retain(stat.flags).contains(StatFlags::PF_FORKNOEXEC);
        let parent = u32::try_from(stat.ppid);
        forked && parent.is_ok_and(|parent| !inside.contains(&parent))
    })
}

fn own_cgroup(root: &Path, path: &Path, text: &[u8]) -> Result<Option<PathBuf>, HostError> {
    let groups = ProcessCGroups::from_buf_read(text).map_err(|_| HostError::Malformed {
        path: path.to_owned(),
        expected: "the kernel's list of a process's cgroups",
    })?;
    let below = |pathname: &str| pathname.trim_start_matches('/').to_owned();
    let unified = groups
        .0
        .iter()
        .find(|g| g.hierarchy == 0 && g.pathname != "/");
    if let Some(group) = unified {
        // beside the older layout it is mounted in a folder of its own
        let places = [root.to_owned(), root.join("unified")];
        let mut places = places
            .iter()
            .map(|place| place.join(below(&group.pathname)));
        if let Some(place) = places.find(|place| place.join("cgroup.procs").exists()) {
            return Ok(Some(place));
        }
    }
    for controller in CONTROLLERS {
        let has = |c: &String| c == controller;
        let group = groups
            .0
            .iter()
            .find(|g| g.controllers.iter().any(has) && g.pathname != "/");
        if let Some(group) = group {
            let hierarchy = controller.trim_start_matches("name=");
            return Ok(Some(root.join(hierarchy).join(below(&group.pathname))));
        }
    }
    Ok(None)
}

/// A cgroup that goes away meanwhile has no members.
fn collect(cgroup: &Path, found: &mut BTreeSet<u32>) {
    let procs = std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    found.extend(procs.lines().filter_map(|line| line.parse::<u32>().ok()));
    let Ok(entries) = std::fs::read_dir(cgroup) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            collect(&entry.path(), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn world(cgroup: &str, members: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (proc, root) = (dir.path().join("proc"), dir.path().join("cgroup"));
        fs::create_dir_all(proc.join("7")).unwrap();
        fs::write(proc.join("7/cgroup"), cgroup).unwrap();
        for (place, procs) in members {
            fs::create_dir_all(root.join(place)).unwrap();
            fs::write(root.join(place).join("cgroup.procs"), procs).unwrap();
        }
        (dir, proc, root)
    }

    #[test]
    fn in_each_layout_all_and_only_the_container_s_are_found() {
        let inside = [
            ("CGROUP/c1", "7\n8\n"),
            ("CGROUP/c1/init", "9\n"),
            ("CGROUP/c2", "10\n"),
        ];
        for (cgroup, root) in [
            ("0::/docker/c1\n", "docker"),
            (
                "5:pids:/docker/c1\n2:cpu,cpuacct:/docker/c1\n0::/\n",
                "pids/docker",
            ),
            ("1:name=systemd:/docker/c1\n", "systemd/docker"),
            ("4:memory:/docker/c1\n0::/docker/c1\n", "unified/docker"),
        ] {
            let members_in: Vec<_> = inside
                .iter()
                .map(|(place, procs)| (place.replace("CGROUP", root), *procs))
                .collect();
            let borrowed: Vec<_> = members_in.iter().map(|(p, m)| (p.as_str(), *m)).collect();
            let (_dir, proc, root) = world(cgroup, &borrowed);
            assert_eq!(members(&proc, &root, 7).unwrap(), [7, 8, 9], "{cgroup}");
            assert!(matches!(
                members(&proc, &root, 8),
                Err(HostError::NoProcess { pid: 8 })
            ));
        }
    }

    #[test]
    fn one_that_is_only_just_brought_in_is_not_among_them() {
        let (_dir, proc, root) = world("0::/c\n", &[("c", "7\n8\n9\n10\n11\n")]);
        // forked and nothing else; by whom, and with which flags
        for (pid, parent, flags) in [
            (7, 1, 0x40_0140),
            (8, 7, 0x40_0140),
            (9, 1, 0x40_0100),
            (10, 1, 0x40_0140),
        ] {
            let rest = "0 ".repeat(43);
            let line = format!("{pid} (a (b) c) S {parent} 1 1 0 -1 {flags} {rest}");
            fs::create_dir_all(proc.join(pid.to_string())).unwrap();
            fs::write(proc.join(pid.to_string()).join("stat"), line).unwrap();
        }
        assert_eq!(members(&proc, &root, 7).unwrap(), [7, 8, 9, 11]);
    }

    #[test]
    fn the_root_cgroup_is_no_container_s() {
        let (_dir, proc, root) = world("5:pids:/\n0::/\n", &[("", "1\n7\n"), ("pids", "1\n7\n")]);
        assert_eq!(members(&proc, &root, 7).unwrap(), [7]);
    }

    #[test]
    fn this_process_is_among_its_own() {
        let own = std::process::id();
        let found = members(Path::new("/proc"), Path::new("/sys/fs/cgroup"), own).unwrap();
        assert!(found.contains(&own));
    }
}
